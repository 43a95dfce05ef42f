"""What people call a row, and the rows that it points to: ids say nothing to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import psycopg
from psycopg import sql

from webapp.inspector.catalog import Table
from webapp.inspector.desk import Eye, Look, TooSlow
from webapp.inspector.evaluate import as_text, evaluate
from webapp.inspector.rows import Row

# In this order; a column of one of these names and of a textual type says what a row is called.
NAMES: Final = ("name", "full_name", "title", "label", "slug", "number", "email", "code", "sku", "subject", "key")
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


def names_of(look: Look, table: Table, texts: Iterable[str]) -> dict[str, str]:
    """Return what people call the rows that these point to, by the value of the pointing column.

    Only by the eye that sees all; a table that it may not read names nothing. One trip for each foreign key at most.
    """
    rows, eye = list(texts), look.seer
    if eye is None or not rows:
        return {}
    found: dict[str, str] = {}
    for key in table.foreign_keys:
        column = key.columns[-1]
        try:
            cells = evaluate(eye, table, rows, [as_text(str(sql.Identifier(column).as_string()))])
            values = {cell[0].value for cell in cells if cell[0].value is not None} - set(found)
            if values:
                found |= referenced(eye, key.schema, key.name, key.target_columns[-1], sorted(values))
        except (psycopg.Error, TooSlow):
            continue
    return found


def referenced(eye: Eye, schema: str, name: str, column: str, values: list[str]) -> dict[str, str]:
    """Return what people call the rows of ``schema.name`` whose ``column`` has these values, given as text."""
    with eye.savepoint():
        there = {row[0] for row in eye.rows(_NAMED, (schema, name, list(NAMES)))}
        label = next((one for one in NAMES if one in there), None)
        if label is None or label == column:
            return {}
        query = sql.SQL(
            "select r.{column}::text, pg_catalog.left(r.{label}::text, 60) from {table} r"
            " where r.{column}::text = any (%s) and r.{label} is not null limit 200"
        ).format(
            column=sql.Identifier(column), label=sql.Identifier(label), table=sql.Identifier(schema, name)
        )
        return dict(eye.rows(query, (values,)))


