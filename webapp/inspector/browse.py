"""A table's rows as one or two people see them: what is visible, what is hidden, and in a few words why."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import psycopg
from psycopg import sql

from webapp.inspector import filters as narrowing
from webapp.inspector import ladder, reasons
from webapp.inspector.catalog import Table
from webapp.inspector.desk import Desk, Eye, Look, TooSlow
from webapp.inspector.evaluate import fault_of
from webapp.inspector.filters import BadFilter, Filter, Order
from webapp.inspector.findings import PolicyReading
from webapp.inspector.judge import Judge, Stage
from webapp.inspector.labels import referenced
from webapp.inspector.oracle import named, visible
from webapp.inspector.quoting import name as quoted
from webapp.inspector.rows import Row, alias_of, key_items, masked_columns, row_of, value_items
from webapp.inspector.whatif import Wanted

LIMIT: Final = 50  # rows of a page
MOST_READ: Final = 2_000  # rows that are looked at to fill a page of those that are visible, or differ
PATIENCE: Final = 3.0  # seconds for the same
SELECT: Final = Stage("select", "using")
Which = Literal["all", "visible", "hidden", "differ", "first", "second"]


@dataclass(frozen=True, slots=True)
class View:
    """Describe a page: filters, order, which rows, and where it begins.

    ``after`` and ``before`` are the values that order a row, as ``Page`` gives them out. Of a view, which has no key,
    ``after`` is the number of rows that were shown already.
    """

    filters: tuple[Filter, ...] = ()
    order: Order | None = None
    which: Which = "all"
    after: tuple[str | None, ...] | None = None
    before: tuple[str | None, ...] | None = None
    limit: int = LIMIT


@dataclass(frozen=True, slots=True)
class Sight:
    """Hold what one person has of a row: seen or not, in a few words why, and whether Postgres said the same.

    ``policy`` names the one that decided, where one did.
    """

    visible: bool
    reason: str
    policy: str = ""
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold a row of a page and what each person has of it. ``place`` is what orders it."""

    row: Row
    sights: tuple[Sight, ...]
    place: tuple[str | None, ...]

    @property
    def visible(self) -> bool:
        """Tell whether the first person sees it."""
        return self.sights[0].visible


@dataclass(frozen=True, slots=True)
class Page:
    """Hold a page of rows. ``after`` and ``before`` begin its neighbours, None where there are none.

    ``names`` are what people call what the foreign keys point to, by column and value. ``looked_at`` is how many rows
    were read to fill it; ``cut`` tells that there were more, and that it may be sparse therefore.
    """

    table: Table
    rows: tuple[Seen, ...]
    after: tuple[str | None, ...] | None
    before: tuple[str | None, ...] | None
    sees_hidden: bool
    names: Mapping[str, Mapping[str, str]]
    masked: frozenset[str]
    unreadable: frozenset[str] = frozenset()
    looked_at: int = 0
    cut: bool = False


def browse(desk: Desk, look: Look, table: Table, others: Sequence[Table], view: View) -> Page:
    """Return a page as the people of ``look`` see it.

    ``table`` was read for the first person's role, ``others`` for those of the rest. Raises BadFilter, TooSlow, and
    psycopg.Error where the rows cannot be read at all.
    """
    masked = masked_columns(desk, table)
    narrowing.check(table, view.filters, view.order, masked)
    source = _Source(look, table, masked)
    began, looked_at, cut = time.monotonic(), 0, False
    found: list[Seen] = []
    place, backwards = (view.before, True) if view.before is not None else (view.after, False)
    more = True
    while len(found) <= view.limit and more:
        rows, more = source.read(view, place, backwards, view.limit + 1)
        looked_at += len(rows)
        sights = _sights(look, (table, *others), rows, source.readable)
        found += (seen for seen in sights if _is_wanted(seen, view.which))
        if rows:
            place = rows[-1][1]
        if more and view.which != "all" and (looked_at >= MOST_READ or time.monotonic() - began > PATIENCE):
            cut = len(found) <= view.limit
            break
    is_further = len(found) > view.limit or cut
    page = found[: view.limit]
    if backwards:
        page.reverse()
    first = page[0].place if page else None
    last = (page[-1].place if not cut or backwards else place) if page or cut else None
    after = last if (is_further or backwards) else None
    before = first if (is_further if backwards else view.after is not None) else None
    if cut and backwards:
        before = place
    return Page(
        table=table,
        rows=tuple(page),
        after=after,
        before=before,
        sees_hidden=look.seer is not None,
        names=_names(look, table, page),
        masked=masked,
        unreadable=source.unreadable,
        looked_at=looked_at,
        cut=cut,
    )


def _is_wanted(seen: Seen, which: Which) -> bool:
    first = seen.sights[0].visible
    second = seen.sights[-1].visible
    return {
        "all": True,
        "visible": first,
        "hidden": not first,
        "differ": first != second,
        "first": first and not second,
        "second": second and not first,
    }[which]


Placed = tuple[Row, tuple[str | None, ...]]


class _Source:
    """Read rows in order, by the eye that sees all, else by the person's own."""

    def __init__(self, look: Look, table: Table, masked: frozenset[str]) -> None:
        self._eye: Eye = look.seer or look.person
        self._table = table
        readable = table.rights.columns["select"]
        names = frozenset(column.name for column in table.columns)
        # Without the eye that sees all, only what is granted can be read, and a row only whole or not at all.
        self.unreadable = frozenset() if look.seer else names - readable
        self.readable = not self.unreadable
        self._masked = masked

    def read(
        self, view: View, place: tuple[str | None, ...] | None, backwards: bool, limit: int
    ) -> tuple[list[Placed], bool]:
        """Return the next rows from ``place`` on, and whether there may be more."""
        table, alias = self._table, alias_of(self._table)
        parts, values = narrowing.condition(table, view.filters)
        order = narrowing.ordering(table, view.order)
        tail: sql.Composable = sql.SQL("")
        offset = 0
        if order is None:
            start = str(place[0]) if place else ""
            offset = int(start) if start.isdecimal() else 0
            if view.order:
                way = sql.SQL(" desc" if view.order.descending else "")
                tail = sql.SQL(" order by {}.{}").format(alias, quoted(view.order.column)) + way
            placed: list[sql.Composable] = []
        else:
            of = order.backwards if backwards else order
            if place is not None:
                if len(place) != len(of.names):
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
        return rows, len(found) == limit

    def _items(self) -> list[sql.Composable]:
        table = self._table
        whole: sql.Composable = (
            sql.SQL("{}::pg_catalog.text").format(alias_of(table)) if self.readable else sql.SQL("''")
        )
        values: list[sql.Composable] = list(value_items(table, self._masked))
        for place, column in enumerate(table.columns):
            if column.name in self.unreadable:
                values[place] = sql.SQL("null")
        return [*key_items(table), whole, *values]


def _explained(exc: psycopg.Error) -> Exception:
    fault = fault_of(exc)
    if fault.sqlstate.startswith("22"):
        return BadFilter(f"Postgres cannot read a value of the filter: {fault.message}.")
    if fault.sqlstate in ("42883", "42804", "42704"):
        return BadFilter(f"This column cannot be compared or ordered so: {fault.message}. “~” always works.")
    return exc


def _sights(look: Look, tables: Sequence[Table], rows: Sequence[Placed], readable: bool) -> list[Seen]:
    """Return the rows with what each person has of them."""
    columns = [
        _sights_of(eye, table, [row for row, _ in rows], readable, others_hidden=look.seer is not None)
        for eye, table in zip(look.people, tables, strict=True)
    ]
    return [Seen(row, tuple(sights[number] for sights in columns), place) for number, (row, place) in enumerate(rows)]


def _sights_of(eye: Eye, table: Table, rows: Sequence[Row], readable: bool, *, others_hidden: bool) -> list[Sight]:
    if not rows:
        return []
    there = visible(eye, table, rows) if others_hidden else {named(row) for row in rows}
    refused = next((rung for rung in ladder.rights(table, "select", Wanted()) if rung.passed is False), None)
    if refused is not None:
        return [_sight(False, refused.evidence, "", row, there) for row in rows]
    if table.is_view:
        return [
            Sight(named(row) in there, reasons.OF_A_VIEW, trusted=False)
            if there is not None
            else Sight(False, reasons.NOT_ASKED, trusted=False)
            for row in rows
        ]
    if not ladder.binds(table):
        words = ladder.rights(table, "select", Wanted())[-1].evidence
        return [_sight(True, words, "", row, there) for row in rows]
    if not readable:
        return [Sight(True, reasons.NOT_READ, trusted=False) for _ in rows]
    judge = Judge(eye, table)
    readings = judge.read(SELECT, [row.text for row in rows])
    return [_judged(judge, table, row, of_row, there) for row, of_row in zip(rows, readings, strict=True)]


def _judged(
    judge: Judge, table: Table, row: Row, readings: tuple[PolicyReading, ...], there: set[tuple[str, ...]] | None
) -> Sight:
    verdict = judge.sentence(SELECT, readings, row.text).verdict
    volatile = any(reading.volatile for reading in readings)
    policy, words = reasons.short(table, row, readings)
    if verdict is None:
        return Sight(there is not None and named(row) in there, words, policy, trusted=False)
    sight = _sight(verdict, words, policy, row, there)
    return replace(sight, trusted=False) if volatile else sight


def _sight(verdict: bool, words: str, policy: str, row: Row, there: set[tuple[str, ...]] | None) -> Sight:
    """Return what the ladder says; where Postgres says otherwise, what Postgres does, not trusted."""
    if there is None:
        return Sight(verdict, words, policy, trusted=False)
    is_there = named(row) in there
    if is_there == verdict:
        return Sight(verdict, words, policy)
    return Sight(is_there, f"Postgres says otherwise: {words}", policy, trusted=False)


def _names(look: Look, table: Table, page: Sequence[Seen]) -> dict[str, dict[str, str]]:
    """Return what people call the rows that the page's foreign keys point to, by column."""
    found: dict[str, dict[str, str]] = {}
    if look.seer is None:
        return found
    for key in table.foreign_keys:
        column = key.columns[-1]
        values = sorted({value for seen in page if (value := seen.row.values.get(column))})
        if values and column not in found:
            try:
                found[column] = referenced(look.seer, key.schema, key.name, key.target_columns[-1], values)
            except (psycopg.Error, TooSlow):
                continue
    return found
