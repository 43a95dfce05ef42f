"""This month beside the last one: the figures above the chart, and the words for what they are compared with."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from babel.dates import format_date, format_interval

from webapp.blueprints.dashboard.queries import Stats
from webapp.web import formats


class Figure(NamedTuple):
    """Hold a figure, what it was before, and where it is a month's, that of the last month whole; None is no figure."""

    now: Decimal | None
    before: Decimal | None
    whole: Decimal | None = None

    @property
    def growth(self) -> Decimal | None:
        """Return by how many per cent it is more than before; None where that can't be said."""
        return 100 * (self.now - self.before) / self.before if self.now is not None and self.before else None


class Figures(NamedTuple):
    """Hold the three figures, the names of both months, and the days of the last one that are compared."""

    month: str
    last_month: str
    same_days: str
    revenue: Figure
    orders: Figure
    average: Figure


def figures(stats: Stats) -> Figures:
    """Return what is shown of the two months."""
    month = stats.today.replace(day=1)
    last = (month - timedelta(days=1)).replace(day=1)
    end = min(last + (stats.today - month), month - timedelta(days=1))
    return Figures(
        name(month),
        name(last),
        format_interval(last, end, "MMMd", locale=formats.dates_tag().replace("-", "_")),
        Figure(stats.month_revenue, stats.same_days_revenue, stats.last_month_revenue),
        Figure(Decimal(stats.month_orders), Decimal(stats.same_days_orders), Decimal(stats.last_month_orders)),
        Figure(stats.month_average, stats.same_days_average, stats.last_month_average),
    )


def name(month: date) -> str:
    """Return the name of a month."""
    return format_date(month, "LLLL", locale=formats.dates_tag().replace("-", "_"))
