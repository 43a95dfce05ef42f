"""The lines of an import in the database: written as they are read, judged together, and made into products.

What can only be told of all lines, or of a line and the catalogue, is one statement for all. Statements that read the
lines name the organisation and the import first: so each begins where the primary key says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, delete, text
from sqlalchemy.orm import Session

from webapp.blueprints.imports.cells import Fault, Line
from webapp.models.imports import ProductImportChunk, ProductImportError, ProductImportLine

# One statement for thousands of lines, with a parameter for each column rather than for each cell.
_ADD_LINES: Final = text("""
insert into public.product_import_lines
  (org_id, import_id, created_by, line, is_good, sku, name, description, price, stock, is_active)
select :org_id, :import_id, :created_by, l.*
from unnest(
  cast(:line as integer[]), cast(:is_good as boolean[]), cast(:sku as text[]), cast(:name as text[]),
  cast(:description as text[]), cast(:price as numeric[]), cast(:stock as integer[]), cast(:is_active as boolean[])
) l
""")
_ADD_FAULTS: Final = text("""
insert into public.product_import_errors (org_id, import_id, created_by, line, place, column_name, value, reason)
select :org_id, :import_id, :created_by, f.*
from unnest(
  cast(:line as integer[]), cast(:place as integer[]), cast(:column as text[]), cast(:value as text[]),
  cast(:reason as text[])
) f
""")

# A SKU that stands twice: nobody can tell which line is meant, so all of them are bad, each naming another.
_ADD_REPEATED: Final = text("""
insert into public.product_import_errors (org_id, import_id, created_by, line, place, column_name, value, reason)
select :org_id, :import_id, :created_by, t.line, :place, :column, left(t.sku, 200),
  'The same SKU stands on line ' || case when t.line = t.first then t.second else t.first end
  || case when t.times = 3 then ' and on 1 more' when t.times > 3 then ' and on ' || t.times - 2 || ' more' else '' end
  || '.'
from (
  select l.line, l.sku, count(*) over same as times, min(l.line) over same as first,
    nth_value(l.line, 2) over (same order by l.line rows between unbounded preceding and unbounded following) as second
  from public.product_import_lines l
  where l.org_id = :org_id and l.import_id = :import_id and l.sku is not null
  window same as (partition by l.sku)
) t
where t.times > 1
""")
_MARK_BAD: Final = text("""
update public.product_import_lines l set is_good = false
where l.org_id = :org_id and l.import_id = :import_id and l.is_good and exists (
  select from public.product_import_errors e
  where e.org_id = :org_id and e.import_id = :import_id and e.line = l.line
)
""")

# A new product has no name and no price to keep.
_ADD_INCOMPLETE: Final = text("""
insert into public.product_import_errors (org_id, import_id, created_by, line, place, column_name, value, reason)
select :org_id, :import_id, :created_by, l.line, 0, '', left(l.sku, 200),
  'No product has this SKU, and the file has no column for '
  || concat_ws(' and ', case when l.name is null then 'the name' end, case when l.price is null then 'the price' end)
  || ' of a new one.'
from public.product_import_lines l
where l.org_id = :org_id and l.import_id = :import_id and l.is_good and (l.name is null or l.price is null)
  and not exists (select from public.products p where p.org_id = :org_id and p.sku = l.sku)
""")

_COUNT: Final = text("""
select count(*) as lines,
  count(*) filter (where l.is_good) as good,
  count(*) filter (where l.is_good and p.id is null) as to_make,
  count(*) filter (where l.is_good and p.id is not null and
    (coalesce(l.name, p.name), coalesce(l.description, p.description), coalesce(l.price, p.price),
     coalesce(l.stock, p.stock), coalesce(l.is_active, p.is_active))
    is distinct from (p.name, p.description, p.price, p.stock, p.is_active)) as to_change
from public.product_import_lines l
left join public.products p on p.org_id = :org_id and p.sku = l.sku
where l.org_id = :org_id and l.import_id = :import_id
""")

_LOCK_ORGANIZATION: Final = text(
    "select pg_try_advisory_xact_lock(hashtext('product_imports'), hashtext(cast(:org_id as text)))"
)
# In the order of ids, as everything does that locks several products.
_LOCK_PRODUCTS: Final = text("""
select count(*) from (
  select p.id from public.products p
  where p.org_id = :org_id and p.sku in (
    select l.sku from public.product_import_lines l
    where l.org_id = :org_id and l.import_id = :import_id and l.is_good
  )
  order by p.id for no key update of p
) locked
""")
_END_OF_BATCH: Final = text("""
select max(b.line) from (
  select l.line from public.product_import_lines l
  where l.org_id = :org_id and l.import_id = :import_id and l.line > :after order by l.line limit :size
) b
""")
_CHANGE: Final = text("""
update public.products p
set name = coalesce(l.name, p.name), description = coalesce(l.description, p.description),
  price = coalesce(l.price, p.price), stock = coalesce(l.stock, p.stock), is_active = coalesce(l.is_active, p.is_active)
from public.product_import_lines l
where l.org_id = :org_id and l.import_id = :import_id and l.line > :after and l.line <= :last and l.is_good
  and p.org_id = :org_id and p.sku = l.sku and
  (coalesce(l.name, p.name), coalesce(l.description, p.description), coalesce(l.price, p.price),
   coalesce(l.stock, p.stock), coalesce(l.is_active, p.is_active))
  is distinct from (p.name, p.description, p.price, p.stock, p.is_active)
""")
_MAKE: Final = text("""
insert into public.products (org_id, id, sku, name, description, price, stock, is_active)
select :org_id, rowhouse.uuid_v7(), l.sku, l.name, coalesce(l.description, ''), l.price, coalesce(l.stock, 0),
  coalesce(l.is_active, true)
from public.product_import_lines l
where l.org_id = :org_id and l.import_id = :import_id and l.line > :after and l.line <= :last and l.is_good
  and not exists (select from public.products p where p.org_id = :org_id and p.sku = l.sku)
""")


class Key(NamedTuple):
    """Name an import and whose it is."""

    org_id: UUID
    import_id: UUID
    created_by: UUID


class Counts(NamedTuple):
    """Hold what the lines of an import would do."""

    lines: int
    good: int
    to_make: int
    to_change: int


class Batch(NamedTuple):
    """Hold what a run of lines has done; ``last`` is where it ended."""

    last: int
    made: int
    changed: int


def clear(session: Session, key: Key) -> None:
    """Forget what an earlier check has found."""
    for table in (ProductImportLine, ProductImportError):
        session.execute(delete(table).where(table.org_id == key.org_id, table.import_id == key.import_id))


def forget_file(session: Session, key: Key) -> None:
    """Let go of the file and its lines; what was wrong with them stays."""
    for table in (ProductImportLine, ProductImportChunk):
        session.execute(delete(table).where(table.org_id == key.org_id, table.import_id == key.import_id))


def add(session: Session, key: Key, lines: Sequence[Line], faults: Sequence[Fault]) -> None:
    """Write lines as they were read, and what is wrong with them."""
    for statement, kind, rows in ((_ADD_LINES, Line, lines), (_ADD_FAULTS, Fault, faults)):
        if rows:
            columns = dict(zip(kind._fields, map(list, zip(*rows, strict=True)), strict=True))
            session.execute(statement, key._asdict() | columns)


def refuse_repeated(session: Session, key: Key, place: int, column: str) -> None:
    """Refuse every line whose SKU stands on another line too. ``place`` and ``column`` are those of the SKU."""
    if _run(session, _ADD_REPEATED, key, place=place, column=column):
        _run(session, _MARK_BAD, key)


def refuse_incomplete(session: Session, key: Key) -> int:
    """Refuse good lines that would make a product without name or price; return how many they are."""
    refused = _run(session, _ADD_INCOMPLETE, key)
    if refused:
        _run(session, _MARK_BAD, key)
    return refused


def count(session: Session, key: Key) -> Counts:
    """Count what the lines would do to the catalogue as it stands."""
    return Counts(*session.execute(_COUNT, key._asdict()).one())


def lock(session: Session, key: Key) -> bool:
    """Keep the products of good lines from changing until the transaction ends.

    False where another import is being applied in the organisation. Two at once would wait for each other over the
    products that both make, of which neither has a row to lock.
    """
    if not session.execute(_LOCK_ORGANIZATION, {"org_id": key.org_id}).scalar_one():
        return False
    session.execute(_LOCK_PRODUCTS, key._asdict())
    return True


def apply(session: Session, key: Key, after: int, size: int) -> Batch | None:
    """Make and change the products of up to ``size`` lines after the line ``after``; None where there are none."""
    last: int | None = session.execute(_END_OF_BATCH, key._asdict() | {"after": after, "size": size}).scalar_one()
    if last is None:
        return None
    changed = _run(session, _CHANGE, key, after=after, last=last)
    return Batch(last, _run(session, _MAKE, key, after=after, last=last), changed)


def _run(session: Session, statement: TextClause, key: Key, **values: Any) -> int:
    found = session.execute(statement, key._asdict() | values)
    return int(found.rowcount)  # type: ignore[attr-defined]  # a CursorResult, as of every statement that writes
