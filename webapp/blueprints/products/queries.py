"""What the catalogue's pages ask of the database.

Each query names the organisation so that its index is used; that other organisations' rows stay unseen is the work
of the policies, and would be without it.

The policies come before any condition that is not leakproof (manual, section 39.5): such a condition is checked row
by row and bounds no index scan. That is so for comparisons of ``numeric`` and for ``@@``. A page sorted by price
therefore passes over the entries before it, and a search reads the organisation's rows in the order of the list
until the page is full; every other page begins where the index says, however deep it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Select,
    UnaryExpression,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.blueprints.products.listing import Listing, Sort
from webapp.models import LOW_STOCK, Product
from webapp.rls.errors import UniqueViolation
from webapp.web.catalogue import Show, matching
from webapp.web.keyset import Cursor

PAGE: Final = 50  # rows
CAP: Final = 10_000  # rows are counted up to here

_COLUMNS: Final[Mapping[Sort, InstrumentedAttribute[Any]]] = {
    Sort.NAME: Product.name_key,
    Sort.SKU: Product.sku,
    Sort.STOCK: Product.stock,
    Sort.PRICE: Product.price,
    Sort.CHANGED: Product.updated_at,
}


class Row(NamedTuple):
    """Hold a product as the list shows it."""

    id: UUID
    name: str
    sku: str
    price: Decimal
    stock: int
    is_active: bool
    updated_at: datetime
    name_key: str

    @property
    def is_low(self) -> bool:
        """Tell whether it is on sale and low on stock."""
        return self.is_active and self.stock <= LOW_STOCK

    def cursor(self, sort: Sort) -> Cursor:
        """Return the place of this row in the order."""
        return Cursor(getattr(self, _COLUMNS[sort].key), self.id)


class Values(NamedTuple):
    """Hold what people write of a product."""

    name: str
    description: str
    sku: str
    price: Decimal
    stock: int
    is_active: bool


class Record(NamedTuple):
    """Hold one product."""

    id: UUID
    values: Values
    created_at: datetime
    updated_at: datetime

    @property
    def is_low(self) -> bool:
        """Tell whether it is on sale and low on stock."""
        return self.values.is_active and self.values.stock <= LOW_STOCK

    @property
    def seen(self) -> str:
        """Return what tells this state of the product from the ones after it."""
        return self.updated_at.isoformat()


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
    """Hold how many products each tab has, and how many the present state of the list finds."""

    tabs: Mapping[Show, Count]
    found: Count


class Holder(NamedTuple):
    """Name the product that has a SKU."""

    id: UUID
    name: str


class SkuTaken(Exception):
    """Say that another product has the SKU; ``other`` is None if it has just given it up."""

    def __init__(self, other: Holder | None) -> None:
        self.other = other


class AlreadyMade(Exception):
    """Say that a product with this id is there: the form was sent twice, or once more with other words."""

    def __init__(self, record: Record) -> None:
        self.record = record


def page(session: Session, org_id: UUID, listing: Listing) -> Page:
    """Return the page of the list that ``listing`` names, by one query.

    Rows may have come and gone since the address was made. A page at an end that turns out not to be full is read
    again from that end, by a second query, so that nobody is led to an empty page while there are rows.
    """
    if listing.before is not None:
        rows = _rows(session, org_id, listing, listing.before, backwards=True)
        if len(rows) >= PAGE:
            return _page(listing.sort, rows[-PAGE:], before=len(rows) > PAGE, after=True)
    elif listing.after is not None:
        rows = _rows(session, org_id, listing, listing.after)
        if rows:
            return _page(listing.sort, rows[:PAGE], before=True, after=len(rows) > PAGE)
        rows = _rows(session, org_id, listing, None, backwards=True)
        return _page(listing.sort, rows[-PAGE:], before=len(rows) > PAGE, after=False)
    rows = _rows(session, org_id, listing, None)
    return _page(listing.sort, rows[:PAGE], before=False, after=len(rows) > PAGE)


def _page(sort: Sort, rows: list[Row], *, before: bool, after: bool) -> Page:
    return Page(
        tuple(rows),
        before=rows[0].cursor(sort) if before and rows else None,
        after=rows[-1].cursor(sort) if after and rows else None,
    )


def _rows(
    session: Session, org_id: UUID, listing: Listing, start: Cursor | None, *, backwards: bool = False
) -> list[Row]:
    """Return up to one row more than a page, in the order of the list, from ``start`` on or up to it."""
    column = _COLUMNS[listing.sort]
    downwards = listing.descending != backwards
    query = select(*(getattr(Product, name) for name in Row._fields)).where(*matching(org_id, listing))
    if start is not None:
        key = tuple_(column, Product.id)
        place = tuple_(
            bindparam("value", start.value, type_=column.type), bindparam("row", start.id, type_=Product.id.type)
        )
        query = query.where(key < place if downwards else key > place)
    ends = in_order(listing.sort, descending=downwards)
    found = [Row(*row) for row in session.execute(query.order_by(*ends).limit(PAGE + 1))]
    return found[::-1] if backwards else found


def in_order(sort: Sort, *, descending: bool) -> tuple[UnaryExpression[Any], UnaryExpression[Any]]:
    """Return what orders the list, no two rows alike."""
    column = _COLUMNS[sort]
    return (column.desc(), Product.id.desc()) if descending else (column.asc(), Product.id.asc())


def counts(session: Session, org_id: UUID, listing: Listing) -> Counts:
    """Count what each tab holds and what ``listing`` finds, by one query that stops at 10,000 rows for each."""
    sample = select(Product.is_active, Product.stock).where(Product.org_id == org_id).limit(CAP + 1).subquery("sample")
    query = select(
        func.count().label("all"),
        func.count().filter(sample.c.is_active).label("active"),
        func.count().filter(sample.c.is_active, sample.c.stock <= LOW_STOCK).label("low"),
    ).select_from(sample)
    if listing.is_narrowed:
        found = select(Product.id).where(*matching(org_id, listing)).limit(CAP + 1).subquery("found")
        query = query.add_columns(select(func.count()).select_from(found).scalar_subquery().label("found"))
    row = session.execute(query).one()._mapping
    more = row["all"] > CAP
    tabs = {
        show: Count(min(value, CAP), more)
        for show, value in (
            (Show.ALL, row["all"]),
            (Show.ACTIVE, row["active"]),
            (Show.LOW, row["low"]),
            (Show.ARCHIVED, row["all"] - row["active"]),
        )
    }
    if not listing.is_narrowed:
        return Counts(tabs, tabs[listing.show])
    return Counts(tabs, Count(min(row["found"], CAP), row["found"] > CAP))


def _record(org_id: UUID, product_id: UUID) -> Select[Any]:
    columns = (getattr(Product, name) for name in Values._fields)
    return select(Product.id, Product.created_at, Product.updated_at, *columns).where(
        Product.org_id == org_id, Product.id == product_id
    )


def get(session: Session, org_id: UUID, product_id: UUID, *, lock: bool = False) -> Record | None:
    """Return a product, or None where there is none that the viewer may see.

    ``lock`` keeps others from changing it until the transaction ends, and finds only what the viewer may change:
    locking asks the UPDATE policy as well.
    """
    query = _record(org_id, product_id)
    row = session.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    return Record(row[0], Values(*row[3:]), row[1], row[2]) if row else None


def create(session: Session, org_id: UUID, product_id: UUID, values: Values) -> None:
    """Make a product. Raises AlreadyMade where the id is there already, SkuTaken where the SKU is another's."""
    try:
        with session.begin_nested():
            session.execute(insert(Product).values(org_id=org_id, id=product_id, **values._asdict()))
    except UniqueViolation as exc:
        made = get(session, org_id, product_id)
        if made is not None:
            raise AlreadyMade(made) from exc
        raise _sku_taken(session, org_id, values.sku, exc) from exc


def change(session: Session, org_id: UUID, product_id: UUID, values: Values) -> None:
    """Write a product that the transaction has locked. Raises SkuTaken."""
    try:
        with session.begin_nested():
            session.execute(_update(org_id, product_id).values(values._asdict()))
    except UniqueViolation as exc:
        raise _sku_taken(session, org_id, values.sku, exc) from exc


def set_active(session: Session, org_id: UUID, product_id: UUID, is_active: bool) -> None:
    """Archive or restore a product that the transaction has locked."""
    session.execute(_update(org_id, product_id).values(is_active=is_active))


def _update(org_id: UUID, product_id: UUID) -> Any:
    return (
        update(Product)
        .where(Product.org_id == org_id, Product.id == product_id)
        .execution_options(synchronize_session=False)
    )


def _sku_taken(session: Session, org_id: UUID, sku: str, exc: UniqueViolation) -> Exception:
    if exc.constraint != "products_org_id_sku_key":
        return exc
    return SkuTaken(holder(session, org_id, sku))


def holder(session: Session, org_id: UUID, sku: str) -> Holder | None:
    """Return the product that has a SKU, or None."""
    row = session.execute(
        select(Product.id, Product.name).where(Product.org_id == org_id, Product.sku == sku)
    ).one_or_none()
    return Holder(*row) if row else None
