"""Ask Postgres what expressions come to for rows that are given as text, as the person who is looked through.

The rows come from a function and not from the table, so that no privilege on the table is needed and no policy stands
in between. It answers to the table's own name, as the expressions that Postgres prints expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from webapp.inspector.catalog import Table
from webapp.inspector.desk import Eye
from webapp.inspector.findings import Fault
from webapp.inspector.quoting import name, raw

LONGEST = 300  # characters of a value that are shown


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold what an expression came to for one row, or what Postgres said instead."""

    value: Any = None
    fault: Fault | None = None


def fault_of(error: psycopg.Error) -> Fault:
    """Return what Postgres said, without DETAIL and HINT."""
    message = error.diag.message_primary or str(error).strip().partition("\n")[0] or type(error).__name__
    raised = error.diag.context is not None
    # What Postgres cannot read has a place in the text of the question. A stored policy is not read again.
    is_ours = not raised and error.diag.statement_position is not None and (error.sqlstate or "").startswith("42")
    return Fault(error.sqlstate or "", message, raised, is_ours)


def as_text(expression: str) -> str:
    """Return SQL for the value of an expression as a text that is not too long to be shown."""
    return f"pg_catalog.left(({expression})::pg_catalog.text, {LONGEST + 1})"


def as_set(query: str) -> str:
    """Return SQL for the first values of a query with one column, as the text of an array."""
    return f"pg_catalog.left((ARRAY(SELECT q.v FROM ({query}) q (v) LIMIT 20))::pg_catalog.text, {LONGEST + 1})"


def evaluate(eye: Eye, table: Table, rows: Sequence[str], items: Sequence[str]) -> list[list[Cell]]:
    """Return, for each row, what each of ``items`` comes to. ``items`` are SQL that Postgres printed, or is made of it.

    One query for all, as long as nothing raises. What raises is found by halving, first the items and then the rows,
    each try in a savepoint: one bad expression spoils no other. Raises TooSlow.
    """
    if not rows or not items:
        return [[] for _ in rows]
    try:
        with eye.savepoint():
            found = eye.rows(_query(table, items), (list(rows),))
    except psycopg.Error as exc:
        if len(items) > 1:
            half = len(items) // 2
            pairs = (evaluate(eye, table, rows, part) for part in (items[:half], items[half:]))
            return [[*left, *right] for left, right in zip(*pairs, strict=True)]
        if len(rows) > 1:
            half = len(rows) // 2
            return [*evaluate(eye, table, rows[:half], items), *evaluate(eye, table, rows[half:], items)]
        return [[Cell(fault=fault_of(exc))]]
    return [[Cell(value) for value in row] for row in found]


def _query(table: Table, items: Sequence[str]) -> sql.Composed:
    return sql.SQL(
        "select {items} from pg_catalog.unnest(array("
        "select r.v::{table} from pg_catalog.unnest(%s::pg_catalog.text[]) with ordinality as r (v, n) order by r.n"
        ")) as {name}"
    ).format(
        items=sql.SQL(", ").join(raw(f"({item})") for item in items),
        table=name(table.schema, table.name),
        name=name(table.name),
    )
