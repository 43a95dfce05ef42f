"""Ask Postgres itself which rows it shows to a person, and how many there are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import psycopg
from psycopg import sql

from webapp import rls
from webapp.inspector import filters as narrowing
from webapp.inspector.catalog import Entry, Table
from webapp.inspector.desk import Desk, Eye, Look, TooSlow
from webapp.inspector.filters import Filter
from webapp.inspector.quoting import name as quoted
from webapp.inspector.quoting import raw
from webapp.inspector.rows import WHOLE, Row, alias_of, digested, is_askable, key_items, key_names, sign, type_of

MOST_COUNTED: Final = 10_000
COUNTING: Final = rls.Limits(statement=400, lock=200, idle=10_000, transaction=8_000)
PATIENCE: Final = 3.0  # seconds for the counts of all tables

Named = tuple[str, ...]


def named(row: Row) -> Named:
    """Return what names a row."""
    return tuple(str(value) for value in row.key.values())


def visible(eye: Eye, table: Table, rows: Sequence[Row]) -> set[Named] | None:
    """Return the keys of those rows that Postgres shows this person; None where it cannot be asked in time.

    One query for all. Where that raises, the rows are asked in halves: a policy may raise for one of them only, and who
    gets an error sees no row.
    """
    if not is_askable(table):
        return None
    condition, parameters = _among(table, rows)
    query = sql.SQL("select {} from {} as {} where {}").format(
        sql.SQL(", ").join(key_items(table)),
        quoted(table.schema, table.name),
        alias_of(table),
        condition,
    )
    try:
        with eye.savepoint():
            return {tuple(str(value) for value in found) for found in eye.rows(query, parameters)}
    except TooSlow:
        return None
    except psycopg.Error as exc:
        if len(rows) == 1 or exc.sqlstate in ("42501", "42P17"):
            return set()  # refused, or a policy that reads itself: for every row alike
    half = len(rows) // 2
    one, other = visible(eye, table, rows[:half]), visible(eye, table, rows[half:])
    return None if one is None or other is None else one | other


def _among(table: Table, rows: Sequence[Row]) -> tuple[sql.Composable, list[list[str | None]]]:
    names, alias = key_names(table), alias_of(table)
    if names == (WHOLE,):
        return digested(table) + sql.SQL(" = any (%s)"), [[row.key[WHOLE] for row in rows]]
    parameters = [[row.key[name] for row in rows] for name in names]
    kinds = [raw(type_of(table, name)) for name in names]
    items = [sql.SQL("{}.{}").format(alias, quoted(name)) for name in names]
    if len(names) == 1 and not type_of(table, names[0]).endswith("[]"):
        return items[0] + sign(table, names[0], "=") + sql.SQL("any (%s::{}[])").format(kinds[0]), parameters
    short = [sql.Identifier(f"k{place}") for place in range(len(names))]
    condition = sql.SQL("exists (select from rows from ({arrays}) as u ({short}) where {same})").format(
        arrays=sql.SQL(", ").join([sql.SQL("pg_catalog.unnest(%s::pg_catalog.text[])")] * len(names)),
        short=sql.SQL(", ").join(short),
        same=sql.SQL(" and ").join(
            item + sign(table, name, "=") + sql.SQL("u.{}::{}").format(one, kind)
            for item, name, one, kind in zip(items, names, short, kinds, strict=True)
        ),
    )
    return condition, parameters


@dataclass(frozen=True, slots=True)
class Count:
    """Hold how many rows a table has and how many of them somebody sees; None where that was not counted in time.

    ``is_more`` and ``is_more_visible`` tell that counting stopped at 10,000; ``estimate`` is what the planner believes.
    """

    total: int | None
    visible: int | None
    is_more: bool = False
    is_more_visible: bool = False
    estimate: int = -1


def count(desk: Desk, identity: rls.Identity, table: Table, filters: Sequence[Filter] = ()) -> Count:
    """Count the rows of a table, or of it as it is narrowed. Bounded in rows and in time, however large it is."""
    with replace(desk, limits=COUNTING).look(identity) as look:
        return _counted(look, table.schema, table.name, filters, table)


def counts(desk: Desk, identity: rls.Identity, entries: Sequence[Entry]) -> dict[int, Count]:
    """Return the counts of many tables by their oid; those that are not reached in a few seconds are left out."""
    began, found = time.monotonic(), {}
    with replace(desk, limits=COUNTING).look(identity) as look:
        for entry in entries:
            if time.monotonic() - began > PATIENCE:
                break
            found[entry.oid] = replace(_counted(look, entry.schema, entry.name, (), None), estimate=entry.estimate)
    return found


def _counted(look: Look, schema: str, name: str, filters: Sequence[Filter], table: Table | None) -> Count:
    # A person who is refused sees none; that the service role is refused tells nothing of the rows.
    all_of = _up_to(look.seer, schema, name, filters, table, refused=None) if look.seer else None
    seen = _up_to(look.person, schema, name, filters, table, refused=0)
    return Count(
        None if all_of is None else min(all_of, MOST_COUNTED),
        None if seen is None else min(seen, MOST_COUNTED),
        all_of is not None and all_of > MOST_COUNTED,
        seen is not None and seen > MOST_COUNTED,
        table.estimate if table and not filters else -1,
    )


def _up_to(
    eye: Eye, schema: str, name: str, filters: Sequence[Filter], table: Table | None, *, refused: int | None
) -> int | None:
    parts, values = narrowing.condition(table, filters) if table else ([], [])
    query = sql.SQL("select count(*) from (select from {} as {}{} limit {}) as counted").format(
        quoted(schema, name),
        alias_of(table) if table else quoted("r"),
        sql.SQL(" where ") + sql.SQL(" and ").join(parts) if parts else sql.SQL(""),
        sql.Literal(MOST_COUNTED + 1),
    )
    try:
        with eye.savepoint():
            return int(eye.rows(query, values)[0][0])
    except TooSlow:
        return None
    except psycopg.Error as exc:
        # What went wrong otherwise, a policy that raises above all, is no number.
        return refused if exc.sqlstate == "42501" else None
