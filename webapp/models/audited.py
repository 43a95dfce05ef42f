"""Which columns of a table the audit trail keeps, declared beside the model, and the triggers that follow from it.

A table that belongs to a tenant declares ``Audited`` or ``Unaudited`` in its ``info``; ``webapp.models`` makes one
function and three triggers of each ``Audited``. What is not listed is never written: a secret or a hash cannot get into
the trail by being added to a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import MetaData, Table

from webapp.rls.policy import Function, Trigger, quote

INFO_KEY: Final = "rowhouse.audited"
# Random for each statement, and counted within it: gen_random_uuid() for each row was the dearest part of all.
_ID: Final = "(v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid"
_EVENTS: Final = (
    ("insert", "referencing new table as new_rows"),
    ("update", "referencing old table as old_rows new table as new_rows"),
    ("delete", "referencing old table as old_rows"),
)


@dataclass(frozen=True, slots=True)
class Audited:
    """Declare what the audit trail keeps of a table.

    ``columns`` are kept as they were before and after. ``omitted`` are left out knowingly, which a test holds every
    other column to that is not generated. ``org`` and ``record`` name the columns that say whose the row is and which
    it is; together they must be its primary key. ``parent`` names the column that points to the record in whose history
    the row's changes belong, such as the order of an item.
    """

    columns: tuple[str, ...]
    omitted: tuple[str, ...] = ("created_at", "updated_at")
    parent: str | None = None
    org: str = "org_id"
    record: str = "id"

    def as_info(self) -> dict[str, Any]:
        """Return the ``info`` of a Table that carries this declaration."""
        return {INFO_KEY: self}


@dataclass(frozen=True, slots=True)
class Unaudited:
    """Declare that the audit trail keeps nothing of a table, and why."""

    reason: str

    def as_info(self) -> dict[str, Any]:
        """Return the ``info`` of a Table that carries this declaration."""
        return {INFO_KEY: self}


def audited(table: Table) -> Audited | Unaudited | None:
    """Return what a mapped table declares of the audit trail, or None."""
    found = table.info.get(INFO_KEY)
    return found if isinstance(found, (Audited, Unaudited)) else None


def functions_of(metadata: MetaData) -> Iterator[Function]:
    """Yield the trigger function of each table that is audited, in the order of their names."""
    for table, declared in _audited_tables(metadata):
        yield audit_function(table.name, declared)


def triggers_of(metadata: MetaData) -> Iterator[Trigger]:
    """Yield the triggers of each table that is audited, in the order of the tables' names."""
    for table, _ in _audited_tables(metadata):
        yield from audit_triggers(table.name)


def _audited_tables(metadata: MetaData) -> Iterator[tuple[Table, Audited]]:
    for _, table in sorted(metadata.tables.items()):
        declared = audited(table)
        if isinstance(declared, Audited):
            yield table, declared


def audit_function(table: str, declared: Audited) -> Function:
    """Return the function that writes the changes of ``table``, of schema public, to the audit trail.

    It has static SQL and runs once per statement, however many rows. An UPDATE joins the rows before to those after by
    FULL JOIN, which Postgres does by hashing or merging alone: the plan is kept for the session, and one that was made
    for a single row would else be nested loops, which for ten thousand rows are a hundred million comparisons. A row
    whose key changes has no partner, and reads as one that went and one that came.
    """
    org, record = quote(declared.org), quote(declared.record)
    parent = quote(declared.parent) if declared.parent else None
    before, after = (_lines([f"{side}.{quote(column)}" for column in declared.columns], 4) for side in "on")
    was, is_ = (_object(side, declared.columns) for side in "on")
    told = f"v_user, now(), v_now, '{table}'"
    return Function(
        f"rowhouse.audit_{table}()",
        f"""create or replace function rowhouse.{quote(f"audit_{table}")}() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.{org}, n.{record}, {f"n.{parent}" if parent else "null::uuid"}, {told}, 'insert',
      {_ID},
      {is_}
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.{org}, o.{record}, {f"o.{parent}" if parent else "null::uuid"}, {told}, 'delete',
      {_ID},
      {was}
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.{org}, o.{org}), coalesce(n.{record}, o.{record}),
      {f"coalesce(n.{parent}, o.{parent})" if parent else "null::uuid"}, {told},
      (case when o.{record} is null then 'insert' when n.{record} is null then 'delete' else 'update'
      end)::public.audit_action,
      {_ID},
      case when o.{record} is not null then {was} end,
      case when n.{record} is not null then {is_} end
    from old_rows o
    full join new_rows n on (o.{org}, o.{record}) = (n.{org}, n.{record})
    where row({before}) is distinct from row({after});
  end if;
  return null;
end
$$""",
    )


def audit_triggers(table: str) -> tuple[Trigger, Trigger, Trigger]:
    """Return the triggers of ``table``: one for each kind of statement, since Postgres asks for one where a trigger
    is given the rows."""
    first, second, third = (
        Trigger(
            f"{table}_audit_{event}",
            f"public.{quote(table)}",
            f"create trigger {quote(f'{table}_audit_{event}')} after {event} on public.{quote(table)}\n"
            f"{given}\n"
            f"for each statement execute function rowhouse.{quote(f'audit_{table}')}()",
        )
        for event, given in _EVENTS
    )
    return first, second, third


def _object(side: str, columns: tuple[str, ...]) -> str:
    # A third cheaper than jsonb_build_object, which looks up the type of each argument anew for each row.
    return f"(select to_jsonb(r) from (select{_lines([f'{side}.{quote(column)}' for column in columns], 6, ' ')}) r)"


def _lines(parts: list[str], indent: int, before: str = "") -> str:
    """Return ``parts`` with commas between them: after ``before`` where they fit, else on lines of their own."""
    flat = ", ".join(parts)
    if len(flat) < 32:
        return before + flat
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) < 90:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    step = "\n" + " " * indent
    return f"{step}  " + f",{step}  ".join(lines) + step
