"""Rows by what names them: the key's columns, else the place of the row, else all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from webapp.inspector.catalog import Table
from webapp.inspector.desk import Desk, Eye
from webapp.inspector.evaluate import LONGEST
from webapp.inspector.quoting import is_text, raw
from webapp.inspector.quoting import name as quoted

PLACE = "ctid"
PART = "tableoid"
WHOLE = ":row"  # no column has this name in an address: a view's row is named by a digest of all of it

Key = Mapping[str, str | None]


class BadKey(ValueError):
    """Say that a row is named by what cannot name one of this table."""


@dataclass(frozen=True, slots=True)
class Row:
    """Hold a row: what names it, all of it as the text of its composite value, and its columns to be shown.

    The text is empty in a list where it would be too much: a composite value has parentheses at least.
    """

    key: dict[str, str | None]
    text: str
    values: dict[str, str | None]


def alias_of(table: Table) -> sql.Identifier:
    """Return a name for the table in a query that none of its columns has, so that it means the whole row."""
    name, taken = "r", {column.name for column in table.columns}
    while name in taken:
        name += "_"
    return quoted(name)


def key_names(table: Table) -> tuple[str, ...]:
    """Return what names a row of the table: columns, or the system's own columns, or ``:row``."""
    if table.key:
        return table.key
    if table.key_kind == "none":
        return (WHOLE,)
    return (PART, PLACE) if table.has_children or table.kind == "partitioned" else (PLACE,)


def is_askable(table: Table) -> bool:
    """Tell whether the role may ask for a row by what names it: a WHERE needs SELECT on the columns in it."""
    rights = table.rights
    return (
        "select" in rights.granted or not rights.columns["select"] or set(key_names(table)) <= rights.columns["select"]
    )


def digested(table: Table) -> sql.Composed:
    """Return SQL for the digest that names a view's row: of what is withheld it could be guessed."""
    alias = alias_of(table)
    whole = sql.SQL("{}").format(alias)
    if table.withheld:
        shown = [column.name for column in table.columns if column.name not in table.withheld]
        columns = (sql.SQL("{}.{}").format(alias, quoted(name)) for name in shown)
        whole = sql.SQL("row({})").format(sql.SQL(", ").join(columns))
    return sql.SQL("pg_catalog.md5({}::pg_catalog.text)").format(whole)


def key_items(table: Table) -> list[sql.Composed]:
    """Return SQL for each part of the key, as text."""
    alias = alias_of(table)
    if key_names(table) == (WHOLE,):
        return [digested(table)]
    return [sql.SQL("{}.{}::pg_catalog.text").format(alias, quoted(name)) for name in key_names(table)]


_SHOWN = raw(f"pg_catalog.left({{}}.{{}}::pg_catalog.text, {LONGEST + 1})")
_WITHHELD = sql.SQL("case when {}.{} is not null then '' end")


def value_items(table: Table, masked: frozenset[str], blank: frozenset[str] = frozenset()) -> list[sql.Composable]:
    """Return SQL for each column as text that is not too long; of a masked one only whether it is NULL."""
    alias = alias_of(table)
    items: list[sql.Composable] = []
    for column in table.columns:
        if column.name in blank:
            items.append(sql.SQL("null"))
            continue
        form = _WITHHELD if column.name in masked else _SHOWN
        items.append(form.format(alias, quoted(column.name)))
    return items


def whole_item(table: Table, blank: frozenset[str] = frozenset()) -> sql.Composable:
    """Return SQL for the whole row as text, with NULL for the columns that are ``blank``."""
    alias = alias_of(table)
    if not blank:
        return sql.SQL("{}::pg_catalog.text").format(alias)
    items = [
        sql.SQL("null") if column.name in blank else sql.SQL("{}.{}").format(alias, quoted(column.name))
        for column in table.columns
    ]
    return sql.SQL("row({})::pg_catalog.text").format(sql.SQL(", ").join(items))


def masked_columns(desk: Desk, table: Table) -> frozenset[str]:
    """Return the columns of the table whose values are withheld."""
    return frozenset(column.name for column in table.columns if desk.is_masked(column.name))


def equals(table: Table, key: Key) -> tuple[sql.Composed, list[str | None]]:
    """Return the condition that a row is the one of ``key``, and its parameters. Raises BadKey."""
    names, alias = key_names(table), alias_of(table)
    unknown = [name for name in key if name not in names and not _is_column(table, name)]
    if unknown or not key:
        wrong = ", ".join(unknown) or "nothing"
        raise BadKey(f"A row of {table.full_name} is named by {', '.join(names)}; {wrong} is not.")
    parts, values = [], []
    for name, value in key.items():
        if value is not None and not is_text(value):
            raise BadKey(f"No row of {table.full_name} has such a {name}: it contains what is no character of a text.")
        if name == WHOLE:
            parts.append(digested(table) + sql.SQL(" = %s"))
            values.append(value)
        elif value is None:
            parts.append(sql.SQL("{}.{} is null").format(alias, quoted(name)))
        else:
            item = sql.SQL("{}.{}").format(alias, quoted(name))
            parts.append(item + sign(table, name, "=") + sql.SQL("%s::{}").format(raw(type_of(table, name))))
            values.append(value)
    return sql.SQL(" and ").join(parts), values


def _is_column(table: Table, name: str) -> bool:
    return any(column.name == name for column in table.columns)


def type_of(table: Table, name: str) -> str:
    """Return the type of a column as SQL; its length or scale is left off, which would round what is compared."""
    if name == PLACE:
        return "pg_catalog.tid"
    if name == PART:
        return "pg_catalog.oid"
    return table.column(name).bare


def sign(table: Table, name: str, operator: str) -> sql.Composable:
    """Return an operator that compares a column, with its schema where it may not be in the search path."""
    schema = "" if name in (PLACE, PART) else table.column(name).operators
    if not schema:
        return sql.SQL(f" {operator} ")
    return sql.SQL(" operator({}.{}) ").format(quoted(schema), sql.SQL(operator))


def fetch(
    eye: Eye,
    table: Table,
    condition: sql.Composable,
    parameters: Sequence[object],
    masked: frozenset[str],
    blank: frozenset[str] = frozenset(),
) -> list[Row]:
    """Return the rows, at most two, that ``condition`` finds: two are one too many. Raises psycopg.Error, TooSlow.

    Columns that are ``blank`` are not read.
    """
    keys, values = key_items(table), value_items(table, masked, blank)
    query = sql.SQL("select {items} from {table} as {alias} where {condition} limit 2").format(
        items=sql.SQL(", ").join([*keys, whole_item(table, blank), *values]),
        table=quoted(table.schema, table.name),
        alias=alias_of(table),
        condition=condition,
    )
    return [row_of(table, found) for found in eye.rows(query, parameters)]


def row_of(table: Table, found: Sequence[str | None]) -> Row:
    """Return a row of what was selected: the key's parts, the whole, the columns."""
    names = key_names(table)
    return Row(
        dict(zip(names, found, strict=False)),
        str(found[len(names)]),
        {column.name: value for column, value in zip(table.columns, found[len(names) + 1 :], strict=True)},
    )
