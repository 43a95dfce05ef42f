"""What people call a row, and the rows that it points to: ids say nothing to anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import psycopg
from psycopg import sql

from webapp.inspector.catalog import Table
from webapp.inspector.desk import Eye, Look, TooSlow
from webapp.inspector.findings import Clause, Rung
from webapp.inspector.quoting import name as quoted
from webapp.inspector.reasons import column_of
from webapp.inspector.rows import Row
from webapp.inspector.words import renamed

# In this order: a column of one of these names says what a row is called.
NAMES: Final = ("name", "full_name", "title", "label", "slug", "number", "email", "code", "sku", "subject", "key")
MOST_IDS: Final = 100
_NAMED: Final = """
select a.attname from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and a.attname = any (%s) and a.attnum > 0 and not a.attisdropped
"""


def label_of(table: Table, row: Row | None, masked: frozenset[str]) -> str:
    """Return what people call a row: the value of its column ``name``, ``title`` or the like, else its key."""
    if row is None:
        return f"a new row of {table.name}"
    for name in NAMES:
        value = row.values.get(name)
        if value and name not in masked:
            return value
    return ", ".join(value if value is not None else "NULL" for value in row.key.values())


def _never(_: str) -> bool:
    return False


def named(look: Look, table: Table, rungs: Sequence[Rung], is_masked: Callable[[str], bool] = _never) -> list[Rung]:
    """Return the rungs with what people call the rows that their clauses compare, where it can be found out.

    A clause that compares a foreign key, or the key of the table itself, has ids on both its sides. Only the eye that
    sees all looks them up; one query for each table that is pointed to.
    """
    values: dict[tuple[str, str, str], set[str]] = {}
    for leaf in _leaves(rungs):
        target = _target(table, leaf)
        if target:
            values.setdefault(target, set()).update(_ids(leaf))
    names: dict[str, str] = {}
    for (schema, name, column), ids in values.items():
        if look.seer is None:
            break
        try:
            names |= referenced(look.seer, schema, name, column, sorted(ids)[:MOST_IDS], is_masked)
        except (psycopg.Error, TooSlow):
            continue
    if not names:
        return list(rungs)
    return [
        replace(
            rung,
            policies=tuple(
                replace(reading, clauses=tuple(renamed(clause, names) for clause in reading.clauses))
                for reading in rung.policies
            ),
        )
        for rung in rungs
    ]


def _leaves(rungs: Sequence[Rung]) -> Iterator[Clause]:
    waiting = [clause for rung in rungs for reading in rung.policies for clause in reading.clauses]
    while waiting:
        clause = waiting.pop()
        waiting += clause.clauses
        if clause.kind == "leaf":
            yield clause


def _target(table: Table, leaf: Clause) -> tuple[str, str, str] | None:
    """Return the schema, table and column that a clause's left side points to, where it is a key."""
    if len(leaf.operands) != 2:
        return None
    column = column_of(table, leaf.operands[0].sql)
    for key in table.foreign_keys:
        if key.columns[-1] == column:
            return key.schema, key.name, key.target_columns[-1]
    return (table.schema, table.name, column) if column is not None and table.key == (column,) else None


def _ids(leaf: Clause) -> Iterator[str]:
    for operand in leaf.operands:
        if operand.value is None or operand.masked:
            continue
        if operand.value.startswith("{") and operand.value.endswith("}"):
            yield from (part for part in operand.value[1:-1].split(",") if part)
        else:
            yield operand.value


def referenced(
    eye: Eye,
    schema: str,
    name: str,
    column: str,
    values: list[str],
    is_masked: Callable[[str], bool] = _never,
) -> dict[str, str]:
    """Return what people call the rows of ``schema.name`` whose ``column`` has these values, given as text."""
    with eye.savepoint():
        there = {row[0] for row in eye.rows(_NAMED, (schema, name, list(NAMES)))}
        label = next((one for one in NAMES if one in there and not is_masked(one)), None)
        if label is None or label == column:
            return {}
        query = sql.SQL(
            "select r.{column}::text, pg_catalog.left(r.{label}::text, 60) from {table} r"
            " where r.{column}::text = any (%s) and r.{label} is not null limit 200"
        ).format(column=quoted(column), label=quoted(label), table=quoted(schema, name))
        return dict(eye.rows(query, (values,)))


def called(
    look: Look, table: Table, rows: Sequence[Row], is_masked: Callable[[str], bool] = _never
) -> dict[str, dict[str, str]]:
    """Return what people call the rows that the foreign keys of ``rows`` point to, by column and value."""
    found: dict[str, dict[str, str]] = {}
    if look.seer is None:
        return found
    for key in table.foreign_keys:
        column = key.columns[-1]
        values = sorted({value for row in rows if (value := row.values.get(column))})
        if values and column not in found:
            try:
                found[column] = referenced(look.seer, key.schema, key.name, key.target_columns[-1], values, is_masked)
            except (psycopg.Error, TooSlow):
                continue
    return found
