"""What the pages of the audit trail ask of the database.

The list goes from transaction to transaction and not from row to row: a change of ten thousand products is one line of
it. A recursive query finds the moment of each, one probe of an index for one line, and reads no more than the first
rows of what was done then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal, select, text, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from webapp.blueprints.audit.entries import Change, Counted, Entry, Names, changes, data
from webapp.blueprints.audit.filters import Wanted
from webapp.blueprints.audit.words import Told, tell
from webapp.models import Product
from webapp.models.audit import AuditAction, AuditEntry
from webapp.models.orders import Order

PAGE: Final = 30  # changes
SAMPLE: Final = 5  # rows of each kind that a change shows
COUNTED: Final = 1_000  # rows of one change that are counted
COUNTED_ALONE: Final = 100_000  # rows that are counted on the page of one change
HISTORY: Final = 200  # rows of a record, or of one change, on one page
PEOPLE: Final = 500  # people that the filter offers

# Whoever changes anything is a member, or was one, which the trail has kept. Those entries have an index of their own.
_PEOPLE: Final = text("""
select p.id, p.name
from rowhouse.audit_people(:org, array(
  select m.user_id from public.memberships m where m.org_id = :org
  union
  select e.record_id from public.audit_log e where e.org_id = :org and e.table_name = 'memberships'
)) p
order by lower(p.name), p.id
limit :most
""")
_HISTORY: Final = text("""
select h.at, h.id, h.written_at, h.table_name, h.record_id, h.parent_id, h.action::text, h.user_id,
  h.old_data::text, h.new_data::text
from public.get_audit_history(:org, :table, :record, :most, :before) h
""")
_NAMES: Final = text("select p.id, p.name from rowhouse.audit_people(:org, :ids) p")


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of changes, and the moments where its neighbours begin; None where there is none."""

    changes: tuple[Change, ...]
    before: datetime | None = None
    after: datetime | None = None


class Person(NamedTuple):
    """Name somebody who has changed something."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Whole:
    """Hold all that was done at one moment, or a page of it; ``after`` is the row that the next page begins after.

    ``count`` is how many rows there are, ``more`` that there are even more.
    """

    changes: tuple[Change, ...]
    count: int
    more: bool
    after: UUID | None


def recent(session: Session, org_id: UUID, limit: int) -> tuple[Told, ...]:
    """Return the last changes of an organisation in words, newest first; none to who is no administrator of it."""
    found = changes(_rows(session, org_id, Wanted(), None, limit))[:limit]
    return tell(found, names(session, org_id, found))


def page(session: Session, org_id: UUID, wanted: Wanted) -> Page:
    """Return the page of the trail that ``wanted`` names.

    A page at an end that turns out not to be full is read again from that end.
    """
    if wanted.before is not None:
        found = changes(_rows(session, org_id, wanted, wanted.before, PAGE + 1, backwards=True))
        if len(found) >= PAGE:
            return _page(found[-PAGE:], before=len(found) > PAGE, after=True)
    elif wanted.after is not None:
        found = changes(_rows(session, org_id, wanted, wanted.after, PAGE + 1))
        if found:
            return _page(found[:PAGE], before=True, after=len(found) > PAGE)
    found = changes(_rows(session, org_id, wanted, None, PAGE + 1))
    return _page(found[:PAGE], before=False, after=len(found) > PAGE)


def _page(found: Sequence[Change], *, before: bool, after: bool) -> Page:
    return Page(
        tuple(found),
        before=found[0].at if before and found else None,
        after=found[-1].at if after and found else None,
    )


def _rows(
    session: Session, org_id: UUID, wanted: Wanted, start: datetime | None, most: int, *, backwards: bool = False
) -> list[Counted]:
    """Return the first rows of up to ``most`` changes from ``start`` on, newest first, or up to it."""
    step = _steps(org_id, wanted, start, most, backwards)
    entry = aliased(AuditEntry)
    of_one = (
        select(entry)
        .where(*matching(entry, org_id, wanted), entry.at == step.c.at)
        .order_by(entry.id)
        .limit(COUNTED + 1)
        .subquery()
        .lateral()
    )
    alike = (of_one.c.at, of_one.c.table_name, of_one.c.action, of_one.c.user_id)
    numbered = (
        select(
            *of_one.c,
            func.row_number().over(partition_by=alike, order_by=(of_one.c.written_at, of_one.c.id)).label("nth"),
            func.count().over(partition_by=alike).label("alike"),
            func.count().over(partition_by=of_one.c.at).label("every"),
        )
        .select_from(step)
        .join(of_one, true())
        .subquery()
    )
    query = (
        select(*_columns(numbered.c), numbered.c.alike, numbered.c.every)
        .where(numbered.c.nth <= SAMPLE)
        .order_by(numbered.c.at.desc(), numbered.c.written_at, numbered.c.id)
    )
    return [Counted(_entry(row), min(row.alike, COUNTED), row.every > COUNTED) for row in session.execute(query).all()]


def _steps(org_id: UUID, wanted: Wanted, start: datetime | None, most: int, backwards: bool) -> Any:
    """Return the moments of up to ``most`` changes: each is found by the one before it."""
    first = aliased(AuditEntry)
    following = aliased(AuditEntry)

    def beyond(at: InstrumentedAttribute[datetime], than: ColumnElement[datetime] | datetime) -> ColumnElement[bool]:
        return at > than if backwards else at < than

    def order(at: InstrumentedAttribute[datetime]) -> ColumnElement[Any]:
        return at.asc() if backwards else at.desc()

    where = matching(first, org_id, wanted)
    if start is not None:
        where.append(beyond(first.at, start))
    begin = select(first.at).where(*where).order_by(order(first.at)).limit(1).subquery()
    step = select(begin.c.at, literal(1).label("nth")).cte("step", recursive=True)
    then = (
        select(following.at)
        .where(*matching(following, org_id, wanted), beyond(following.at, step.c.at))
        .order_by(order(following.at))
        .limit(1)
        .scalar_subquery()
    )
    return step.union_all(select(then, step.c.nth + 1).where(step.c.at.is_not(None), step.c.nth < most))


def matching(entry: type[AuditEntry], org_id: UUID, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the entries that ``wanted`` names, wherever its page begins."""
    found = [entry.org_id == org_id]
    if wanted.table:
        found.append(entry.table_name == wanted.table)
    if wanted.by_operator:
        found.append(entry.user_id.is_(None))
    elif wanted.person is not None:
        found.append(entry.user_id == wanted.person)
    if wanted.begins is not None:
        found.append(entry.at >= wanted.begins)
    # Always bounded, so that the planner leaves out the months to come, which stand ready and hold nothing.
    found.append(entry.at < (wanted.ends or datetime.now(UTC) + timedelta(days=1)))
    return found


def _columns(of: Any) -> tuple[Any, ...]:
    plain = (of.at, of.id, of.written_at, of.table_name, of.record_id, of.parent_id, of.action, of.user_id)
    # As text: read as JSON the numbers would be floats.
    return (*plain, cast(of.old_data, Text), cast(of.new_data, Text))


def _entry(row: Any) -> Entry:
    at, id_, written_at, table, record_id, parent_id, action, user_id, old, new = row[:10]
    return Entry(at, id_, written_at, table, record_id, parent_id, AuditAction(action), user_id, data(old), data(new))


def whole(session: Session, org_id: UUID, at: datetime, after: UUID | None) -> Whole | None:
    """Return what was done at one moment, from a row on; None where there is nothing of it."""
    of_one = (AuditEntry.org_id == org_id, AuditEntry.at == at)
    query = select(*_columns(AuditEntry)).where(*of_one)
    if after is not None:
        query = query.where(AuditEntry.id > after)
    rows = [_entry(row) for row in session.execute(query.order_by(AuditEntry.id).limit(HISTORY + 1)).all()]
    if not rows:
        return None
    counted = select(AuditEntry.id).where(*of_one).limit(COUNTED_ALONE + 1).subquery()
    count = session.scalar(select(func.count()).select_from(counted)) or 0
    return Whole(
        changes(Counted(entry, 1, False) for entry in rows[:HISTORY]),
        min(count, COUNTED_ALONE),
        count > COUNTED_ALONE,
        rows[HISTORY - 1].id if len(rows) > HISTORY else None,
    )


def history(session: Session, org_id: UUID, table: str, record_id: UUID, before: datetime | None) -> Page:
    """Return what happened to one record and to what belongs to it, newest first (public.get_audit_history).

    A change of which not all is read is left to the next page, but where it alone is more than a page holds.
    """
    given = {"org": org_id, "table": table, "record": record_id, "most": HISTORY + 1, "before": before}
    rows = [_entry(row) for row in session.execute(_HISTORY, given).all()]
    found = changes(Counted(entry, 1, False) for entry in rows[:HISTORY])
    if len(rows) <= HISTORY:
        return Page(found)
    if len(found) > 1 and rows[HISTORY].at == found[-1].at:
        found = found[:-1]
    return Page(found, after=found[-1].at)


def product_name(session: Session, org_id: UUID, product_id: UUID) -> tuple[str, str] | None:
    """Return the name and the SKU of a product, or None."""
    query = select(Product.name, Product.sku).where(Product.org_id == org_id, Product.id == product_id)
    row = session.execute(query).one_or_none()
    return (row[0], row[1]) if row else None


def order_number(session: Session, org_id: UUID, order_id: UUID) -> int | None:
    """Return the number of an order, or None."""
    return session.scalar(select(Order.number).where(Order.org_id == org_id, Order.id == order_id))


def people(session: Session, org_id: UUID) -> list[Person]:
    """Return everybody who is or was a member, by name; up to 500 of them."""
    return [Person(*row) for row in session.execute(_PEOPLE, {"org": org_id, "most": PEOPLE}).all()]


def names(session: Session, org_id: UUID, of: Iterable[Change]) -> Names:
    """Return how to call the people, orders and products that ``of`` names by id alone."""
    who: set[UUID] = set()
    orders: set[UUID] = set()
    products: set[UUID] = set()
    for change in of:
        if change.user_id is not None:
            who.add(change.user_id)
        for entry in (entry for part in change.parts for entry in part.entries):
            if entry.table == "memberships":
                who.add(entry.record_id)
            if entry.parent_id is not None:
                orders.add(entry.parent_id)
            if entry.table == "inventory_movements" and "product_id" in entry.data:
                products.add(UUID(entry.data["product_id"]))
    return Names(
        people={row[0]: row[1] for row in session.execute(_NAMES, {"org": org_id, "ids": list(who)}).all()}
        if who
        else {},
        orders=_by_id(session, org_id, Order, Order.number, orders),
        products=_by_id(session, org_id, Product, Product.name, products),
    )


def _by_id(
    session: Session, org_id: UUID, model: type[Order] | type[Product], column: Any, ids: set[UUID]
) -> dict[UUID, Any]:
    if not ids:
        return {}
    query = select(model.id, column).where(model.org_id == org_id, model.id.in_(sorted(ids)))
    return {row[0]: row[1] for row in session.execute(query).all()}
