"""What changes of many products ask of the database.

The products of a change are found under RLS, as the person who asks, and never leave the database: the function that
changes them gets their ids from the query that finds them. It and its opposite alone write the records of changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Numeric, Select, Uuid, cast, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from webapp.blueprints.bulk.forms import Selection, Wanted
from webapp.models import ChangeKind, Product, ProductChange, ProductChangeItem, Profile
from webapp.models.bulk import product_change_kind
from webapp.rls.errors import InvalidValue, Refused, UniqueViolation
from webapp.web.amounts import MOST
from webapp.web.catalogue import matching
from webapp.web.keyset import Cursor

EXAMPLES: Final = 8  # products that a preview shows
PAGE: Final = 50

_AUTHOR = aliased(Profile, name="author")
_UNDOER = aliased(Profile, name="undoer")


class AlreadyMade(Exception):
    """Say that this very change was made already: its form was sent twice."""


class TooHigh(Exception):
    """Say that a price would be higher than any may be."""


class CannotUndo(Exception):
    """Say that a change was undone already."""


class Example(NamedTuple):
    """Hold one product that a change would touch."""

    id: UUID
    name: str
    sku: str
    stock: int
    price: Decimal
    new_price: Decimal


@dataclass(frozen=True, slots=True)
class Preview:
    """Hold what a change would do now: to how many of the products that it finds, and to the sum of their prices.

    ``worth_before`` and ``worth_after`` are what is in stock of them; ``free`` would cost nothing afterwards, and
    ``too_high`` more than any price may be.
    """

    found: int
    changed: int
    before: Decimal
    after: Decimal
    worth_before: Decimal
    worth_after: Decimal
    free: int
    too_high: int
    examples: tuple[Example, ...]

    @property
    def seen(self) -> str:
        """Return what tells this outcome from another."""
        return _seen(self.changed, self.before, self.after)


class Done(NamedTuple):
    """Hold what a change has done."""

    changed: int
    before: Decimal
    after: Decimal

    @property
    def seen(self) -> str:
        """Return what tells this outcome from another."""
        return _seen(self.changed, self.before, self.after)


class Undone(NamedTuple):
    """Hold how many products have their old value again, and how many had been changed since and were left alone."""

    restored: int
    kept: int


class Change(NamedTuple):
    """Hold one change as it is told of; a name is None where the person is not in the organisation any more."""

    id: UUID
    kind: ChangeKind
    percent: Decimal | None
    changed: int
    created_at: datetime
    by: str | None
    undone_at: datetime | None
    undone_by: str | None
    restored: int | None

    @property
    def cursor(self) -> Cursor:
        """Return its place among the changes."""
        return Cursor(self.created_at, self.id)


class Item(NamedTuple):
    """Hold one product of a change, as it is called today."""

    product_id: UUID
    name: str
    sku: str
    price: Decimal
    is_active: bool
    old_price: Decimal | None
    new_price: Decimal | None
    left_alone: bool


def _seen(changed: int, before: Decimal, after: Decimal) -> str:
    return f"{changed}/{before:.2f}/{after:.2f}"


def _meant(org_id: UUID, selection: Selection) -> Sequence[ColumnElement[bool]]:
    if selection.narrowing is not None:
        return matching(org_id, selection.narrowing)
    return [Product.org_id == org_id, Product.id.in_(selection.ids)]


def _new_price(wanted: Wanted, digits: int) -> ColumnElement[Decimal]:
    """Return the price after the change, by the same arithmetic as ``public.change_products``: exact, rounded once."""
    if wanted.kind != ChangeKind.PRICE:
        return Product.price.expression
    factor = 100 + (wanted.percent or Decimal(0))
    return func.round(Product.price * factor * Decimal("0.01"), digits, type_=Numeric(14, 2))


def preview(session: Session, org_id: UUID, wanted: Wanted, digits: int) -> Preview:
    """Return what a change would do, written nowhere. ``digits`` are those of the currency, 2 at most."""
    found = (
        select(
            Product.id,
            Product.name,
            Product.name_key,
            Product.sku,
            Product.stock,
            Product.is_active,
            Product.price,
            _new_price(wanted, digits).label("new_price"),
        )
        .where(*_meant(org_id, wanted.selection))
        .subquery("found")
    )
    changes = {
        ChangeKind.ARCHIVE: found.c.is_active,
        ChangeKind.RESTORE: ~found.c.is_active,
        ChangeKind.PRICE: found.c.new_price != found.c.price,
    }[wanted.kind]
    totals = {
        "before": found.c.price,
        "after": found.c.new_price,
        "worth_before": found.c.price * found.c.stock,
        "worth_after": found.c.new_price * found.c.stock,
    }
    sums: list[Any] = [
        func.count().label("found"),
        func.count().filter(changes).label("changed"),
        *(func.coalesce(func.sum(value).filter(changes), 0).label(name) for name, value in totals.items()),
        func.count().filter(changes, found.c.new_price == 0).label("free"),
        func.count().filter(found.c.new_price > MOST).label("too_high"),
    ]
    examples = session.execute(
        select(*(found.c[name] for name in Example._fields))
        .where(changes)
        .order_by(found.c.name_key, found.c.id)
        .limit(EXAMPLES)
    )
    found_so = session.execute(select(*sums)).one()._asdict()
    return Preview(**found_so, examples=tuple(Example(*row) for row in examples))


def change(session: Session, org_id: UUID, wanted: Wanted, digits: int) -> Done:
    """Change the products, and keep what each was. Raises AlreadyMade, TooHigh."""
    ids = select(func.array_agg(Product.id)).where(*_meant(org_id, wanted.selection)).scalar_subquery()
    done = func.public.change_products(
        org_id,
        wanted.change_id,
        cast(wanted.kind, product_change_kind),
        cast(wanted.percent, Numeric),
        digits,
        cast(ids, ARRAY(Uuid())),
    ).table_valued("changed", "total_before", "total_after")
    try:
        return Done(*session.execute(select(done)).one())
    except UniqueViolation as exc:
        raise AlreadyMade from exc
    except InvalidValue as exc:  # numeric(12,2) does not hold it
        raise TooHigh from exc


def undo(session: Session, org_id: UUID, change_id: UUID) -> Undone:
    """Give the products of a change the value back that they had, where nobody has changed it since.

    Raises CannotUndo where that was done already.
    """
    done = func.public.undo_product_change(org_id, change_id).table_valued("undone", "kept")
    try:
        return Undone(*session.execute(select(done)).one())
    except Refused as exc:
        raise CannotUndo from exc


def _changes(org_id: UUID) -> Select[Any]:
    told: list[Any] = [
        ProductChange.id,
        ProductChange.kind,
        ProductChange.percent,
        ProductChange.changed,
        ProductChange.created_at,
        func.coalesce(func.nullif(_AUTHOR.full_name, ""), _AUTHOR.email),
        ProductChange.undone_at,
        func.coalesce(func.nullif(_UNDOER.full_name, ""), _UNDOER.email),
        ProductChange.restored,
    ]
    return (
        select(*told)
        .outerjoin(_AUTHOR, _AUTHOR.id == ProductChange.created_by)
        .outerjoin(_UNDOER, _UNDOER.id == ProductChange.undone_by)
        .where(ProductChange.org_id == org_id)
    )


def get(session: Session, org_id: UUID, change_id: UUID) -> Change | None:
    """Return one change, or None where there is none that the viewer may see."""
    row = session.execute(_changes(org_id).where(ProductChange.id == change_id)).one_or_none()
    return Change(*row) if row else None


def changes(session: Session, org_id: UUID, before: Cursor | None) -> tuple[tuple[Change, ...], bool]:
    """Return a page of changes, the newest first, from ``before`` on, and whether there are older ones."""
    query = _changes(org_id)
    if before is not None:
        place = tuple_(cast(before.value, ProductChange.created_at.type), cast(before.id, Uuid()))
        query = query.where(tuple_(ProductChange.created_at, ProductChange.id) < place)
    newest = query.order_by(ProductChange.created_at.desc(), ProductChange.id.desc()).limit(PAGE + 1)
    rows = [Change(*row) for row in session.execute(newest)]
    return tuple(rows[:PAGE]), len(rows) > PAGE


def items(
    session: Session, org_id: UUID, change_id: UUID, *, kept: bool, after: UUID | None
) -> tuple[tuple[Item, ...], bool]:
    """Return a page of a change's products and whether there are more; ``kept``: those that undoing left alone.

    ``after`` is the product that the page before ended with.
    """
    query = (
        select(
            ProductChangeItem.product_id,
            Product.name,
            Product.sku,
            Product.price,
            Product.is_active,
            ProductChangeItem.old_price,
            ProductChangeItem.new_price,
            ProductChangeItem.left_alone,
        )
        .join(Product, (Product.org_id == ProductChangeItem.org_id) & (Product.id == ProductChangeItem.product_id))
        .where(ProductChangeItem.org_id == org_id, ProductChangeItem.change_id == change_id)
        .order_by(ProductChangeItem.product_id)
        .limit(PAGE + 1)
    )
    if kept:
        query = query.where(ProductChangeItem.left_alone)
    if after is not None:
        query = query.where(ProductChangeItem.product_id > after)
    rows = [Item(*row) for row in session.execute(query)]
    return tuple(rows[:PAGE]), len(rows) > PAGE
