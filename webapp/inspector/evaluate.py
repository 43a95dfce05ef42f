"""Ask Postgres what expressions come to for rows that are given as text, as the person who is looked through.

The rows come from a function and not from the table, so that no privilege on the table is needed and no policy stands
in between. It answers to the table's own name, as the expressions that Postgres prints expect.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from webapp.inspector.catalog import Table
from webapp.inspector.desk import Eye
from webapp.inspector.findings import Fault
from webapp.inspector.quoting import name, raw

RAISE = "exec_stmt_raise"  # PostgreSQL, src/pl/plpgsql/src/pl_exec.c: RAISE in a function of ours
UNASKED = "unasked"  # stands for the code of an error where an expression could not even be asked
_NOTHING = "true"  # an expression that asks nothing of the row
LONGEST = 300  # characters of a value that are shown


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold what an expression came to for one row, or what Postgres said instead."""

    value: Any = None
    fault: Fault | None = None


# Clauses come to one of three values, thousands of times a page.
_CELLS: Final = {value: Cell(value) for value in (True, False, None)}


def fault_of(error: psycopg.Error) -> Fault:
    """Return what Postgres said, without DETAIL and HINT."""
    message = error.diag.message_primary or str(error).strip().partition("\n")[0] or type(error).__name__
    said = error.diag
    return Fault(error.sqlstate or "", message, said.context is not None, said.source_function == RAISE)


def as_text(expression: str) -> str:
    """Return SQL for the value of an expression as a text that is not too long to be shown."""
    return f"pg_catalog.left(({expression})::pg_catalog.text, {LONGEST + 1})"


def as_set(query: str) -> str:
    """Return SQL for the first values of a query with one column, as the text of an array."""
    return f"pg_catalog.left((ARRAY(SELECT q.v FROM ({query}) q (v) LIMIT 20))::pg_catalog.text, {LONGEST + 1})"


def evaluate(
    eye: Eye, table: Table, rows: Sequence[str], items: Sequence[str], *, closed: Collection[str] = ()
) -> list[list[Cell]]:
    """Return, for each row, what each of ``items`` comes to. ``items`` are SQL that Postgres printed, or is made of it.

    ``closed`` names the schemas in them on which the person has no USAGE; see ``Eye.rows_by_plan``.

    One query for all, as long as nothing raises. What raises is found by halving, first the items and then the rows,
    each try in a savepoint: one bad expression spoils no other. Raises TooSlow.
    """
    if not rows or not items:
        return [[] for _ in rows]
    try:
        if closed:
            found = eye.rows_by_plan(_query(table, items, sql.SQL("$1")), raw(sql.Literal(list(rows)).as_string()))
        else:
            with eye.savepoint():
                found = eye.rows(_query(table, items, sql.SQL("%s::pg_catalog.text[]")), (list(rows),))
    except LookupError as exc:
        return [[Cell(fault=Fault(UNASKED, str(exc)))] * len(items) for _ in rows]
    except psycopg.Error as exc:
        if len(items) > 1:
            half = len(items) // 2
            pairs = (evaluate(eye, table, rows, part, closed=closed) for part in (items[:half], items[half:]))
            return [[*left, *right] for left, right in zip(*pairs, strict=True)]
        if len(rows) > 1:
            half = len(rows) // 2
            parts = (evaluate(eye, table, part, items, closed=closed) for part in (rows[:half], rows[half:]))
            return [cells for part in parts for cells in part]
        is_ours = _is_ours(exc, closed) or (items[0] != _NOTHING and _is_unreadable(eye, table, rows[0]))
        return [[Cell(fault=Fault(UNASKED, fault_of(exc).message) if is_ours else fault_of(exc))]]
    return [
        [_CELLS[value] if value is None or isinstance(value, bool) else Cell(value) for value in row] for row in found
    ]


def _is_ours(exc: psycopg.Error, closed: Collection[str]) -> bool:
    """Tell whether the query that repeats an expression is at fault, and not the expression.

    Postgres has read the expression before, when the policy was made, so that nothing in it can be unknown. But here
    the row has no system columns, which a policy may name; and what reads a table with policies is read again as the
    person, who then lacks USAGE where Postgres would not ask for it. What a function raises has a context.
    """
    said = exc.diag
    if exc.sqlstate == "42501" and said.context is None:
        return any(name in str(said.message_primary) for name in closed)
    is_unknown = (exc.sqlstate or "").startswith("42") and exc.sqlstate not in ("42501", "42P17")
    return is_unknown and said.statement_position is not None and said.context is None


def _is_unreadable(eye: Eye, table: Table, row: str) -> bool:
    """Tell whether the row itself cannot be read back as this person: the text of a name, say, in a closed schema."""
    return evaluate(eye, table, [row], [_NOTHING])[0][0].fault is not None


def _query(table: Table, items: Sequence[str], rows: sql.SQL) -> sql.Composed:
    return sql.SQL(
        "select {items} from pg_catalog.unnest(array("
        "select r.v::{table} from pg_catalog.unnest({rows}) with ordinality as r (v, n) order by r.n"
        ")) as {name}"
    ).format(
        items=sql.SQL(", ").join(raw(f"({item})") for item in items),
        rows=rows,
        table=name(table.schema, table.name),
        name=name(table.name),
    )
