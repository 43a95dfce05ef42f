"""The drawing of sales over time: where each bar stands, what is written beside it, and the same as rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final, NamedTuple

from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_compact_currency, format_compact_decimal, format_currency

from webapp.blueprints.dashboard.months import Figure
from webapp.blueprints.dashboard.queries import Day
from webapp.web import formats

WIDTH: Final = 300  # of the drawing, which is stretched to the width that it has on the page
HEIGHT: Final = 200
STEPS: Final = 4  # between the lines across
BY_WEEK: Final = 120  # days; more of them are drawn as weeks
COMPACT: Final = 100_000  # from here on amounts beside the lines are written as 125K
SPARK_WIDTH: Final = 88
SPARK_HEIGHT: Final = 32
SPARK_POINTS: Final = 10

_NICE: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


class Bar(NamedTuple):
    """Hold one bar, and the row of the table that says the same. ``is_open`` where its day or week is not over."""

    x: str
    y: str
    width: str
    height: str
    label: str
    orders: int
    revenue: Decimal
    before_label: str
    before_revenue: Decimal
    is_open: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Hold the drawing of one period. ``ticks`` stand beside the lines across, from the top down."""

    bars: tuple[Bar, ...]
    before: str
    ticks: tuple[str, ...]
    under: tuple[str, ...]
    unit: str
    days: int
    first: str
    last: str
    orders: int
    revenue: Decimal
    before_orders: int
    before_revenue: Decimal

    @property
    def change(self) -> Figure:
        """Return the sales of the period beside those of the one before."""
        return Figure(self.revenue, self.before_revenue)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to draw, in this period and in the one before."""
        return not self.orders and not self.before_orders

    @property
    def lowest(self) -> Decimal:
        """Return the least that a bar stands for; one that is not over says nothing yet."""
        return min((bar.revenue for bar in self.bars[:-1]), default=Decimal(0))

    @property
    def highest(self) -> Bar:
        """Return the tallest bar."""
        return max(self.bars, key=lambda bar: bar.revenue)


class Spark(NamedTuple):
    """Hold the paths of a small line: the ground under it, and the line."""

    area: str
    line: str


class Sparks(NamedTuple):
    """Hold the small lines beside the figures."""

    revenue: Spark
    orders: Spark
    average: Spark


def shortened(sales: Sequence[Day], days: int) -> list[Day]:
    """Return the last ``days`` days, each beside the day that many days earlier.

    Shorter than ``sales``, the days before are taken from among them: they must hold twice as many.
    """
    if days >= len(sales):
        return list(sales)
    pairs = zip(sales[-days:], sales[-2 * days : -days], strict=True)
    return [now._replace(before_day=b.day, before_orders=b.orders, before_revenue=b.revenue) for now, b in pairs]


def draw(sales: Sequence[Day], currency: str) -> Chart:
    """Return the drawing of some days, the last one being today. The days of the period before lie behind as a line."""
    today = sales[-1].day
    groups = _weeks(sales) if len(sales) > BY_WEEK else [[day] for day in sales]
    revenues = [sum((day.revenue for day in group), Decimal(0)) for group in groups]
    befores = [sum((day.before_revenue for day in group), Decimal(0)) for group in groups]
    step = _step(max([*revenues, *befores, Decimal(0)]))
    top = step * STEPS
    room = Decimal(WIDTH) / len(groups)
    bars, points = [], []
    for number, (group, revenue, before) in enumerate(zip(groups, revenues, befores, strict=True)):
        height = revenue / top * HEIGHT
        bars.append(
            Bar(
                x=_at(room * number + room * Decimal("0.15")),
                y=_at(HEIGHT - height),
                width=_at(room * Decimal("0.7"), 2),
                height=_at(height),
                label=_label(group[0].day, group[-1].day, today),
                orders=sum(day.orders for day in group),
                revenue=revenue,
                before_label=_label(group[0].before_day, group[-1].before_day, today),
                before_revenue=before,
                is_open=number == len(groups) - 1,
            )
        )
        points.append(f"{_at(room * number + room / 2)} {_at(HEIGHT - before / top * HEIGHT)}")
    return Chart(
        bars=tuple(bars),
        before="M" + " ".join(points),
        ticks=tuple(_tick(step * number, currency, top=number == STEPS, most=top) for number in range(STEPS, -1, -1)),
        under=_under([group[0].day for group in groups], weekly=len(sales) > BY_WEEK),
        unit="week" if len(sales) > BY_WEEK else "day",
        days=len(sales),
        first=_label(sales[0].day, sales[0].day, today),
        last=_label(today, today, today),
        orders=sum(day.orders for day in sales),
        revenue=sum(revenues, Decimal(0)),
        before_orders=sum(day.before_orders for day in sales),
        before_revenue=sum(befores, Decimal(0)),
    )


def sparks(sales: Sequence[Day]) -> Sparks:
    """Return the small lines of some days: the course of it, without a scale."""
    size = max(1, len(sales) // SPARK_POINTS)
    parts = [sales[at : at + size] for at in range(len(sales) % size, len(sales), size)]
    revenues = [sum((day.revenue for day in part), Decimal(0)) for part in parts]
    orders = [Decimal(sum(day.orders for day in part)) for part in parts]
    averages = [revenue / count if count else Decimal(0) for revenue, count in zip(revenues, orders, strict=True)]
    return Sparks(_spark(revenues), _spark(orders), _spark(averages))


def _weeks(sales: Sequence[Day]) -> list[list[Day]]:
    return [list(days) for _, days in groupby(sales, key=lambda day: day.day - timedelta(days=day.day.weekday()))]


def _step(most: Decimal) -> Decimal:
    """Return a round number of which ``STEPS`` are no less than ``most``."""
    if most <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb((most / STEPS).adjusted())
    return next(power * nice for nice in _NICE if power * nice * STEPS >= most)


def _spark(values: Sequence[Decimal]) -> Spark:
    most = max(values, default=Decimal(0))
    room = Decimal(SPARK_WIDTH) / max(1, len(values) - 1)
    # A pixel is left at either end, or the line would be cut there.
    heights = [(value / most if most else Decimal(0)) * (SPARK_HEIGHT - 2) for value in values]
    points = " ".join(f"{_at(room * at)} {_at(SPARK_HEIGHT - 1 - height)}" for at, height in enumerate(heights))
    return Spark(f"M0 {SPARK_HEIGHT} L{points} L{SPARK_WIDTH} {SPARK_HEIGHT}z", f"M{points}")


def _at(value: Decimal, digits: int = 1) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".")


def _dates() -> str:
    return formats.dates_tag().replace("-", "_")


def _label(first: date, last: date, today: date) -> str:
    """Write a day or the days of a week, with the year where it is another one than today's."""
    year = "y" if last.year != today.year else ""
    if first == last:
        return format_skeleton(f"{year}MMMMd", first, locale=_dates())
    return format_interval(first, last, f"{year}MMMd", locale=_dates())


def _under(days: Sequence[date], *, weekly: bool) -> tuple[str, ...]:
    if len(days) <= 7:
        return (*(format_date(day, "EEE", locale=_dates()) for day in days[:-1]), "Today")
    places = [round(number * (len(days) - 1) / 4) for number in range(4)]
    names = [format_skeleton("MMMd", days[place], locale=_dates()) for place in places]
    return (*names, "This week" if weekly else "Today")


def _tick(amount: Decimal, currency: str, *, top: bool, most: Decimal) -> str:
    """Write an amount beside its line; the uppermost says the currency for all of them."""
    locale = formats.figures_locale()
    if most >= COMPACT:
        if top:
            return format_compact_currency(amount, currency, locale=locale, fraction_digits=1)
        return format_compact_decimal(amount, locale=locale, fraction_digits=1)
    if not top:
        return formats.number(amount)
    standard = locale.currency_formats["standard"].pattern
    pattern = standard if amount % 1 else re.sub(r"\.0+", "", standard)
    return format_currency(amount, currency, pattern, locale=locale, currency_digits=False)
