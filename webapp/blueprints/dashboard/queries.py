"""What the dashboard asks of the database: typed wrappers of its functions, and two short lists.

None of these questions takes longer the more orders there are. Each names the organisation so that its index is used;
that other organisations' rows stay unseen is the work of the policies, and would be without it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Function, Integer, Select, Uuid, bindparam, column, func, select
from sqlalchemy.orm import Session

from webapp.models import LOW_STOCK, Order, Product, Profile


class Stats(NamedTuple):
    """Hold the key figures. Averages are None where there is nothing to divide by.

    The same days of the last month are as many of its days as this month has had, today included. ``low_stock`` stops
    at LOW_STOCK_COUNTED.
    """

    today: date
    month_orders: int
    month_revenue: Decimal
    month_average: Decimal | None
    same_days_orders: int
    same_days_revenue: Decimal
    same_days_average: Decimal | None
    last_month_orders: int
    last_month_revenue: Decimal
    last_month_average: Decimal | None
    all_orders: int
    pending_orders: int
    pending_total: Decimal
    low_stock: int
    has_products: bool


class Day(NamedTuple):
    """Hold what was sold on one day, and on the day as many days earlier as the period has."""

    day: date
    orders: int
    revenue: Decimal
    before_day: date
    before_orders: int
    before_revenue: Decimal


class Best(NamedTuple):
    """Hold a product and what orders of one month brought for it."""

    product_id: UUID
    name: str
    sku: str
    quantity: int
    revenue: Decimal


class BestOf(NamedTuple):
    """Hold the best products of the month that begins with ``month``."""

    month: date
    products: tuple[Best, ...]


class Low(NamedTuple):
    """Hold a product that is running out."""

    id: UUID
    name: str
    sku: str
    stock: int


class Latest(NamedTuple):
    """Hold an order as somebody placed it; ``name`` is None where the viewer may not know them, who have left."""

    id: UUID
    number: int
    total: Decimal
    placed_at: datetime
    placed_by: UUID | None
    name: str | None

    @property
    def initials(self) -> str:
        """Return the first letters of the first word and the last one of the name."""
        words = (self.name or "–").replace("@", " ").split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


_ORG = bindparam("org_id", type_=Uuid())
_COUNT = bindparam("count", type_=Integer())


def _of(function: Function[Any], fields: tuple[str, ...]) -> Select[Any]:
    """Return the question that reads ``fields`` from what a function returns."""
    columns: list[ColumnElement[Any]] = [column(name) for name in fields]
    return select(*columns).select_from(function)


# Built once, as each costs more to build than to ask.
_STATS = _of(func.public.get_dashboard_stats(_ORG), Stats._fields)
_SALES = _of(func.public.get_sales_analytics(_ORG, _COUNT), Day._fields)
_BEST = _of(func.public.get_best_products(_ORG, bindparam("month", type_=Date()), _COUNT), Best._fields)
_LOW = (
    select(*(getattr(Product, name) for name in Low._fields))
    .where(Product.org_id == _ORG, Product.stock <= LOW_STOCK, Product.is_active)
    .order_by(Product.stock, Product.id)
    .limit(_COUNT)
)
_LATEST = (
    select(
        Order.id,
        Order.number,
        Order.total,
        Order.placed_at,
        Order.placed_by,
        func.coalesce(func.nullif(Profile.full_name, ""), Profile.email),
    )
    .outerjoin(Profile, Profile.id == Order.placed_by)
    .where(Order.org_id == _ORG)
    .order_by(Order.placed_at.desc(), Order.id.desc())
    .limit(_COUNT)
)


def stats(session: Session, org_id: UUID) -> Stats | None:
    """Return the key figures, or None of an organisation that the viewer is not in."""
    row = session.execute(_STATS, {"org_id": org_id}).one_or_none()
    return Stats(*row) if row else None


def sales(session: Session, org_id: UUID, days: int) -> tuple[Day, ...]:
    """Return the last ``days`` days, today at the end, none left out. Only for the periods that there are."""
    return tuple(Day(*row) for row in session.execute(_SALES, {"org_id": org_id, "count": days}))


def best_products(session: Session, org_id: UUID, today: date, count: int) -> BestOf:
    """Return what sells best this month, or the last one's where that had more while this one has too few."""
    month = today.replace(day=1)
    this = best_of(session, org_id, month, count)
    if len(this.products) >= count:
        return this
    last = best_of(session, org_id, (month - timedelta(days=1)).replace(day=1), count)
    return last if len(last.products) > len(this.products) else this


def best_of(session: Session, org_id: UUID, month: date, count: int) -> BestOf:
    """Return what sold best in the month that begins with ``month``."""
    rows = session.execute(_BEST, {"org_id": org_id, "month": month, "count": count})
    return BestOf(month, tuple(Best(*row) for row in rows))


def low_on_stock(session: Session, org_id: UUID, count: int) -> tuple[Low, ...]:
    """Return the products on sale of which the fewest are left."""
    return tuple(Low(*row) for row in session.execute(_LOW, {"org_id": org_id, "count": count}))


def latest_orders(session: Session, org_id: UUID, count: int) -> tuple[Latest, ...]:
    """Return the orders that were placed last, newest first."""
    return tuple(Latest(*row) for row in session.execute(_LATEST, {"org_id": org_id, "count": count}))
