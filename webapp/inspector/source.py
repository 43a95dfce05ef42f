"""The rows of a table in order, from one place on, forwards or backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import sql

from webapp.inspector import filters as narrowing
from webapp.inspector import veil
from webapp.inspector.catalog import Table
from webapp.inspector.desk import Eye, Look
from webapp.inspector.evaluate import fault_of
from webapp.inspector.filters import BadFilter, Filter, Order
from webapp.inspector.quoting import is_text
from webapp.inspector.quoting import name as quoted
from webapp.inspector.rows import Row, alias_of, key_items, row_of, value_items, whole_item

MOST_OF_A_ROW: Final = 256 * 2**10  # bytes of a row's text that a list carries to the policies, of each row
Placed = tuple[Row, tuple[str | None, ...]]


class Source:
    """Read rows in order, by the eye that sees all, else by the person's own."""

    def __init__(self, look: Look, table: Table, masked: frozenset[str], eye: Eye) -> None:
        self._eye = eye
        self._table = table
        # Without the eye that sees all, only what is granted can be read.
        self.unreadable = veil.unreadable(look, table)
        self.readable = veil.can_be_judged(table, self.unreadable)
        self._masked = masked

    def read(
        self,
        filters: Sequence[Filter],
        by: Order | None,
        place: tuple[str | None, ...] | None,
        backwards: bool,
        limit: int,
    ) -> tuple[list[Placed], bool]:
        """Return the next rows from ``place`` on, and whether there may be more. Raises BadFilter, TooSlow."""
        table, alias = self._table, alias_of(self._table)
        parts, values = narrowing.condition(table, filters)
        order = narrowing.ordering(table, by)
        tail: sql.Composable = sql.SQL("")
        offset = 0
        if order is None:
            start = str(place[0]) if place else ""
            offset = int(start) if start.isdecimal() and len(start) < 19 else 0
            if backwards:  # the rows before the one of that number
                last = max(offset - 1, 0)
                offset = max(last - limit, 0)
                limit = last - offset
            if by:
                way = sql.SQL(" desc" if by.descending else "")
                tail = sql.SQL(" order by {}.{}").format(alias, quoted(by.column)) + way
            placed: list[sql.Composable] = []
        else:
            of = order.backwards if backwards else order
            if place is not None:
                if len(place) != len(of.names) or not all(value is None or is_text(value) for value in place):
                    raise BadFilter("This page begins nowhere. Go back to the first.")
                beyond, more = narrowing.beyond(table, of, place)
                parts.append(beyond)
                values += more
            tail = of.clause
            placed = [item + sql.SQL("::pg_catalog.text") for item in of.items]
        query = sql.SQL("select {items} from {table} as {alias}{where}{tail} limit {limit} offset {offset}").format(
            items=sql.SQL(", ").join([*placed, *self._items()]),
            table=quoted(table.schema, table.name),
            alias=alias,
            where=sql.SQL(" where ") + sql.SQL(" and ").join(parts) if parts else sql.SQL(""),
            tail=tail,
            limit=sql.Literal(limit),
            offset=sql.Literal(offset),
        )
        try:
            found = self._eye.rows(query, values)
        except psycopg.Error as exc:
            raise _explained(exc) from exc
        width = len(placed)
        rows: list[Placed] = []
        for number, row in enumerate(found):
            where = tuple(row[:width]) if order is not None else (str(offset + number + 1),)
            rows.append((row_of(table, row[width:]), where))
        if order is None and backwards:
            return rows[::-1], offset > 0
        return rows, len(found) == limit

    def _items(self) -> list[sql.Composable]:
        table = self._table
        values = value_items(table, self._masked, self.unreadable)
        whole = sql.SQL("case when pg_catalog.octet_length({0}) <= {1} then {0} else '' end").format(
            whole_item(table, self.unreadable), sql.Literal(MOST_OF_A_ROW)
        )
        return [*key_items(table), whole, *values]


def _explained(exc: psycopg.Error) -> Exception:
    fault = fault_of(exc)
    if fault.sqlstate.startswith("22"):
        return BadFilter(f"Postgres cannot read a value of the filter: {fault.message}.")
    if fault.sqlstate in ("42883", "42804", "42704"):
        return BadFilter(f"This column cannot be compared or ordered so: {fault.message}. “~” always works.")
    return exc
