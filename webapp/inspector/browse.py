"""A table's rows as one or two people see them: what is visible, what is hidden, and in a few words why."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from webapp.inspector import filters as narrowing
from webapp.inspector import ladder, reasons, veil
from webapp.inspector.catalog import Table
from webapp.inspector.desk import Desk, Eye, Look
from webapp.inspector.filters import BadFilter, Filter, Order
from webapp.inspector.findings import PolicyReading
from webapp.inspector.judge import Judge, Stage
from webapp.inspector.labels import called
from webapp.inspector.oracle import named, visible
from webapp.inspector.rows import Row
from webapp.inspector.source import Placed, Source
from webapp.inspector.veil import Veil
from webapp.inspector.whatif import Wanted

LIMIT: Final = 50  # rows of a page
LONGEST_PLACE: Final = 1_000  # characters of a value that stands in an address
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
    people = tuple(veil.over(desk, one) for one in (table, *others))
    table, masked = people[0].table, people[0].masked
    narrowing.check(table, view.filters, view.order, masked)
    source = Source(look, table, masked, _whose(look, table, view))
    began, looked_at, cut = time.monotonic(), 0, False
    found: list[Seen] = []
    place, backwards = (view.before, True) if view.before is not None else (view.after, False)
    more = True
    while len(found) <= view.limit and more:
        rows, more = source.read(view.filters, view.order, place, backwards, view.limit + 1)
        looked_at += len(rows)
        sights = _sights(look, people, rows, source.readable)
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
    # Of an empty page, all rows that were looked at are on the other side of the last of them.
    if not page and place is not None and (backwards or view.after is not None):
        before, after = (before, place) if backwards else (place, after)
    for edge in (after, before):
        if edge and any(value is not None and len(value) > LONGEST_PLACE for value in edge):
            raise BadFilter("These values are too long to be ordered by: no address holds where a page begins.")
    return Page(
        table=table,
        rows=tuple(page),
        after=after,
        before=before,
        sees_hidden=look.seer is not None,
        names=called(look, table, [seen.row for seen in page], desk.is_masked),
        masked=masked,
        unreadable=source.unreadable,
        looked_at=looked_at,
        cut=cut,
    )


def _whose(look: Look, table: Table, view: View) -> Eye:
    """Return the eye that reads the rows. A view may show a person what it shows nobody else."""
    if look.seer is None or (table.is_view and view.which in ("visible", "first")):
        return look.person
    return look.people[-1] if table.is_view and view.which == "second" else look.seer


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


def _sights(look: Look, people: Sequence[Veil], rows: Sequence[Placed], readable: bool) -> list[Seen]:
    """Return the rows with what each person has of them."""
    columns = [
        _sights_of(eye, of, [row for row, _ in rows], readable, others_hidden=look.seer is not None)
        for eye, of in zip(look.people, people, strict=True)
    ]
    return [Seen(row, tuple(sights[number] for sights in columns), place) for number, (row, place) in enumerate(rows)]


def _sights_of(eye: Eye, of: Veil, rows: Sequence[Row], readable: bool, *, others_hidden: bool) -> list[Sight]:
    if not rows:
        return []
    table = of.table
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
    judge = Judge(eye, table, veil=of)
    readings = iter(judge.read(SELECT, [row.text for row in rows if row.text]))
    return [
        _judged(judge, of, row, next(readings), there)
        if row.text
        else Sight(there is not None and named(row) in there, reasons.TOO_LARGE, trusted=False)
        for row in rows
    ]


def _judged(
    judge: Judge, of: Veil, row: Row, readings: tuple[PolicyReading, ...], there: set[tuple[str, ...]] | None
) -> Sight:
    verdict = judge.sentence(SELECT, readings, row.text).verdict
    unsure = any(reading.volatile or reading.ambient or _writes(reading) for reading in readings)
    policy, words = reasons.short(of.table, row, readings, of.masked)
    if verdict is None:
        return Sight(there is not None and named(row) in there, words, policy, trusted=False)
    sight = _sight(verdict, words, policy, row, there)
    return replace(sight, trusted=False) if unsure else sight


def _writes(reading: PolicyReading) -> bool:
    """Tell whether a policy was stopped because it would write, which only a look stops."""
    return reading.fault is not None and reading.fault.sqlstate == "25006"


def _sight(verdict: bool, words: str, policy: str, row: Row, there: set[tuple[str, ...]] | None) -> Sight:
    """Return what the ladder says; where Postgres says otherwise, what Postgres does, not trusted."""
    if there is None:
        return Sight(verdict, words, policy, trusted=False)
    is_there = named(row) in there
    if is_there == verdict:
        return Sight(verdict, words, policy)
    return Sight(is_there, f"Postgres says otherwise: {words}", policy, trusted=False)
