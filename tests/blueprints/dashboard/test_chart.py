"""The drawing: its scale, its groups, its words, and that its table says the same."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webapp.blueprints.dashboard import chart, months
from webapp.blueprints.dashboard.months import Figure
from webapp.blueprints.dashboard.queries import Day, Stats
from webapp.models.sales_reading import PERIODS

SATURDAY = date(2026, 11, 21)
AMOUNTS = st.decimals(0, Decimal("9999999999.99"), places=2)


def days(count: int, *, today: date = SATURDAY, revenue: Decimal = Decimal(10)) -> list[Day]:
    """Return ``count`` days up to ``today``, each with an order, and half of that on the days before."""
    back = timedelta(days=count)
    every = [today - timedelta(days=number) for number in range(count - 1, -1, -1)]
    return [Day(day, 1, revenue, day - back, 1, revenue / 2) for day in every]


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
@example([Decimal("0.01")])
@example([Decimal("2000.00")])
def test_nothing_stands_out_of_the_drawing_and_the_tallest_fills_a_good_part_of_it(revenues: list[Decimal]) -> None:
    sales = [day._replace(revenue=amount) for day, amount in zip(days(len(revenues)), revenues, strict=True)]
    drawn = chart.draw(sales, "EUR")
    heights = [Decimal(bar.height) for bar in drawn.bars]
    assert all(0 <= height <= chart.HEIGHT for height in heights)
    assert all(Decimal(bar.y) + Decimal(bar.height) - chart.HEIGHT < 1 for bar in drawn.bars)
    if max(revenues) >= max(day.before_revenue for day in sales):
        assert max(heights) >= chart.HEIGHT * Decimal("0.39")
    numbers = [Decimal(part) for part in drawn.before.removeprefix("M").split()]
    assert all(0 <= x <= chart.WIDTH for x in numbers[::2])
    assert all(0 <= y <= chart.HEIGHT for y in numbers[1::2])


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        ("0.80", ("€0.80", "0.6", "0.4", "0.2", "0")),
        ("3", ("€4", "3", "2", "1", "0")),
        ("9.50", ("€10", "7.5", "5", "2.5", "0")),
        ("1200", ("€2,000", "1,500", "1,000", "500", "0")),
        ("99000", ("€100K", "75K", "50K", "25K", "0")),
        ("1234567.89", ("€2M", "1.5M", "1M", "500K", "0")),
    ],
)
def test_the_lines_across_have_round_amounts(most: str, ticks: tuple[str, ...]) -> None:
    assert chart.draw(days(7, revenue=Decimal(most)), "EUR").ticks == ticks


@pytest.mark.parametrize("period", PERIODS)
def test_the_bars_add_up_to_the_period(period: int) -> None:
    drawn = chart.draw(days(period), "EUR")
    assert drawn.orders == period
    assert drawn.revenue == 10 * period
    assert drawn.before_revenue == 5 * period
    assert sum(bar.revenue for bar in drawn.bars) == drawn.revenue
    assert sum(bar.before_revenue for bar in drawn.bars) == drawn.before_revenue
    assert [bar.is_open for bar in drawn.bars] == [False] * (len(drawn.bars) - 1) + [True]


def test_a_year_is_drawn_by_weeks_that_begin_on_monday() -> None:
    drawn = chart.draw(days(365), "EUR")
    assert drawn.unit == "week"
    assert [bar.orders for bar in drawn.bars] == [2, *[7] * 51, 6]
    assert [bar.label for bar in drawn.bars[-2:]] == ["9–15 Nov", "16–21 Nov"]
    assert drawn.bars[0].label == "22–23 Nov 2025"
    assert drawn.bars[0].before_label == "22–23 Nov 2024"
    assert drawn.under[-1] == "This week"


def test_the_names_under_the_bars_tell_the_days() -> None:
    assert chart.draw(days(7), "EUR").under == ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Today")
    assert chart.draw(days(30), "EUR").under == ("23 Oct", "30 Oct", "6 Nov", "14 Nov", "Today")


def test_a_day_of_another_year_is_named_with_it() -> None:
    labels = [bar.label for bar in chart.draw(days(7, today=date(2026, 1, 2)), "EUR").bars]
    assert labels[-3:] == ["31 Dec 2025", "1 January", "2 January"]


def test_a_shorter_period_stands_beside_the_days_before_it() -> None:
    month = [day._replace(orders=number) for number, day in enumerate(days(30))]
    week = chart.shortened(month, 7)
    assert [day.orders for day in week] == list(range(23, 30))
    assert [day.before_orders for day in week] == list(range(16, 23))
    assert [day.day - day.before_day for day in week] == [timedelta(days=7)] * 7
    assert chart.shortened(month, 30) == month


def test_nothing_sold_is_an_empty_drawing() -> None:
    nothing = [day._replace(orders=0, revenue=Decimal(0)) for day in days(7, revenue=Decimal(0))]
    assert not chart.draw(nothing, "EUR").is_empty, "something was sold before"
    assert chart.draw([day._replace(before_orders=0) for day in nothing], "EUR").is_empty


@pytest.mark.parametrize("count", [0, 1, 9, 30])
def test_a_small_line_stays_in_its_frame_whatever_it_has(count: int) -> None:
    for spark in chart.sparks(days(count)):
        numbers = [Decimal(part) for part in spark.line.removeprefix("M").split()]
        assert all(0 <= x <= chart.SPARK_WIDTH for x in numbers[::2])
        assert all(0 <= y <= chart.SPARK_HEIGHT for y in numbers[1::2])


@pytest.mark.parametrize(
    ("now", "before", "growth"),
    [
        ("12", "10", "20"),
        ("5", "10", "-50"),
        ("0", "10", "-100"),
        ("3", "0", None),
        ("3", None, None),
        (None, "3", None),
    ],
)
def test_growth_is_said_only_where_there_is_something_to_grow_from(
    now: str | None, before: str | None, growth: str | None
) -> None:
    figure = Figure(Decimal(now) if now else None, Decimal(before) if before else None)
    assert figure.growth == (Decimal(growth) if growth else None)


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 21), ("November", "October", "1–21 Oct")),
        (date(2026, 3, 31), ("March", "February", "1–28 Feb")),
        (date(2026, 1, 1), ("January", "December", "1 Dec")),
    ],
)
def test_a_month_is_compared_with_as_many_days_of_the_last_one(today: date, words: tuple[str, str, str]) -> None:
    nothing = Decimal(0)
    stats = Stats(today, 0, nothing, None, 0, nothing, None, 0, nothing, None, 0, 0, nothing, 0, False)
    found = months.figures(stats)
    assert (found.month, found.last_month, found.same_days) == words
