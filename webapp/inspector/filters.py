"""What narrows and orders a table's rows, as a person types it: "price >= 10", "name ~ hammer", "note is null"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from psycopg import sql

from webapp.inspector.catalog import Table
from webapp.inspector.quoting import is_text, raw
from webapp.inspector.quoting import name as quoted
from webapp.inspector.rows import PART, PLACE, WHOLE, alias_of, key_names, sign, type_of

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "is null", "is not null"]
OPERATORS: Final[tuple[Operator, ...]] = ("=", "!=", "<", "<=", ">", ">=", "~", "is null", "is not null")
LONGEST: Final = 1_000  # characters of a filter
MOST: Final = 10  # filters at once
HOW: Final = "Write a column, then one of = != < <= > >= ~ (contains) and a value, or “is null”."

_TYPED: Final = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<bare>[^\s=!<>~"]+))
    \s*(?:(?P<null>is\s+(?:not\s+)?null)|(?P<operator>!=|<>|<=|>=|=|<|>|~)\s*(?P<value>.*?))\s*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


class BadFilter(ValueError):
    """Say what is wrong with a filter or an order, and how to write it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Hold one condition on one column; ``value`` is text, which Postgres reads as the column's type."""

    column: str
    operator: Operator
    value: str = ""

    def __str__(self) -> str:
        """Return the filter as it is typed."""
        name = self.column
        if not re.fullmatch(r"[^\s=!<>~\"]+", name):
            name = '"' + name.replace('"', '""') + '"'
        value = self.value
        if value != value.strip() or (len(value) > 1 and value[0] == value[-1] == "'"):
            value = "'" + value.replace("'", "''") + "'"
        return f"{name} {self.operator} {value}".rstrip()


@dataclass(frozen=True, slots=True)
class Order:
    """Hold what rows are ordered by; what names them breaks ties, in the same direction."""

    column: str
    descending: bool = False

    def __str__(self) -> str:
        """Return the order as it stands in an address: ``-price`` is the dearest first."""
        return f"{'-' if self.descending else ''}{self.column}"


def parse(typed: str) -> Filter:
    """Return the filter that was typed. Raises BadFilter."""
    found = _TYPED.fullmatch(typed) if len(typed) <= LONGEST and "\0" not in typed else None
    if found is None:
        raise BadFilter(f"“{typed[:60]}” is no filter. {HOW}")
    column = found["quoted"].replace('""', '"') if found["quoted"] else found["bare"]
    if found["null"]:
        return Filter(column, "is not null" if "not" in found["null"].lower() else "is null")
    value = found["value"]
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1].replace("''", "'")
    operator = cast("Operator", "!=" if found["operator"] == "<>" else found["operator"])
    return Filter(column, operator, value)


def order(text: str) -> Order:
    """Return the order that stands in an address."""
    return Order(text.removeprefix("-"), text.startswith("-"))


def check(table: Table, filters: Sequence[Filter], by: Order | None, masked: frozenset[str]) -> None:
    """Raise BadFilter for a column that is not there or whose values are withheld: order and matches tell them."""
    names = [column.name for column in table.columns]
    if len(filters) > MOST:
        raise BadFilter(f"That is more than {MOST} filters. Take one away.")
    for name in (*(one.column for one in filters), *([by.column] if by else [])):
        if name not in names:
            raise BadFilter(f"{table.full_name} has no column {name}. Its columns: {', '.join(names)}.")
        if name in masked:
            raise BadFilter(f"The values of {name} are withheld, so that nothing can be searched or ordered by them.")
    for one in filters:
        if not is_text(one.value) or len(one.value) > LONGEST:
            raise BadFilter(f"No {one.column} is such a text: it is too long, or holds what is no character.")


def condition(table: Table, filters: Sequence[Filter]) -> tuple[list[sql.Composable], list[str]]:
    """Return the conditions as SQL with their parameters."""
    parts: list[sql.Composable] = []
    values: list[str] = []
    for one in filters:
        column = sql.SQL("{}.{}").format(alias_of(table), quoted(one.column))
        if one.operator in ("is null", "is not null"):
            parts.append(column + sql.SQL(" is null" if one.operator == "is null" else " is not null"))
        elif one.operator == "~":
            parts.append(column + sql.SQL("::pg_catalog.text ilike %s"))
            values.append("%" + re.sub(r"([\\%_])", r"\\\1", one.value) + "%")
        else:
            kind = raw(type_of(table, one.column))
            operator = "<>" if one.operator == "!=" else one.operator
            parts.append(column + sign(table, one.column, operator) + sql.SQL("%s::{}").format(kind))
            values.append(one.value)
    return parts, values


@dataclass(frozen=True, slots=True)
class Ordering:
    """Hold the columns of an order, each with its SQL; all of them in one direction."""

    names: tuple[str, ...]
    items: tuple[sql.Composed, ...]
    nullable: tuple[bool, ...]
    descending: bool

    @property
    def clause(self) -> sql.Composed:
        """Return ORDER BY, as Postgres places NULL: last, and first where descending."""
        way = sql.SQL(" desc" if self.descending else "")
        return sql.SQL(" order by ") + sql.SQL(", ").join(item + way for item in self.items)

    @property
    def backwards(self) -> Ordering:
        """Return the same columns the other way round."""
        return Ordering(self.names, self.items, self.nullable, not self.descending)


def ordering(table: Table, by: Order | None) -> Ordering | None:
    """Return the order of a table's rows, made total by what names them; None where nothing does, as in a view."""
    keys = key_names(table)
    if keys == (WHOLE,):
        return None
    names = [*([by.column] if by and by.column not in keys[:1] else []), *keys]
    alias = alias_of(table)
    columns = {column.name: column for column in table.columns}
    items = tuple(sql.SQL("{}.{}").format(alias, quoted(name)) for name in names)
    nullable = tuple(
        name not in (PLACE, PART) and name not in table.key and not columns[name].not_null for name in names
    )
    return Ordering(tuple(names), items, nullable, bool(by and by.descending))


def beyond(table: Table, of: Ordering, values: Sequence[str | None]) -> tuple[sql.Composable, list[str]]:
    """Return the condition that a row comes after the one whose ordering columns have these values.

    Where none of the columns can be NULL it is one comparison of rows, which an index answers.
    """
    kinds = [raw(type_of(table, name)) for name in of.names]
    further = "<" if of.descending else ">"
    signs = [sign(table, name, further) for name in of.names]
    if not any(of.nullable) and None not in values and len({one.as_string() for one in signs}) == 1:
        left = sql.SQL(", ").join(of.items)
        right = sql.SQL(", ").join(sql.SQL("%s::{}").format(kind) for kind in kinds)
        condition = sql.SQL("({})").format(left) + signs[0] + sql.SQL("({})").format(right)
        return condition, [str(v) for v in values]
    same = [sign(table, name, "=") for name in of.names]
    ways: list[sql.Composable] = []
    parameters: list[str] = []
    for place, item in enumerate(of.items):
        parts = [_same(of.items[n], same[n], kinds[n], values[n], parameters) for n in range(place)]
        nullable, last = of.nullable[place], not of.descending
        past = _further(item, signs[place], kinds[place], values[place], parameters, nullable=nullable, last=last)
        if past is None:
            del parameters[len(parameters) - sum(value is not None for value in values[:place]) :]
            continue
        ways.append(sql.SQL("(") + sql.SQL(" and ").join([*parts, past]) + sql.SQL(")"))
    if not ways:
        return sql.SQL("false"), []  # nothing comes after NULL
    return sql.SQL("(") + sql.SQL(" or ").join(ways) + sql.SQL(")"), parameters


def _same(
    item: sql.Composed, equal: sql.Composable, kind: sql.SQL, value: str | None, parameters: list[str]
) -> sql.Composable:
    if value is None:
        return item + sql.SQL(" is null")
    parameters.append(value)
    return item + equal + sql.SQL("%s::{}").format(kind)


def _further(
    item: sql.Composed,
    sign: sql.Composable,
    kind: sql.SQL,
    value: str | None,
    parameters: list[str],
    *,
    nullable: bool,
    last: bool,
) -> sql.Composable | None:
    """Return the condition that a column comes further, or None. ``last`` where NULL stands at the end."""
    if value is None:
        return None if last else item + sql.SQL(" is not null")
    parameters.append(value)
    beyond = item + sign + sql.SQL("%s::{}").format(kind)
    if nullable and last:
        return sql.SQL("(") + beyond + sql.SQL(" or ") + item + sql.SQL(" is null)")
    return beyond
