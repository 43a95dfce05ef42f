"""What the list of orders asks of the database.

Each query names the organisation so that its index is used; that other organisations' rows stay unseen is the work
of the policies, and would be without it.

Comparing an enum is not leakproof, so under RLS no index scan is bounded by ``status = …`` (manual, section 39.5). Each
status has a partial index instead, whose condition the planner proves from the query: for that the status is written
as a literal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, func, literal_column, or_, select, tuple_
from sqlalchemy.orm import Session

from webapp.blueprints.orders.listing import Listing, Show
from webapp.models import Order, OrderStatus
from webapp.web.keyset import Cursor

PAGE: Final = 50  # rows
CAP: Final = 10_000  # rows are counted up to here

LAST: Final = "\U0010ffff"  # sorts after every text that goes on, in the order of bytes


class Row(NamedTuple):
    """Hold an order as the list shows it."""

    id: UUID
    number: int
    customer: str
    reference: str
    status: OrderStatus
    item_count: int
    total: Decimal
    placed_at: datetime

    @property
    def cursor(self) -> Cursor:
        """Return the place of this row in the list."""
        return Cursor(self.placed_at, self.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of the list, and the places where its neighbours begin; None where there is none."""

    rows: tuple[Row, ...]
    before: Cursor | None
    after: Cursor | None


class Count(NamedTuple):
    """Hold a number of rows; ``more`` where counting stopped before the last one."""

    value: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """Hold how many orders each tab has, and how many the present state of the list finds."""

    tabs: Mapping[Show, Count]
    found: Count


def page(session: Session, org_id: UUID, listing: Listing) -> Page:
    """Return one page of ``listing``. Every page begins where the index says, however deep it is."""
    if listing.before is not None:
        rows = _rows(session, org_id, listing, listing.before, backwards=True)
        if len(rows) > PAGE:
            return _page(rows[-PAGE:], before=True, after=True)
        # Fewer than a page come before that place, so the first page is what was meant.
        rows = _rows(session, org_id, listing, None)
        return _page(rows[:PAGE], before=False, after=len(rows) > PAGE)
    if listing.after is not None:
        rows = _rows(session, org_id, listing, listing.after)
        if rows:
            return _page(rows[:PAGE], before=True, after=len(rows) > PAGE)
    rows = _rows(session, org_id, listing, None)
    return _page(rows[:PAGE], before=False, after=len(rows) > PAGE)


def _page(rows: list[Row], *, before: bool, after: bool) -> Page:
    return Page(
        tuple(rows),
        before=rows[0].cursor if before and rows else None,
        after=rows[-1].cursor if after and rows else None,
    )


def _rows(
    session: Session, org_id: UUID, listing: Listing, start: Cursor | None, *, backwards: bool = False
) -> list[Row]:
    """Return up to one row more than a page, newest first, from ``start`` on or up to it."""
    query = select(*(getattr(Order, name) for name in Row._fields)).where(*matching(org_id, listing))
    if start is not None:
        key = tuple_(Order.placed_at, Order.id)
        place = tuple_(
            bindparam("value", start.value, type_=Order.placed_at.type), bindparam("row", start.id, type_=Uuid())
        )
        query = query.where(key > place if backwards else key < place)
    ends = (Order.placed_at.asc(), Order.id.asc()) if backwards else (Order.placed_at.desc(), Order.id.desc())
    found = [Row(*row) for row in session.execute(query.order_by(*ends).limit(PAGE + 1))]
    return found[::-1] if backwards else found


def matching(org_id: UUID, listing: Listing) -> list[ColumnElement[bool]]:
    """Return the conditions that the orders of ``listing`` meet, wherever its page begins."""
    conditions = [Order.org_id == org_id]
    if listing.show != Show.ALL:
        conditions.append(Order.status == _literal(OrderStatus(listing.show)))
    if listing.since is not None:
        conditions.append(Order.placed_at >= listing.since)
    if listing.until is not None:
        conditions.append(Order.placed_at < listing.until)
    if listing.search:
        begins = [_begins(Order.customer_key, listing.search), _begins(Order.reference_key, listing.search)]
        number = [] if listing.number is None else [Order.number == listing.number]
        conditions.append(or_(*begins, *number))
    return conditions


def _begins(column: Any, typed: str) -> ColumnElement[bool]:
    """Return the condition that a text begins so, as a range: LIKE is not leakproof, and bounds no index scan."""
    key = func.lower(bindparam(None, typed)).collate("C")
    end = func.lower(bindparam(None, typed)).op("||")(bindparam(None, LAST)).collate("C")
    condition: ColumnElement[bool] = (column >= key) & (column < end)
    return condition


def _literal(status: OrderStatus) -> ColumnElement[Any]:
    return literal_column(f"'{status.value}'::public.order_status")


def counts(session: Session, org_id: UUID, listing: Listing) -> Counts:
    """Count what each tab holds by ``public.get_order_counts``, and up to 10,000 of what ``listing`` finds."""
    answer = func.public.get_order_counts(org_id).table_valued("status", "orders")
    tabs = {Show(str(row.status)): Count(int(row.orders)) for row in session.execute(select(answer))}
    tabs[Show.ALL] = Count(sum(count.value for count in tabs.values()))
    if not listing.is_narrowed:
        return Counts(tabs, tabs[listing.show])
    found = session.execute(select(_up_to_cap(*matching(org_id, listing)))).scalar_one()
    return Counts(tabs, Count(min(found, CAP), found > CAP))


def _up_to_cap(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    capped = select(Order.id).where(*conditions).limit(CAP + 1).subquery()
    return select(func.count()).select_from(capped).scalar_subquery()
