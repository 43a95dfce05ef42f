"""What the pages ask of the engine: each look recorded before its first row is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

import psycopg

from webapp import rls
from webapp.blueprints.inspector.addresses import Address
from webapp.blueprints.inspector.given import as_json
from webapp.blueprints.inspector.problems import ERRORS, Problem, problem
from webapp.inspector import browse, catalog, explain, oracle
from webapp.inspector.catalog import Entry, Table
from webapp.inspector.desk import Desk, Look
from webapp.inspector.evaluate import LONGEST
from webapp.inspector.findings import Command, Explanation
from webapp.inspector.oracle import Count
from webapp.inspector.people import Person, find
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import Wanted
from webapp.models import InspectionAction
from webapp.web import inspection

BROWSERS: Final = ("anon", "authenticated")  # the roles that anybody's browser can have
PEOPLE: Final = 20
NOBODYS: Final = ("anon", "claims:")  # viewpoints that tell nothing of an account
_NOBODY: Final = rls.Identity.anonymous()


@dataclass(frozen=True, slots=True)
class Listed:
    """Hold one line of the list of tables; ``is_open`` where browsers read it and no row security stands in between."""

    entry: Entry
    is_open: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """Hold a schema's tables; partitions are apart, because they have the rows of the tables that they are parts of."""

    name: str
    tables: tuple[Listed, ...]
    partitions: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold a table with a page of its rows, or with what is to be said in its place."""

    table: Table
    schemas: tuple[Schema, ...]
    page: browse.Page | None = None
    problem: Problem | None = None
    counts: tuple[Count, ...] = field(default=())


def schemas(seen_as: Viewpoint | None) -> tuple[Schema, ...]:
    """Return every table by its schema. The catalog alone is read, so there is nothing to record."""
    desk = inspection.desk()
    with desk.look(seen_as.identity if seen_as else _NOBODY) as look:
        return _schemas(desk, look, seen_as.identity.role if seen_as else "anon")


def _schemas(desk: Desk, look: Look, role: str) -> tuple[Schema, ...]:
    entries = catalog.tables(look.any_eye, role)
    unguarded = {entry.oid for entry in entries if not entry.is_guarded}
    exposed: set[int] = set()
    for browser in [name for name in BROWSERS if unguarded and name in desk.roles]:
        try:
            with look.any_eye.savepoint():
                granted = entries if browser == role else catalog.tables(look.any_eye, browser)
        except psycopg.Error:
            continue  # a database without this role
        exposed |= {entry.oid for entry in granted if entry.may_select and entry.oid in unguarded}
    found: dict[str, tuple[list[Listed], list[Listed]]] = {}
    for entry in entries:
        found.setdefault(entry.schema, ([], []))[entry.is_partition].append(Listed(entry, entry.oid in exposed))
    return tuple(Schema(name, tuple(tables), tuple(parts)) for name, (tables, parts) in found.items())


def counted(seen_as: Viewpoint, listed: Sequence[Schema]) -> dict[int, Count]:
    """Return how many rows there are and how many of them are seen, by the table's oid; not of partitions."""
    entries = [one.entry for schema in listed for one in schema.tables]
    with inspection.recorded(InspectionAction.COUNTS, seen_as) as entry:
        found = oracle.counts(inspection.desk(), seen_as.identity, entries)
        entry.rows = len(found)
    return found


def table(seen_as: Viewpoint, at: Address) -> tuple[Table, tuple[Schema, ...]]:
    """Return what the catalog says of a table, and of all others in short. Raises NoSuchTable."""
    desk, role = inspection.desk(), seen_as.identity.role
    with desk.look(seen_as.identity) as look:
        return catalog.table(look.any_eye, at.schema, at.table, role), _schemas(desk, look, role)


def sheet(people: Sequence[Viewpoint], at: Address) -> Sheet:
    """Return a page of a table as one or two people see it. Raises NoSuchTable.

    What is wrong with the filters, or took too long, is said in the page's place.
    """
    desk = inspection.desk()
    action = InspectionAction.COMPARE if len(people) > 1 else InspectionAction.BROWSE
    noted = [inspection.record(action, one, schema=at.schema, table=at.table) for one in people]
    with desk.look(*(one.identity for one in people)) as look:
        first, *others = (catalog.table(look.any_eye, at.schema, at.table, one.identity.role) for one in people)
        listed = _schemas(desk, look, people[0].identity.role)
        try:
            page = browse.browse(desk, look, first, others, at.view())
        except ERRORS as exc:
            reader = look.any_eye.identity.role
            return Sheet(first, listed, problem=problem(exc, reader))
    for entry_id in noted:
        inspection.finish(entry_id, len(page.rows))
    return Sheet(first, listed, page)


def count(people: Sequence[Viewpoint], at: Address) -> tuple[Count, ...]:
    """Return how many rows the list has, and how many of them each person sees. Raises as the engine does."""
    desk, found = inspection.desk(), []
    with ExitStack() as stack:
        noted = [
            stack.enter_context(inspection.recorded(InspectionAction.COUNTS, one, schema=at.schema, table=at.table))
            for one in people
        ]
        for one, entry in zip(people, noted, strict=True):
            with desk.look(one.identity) as look:
                of = catalog.table(look.any_eye, at.schema, at.table, one.identity.role)
            found.append(oracle.count(desk, one.identity, of, at.view().filters))
            entry.rows = 1
    return tuple(found)


def why(seen_as: Viewpoint, at: Address) -> Explanation:
    """Return why ``seen_as`` may or may not do the address's command to its row. Raises as the engine does."""
    command = at.do()
    if command != "insert":
        return predicted(seen_as, at, command, Wanted(), InspectionAction.WHY)
    # "May they insert a row like this one": its own values are asked about, as far as they are shown whole and the
    # person may write them at all. Where nothing may be written, that is the answer.
    row = predicted(seen_as, at, "select", Wanted(), InspectionAction.WHY)
    writable = row.table.rights.columns["insert"] or {column.name for column in row.table.columns}
    given: dict[str, Any] = {}
    for column in row.table.columns:
        value = row.values.get(column.name)
        is_shown = value is not None and len(value) <= LONGEST and column.name not in row.masked
        if value is not None and is_shown and not column.generated and column.name in writable:
            given[column.name] = as_json(column, value)
    found = predicted(seen_as, at, "insert", Wanted(given), InspectionAction.WHY)
    return replace(found, key=row.key, label=row.label)


def predicted(
    seen_as: Viewpoint, at: Address, command: Command, wanted: Wanted, action: InspectionAction
) -> Explanation:
    """Return the explanation of a command; of a TRIAL it is also done, and rolled back. Raises as the engine does."""
    desk = inspection.desk()
    parsed: dict[str, Any] | None = at.parsed_key()
    named = (parsed if parsed is not None else {"row": at.row}) if at.row else None
    with (
        inspection.recorded(action, seen_as, schema=at.schema, table=at.table, key=named, command=command) as entry,
        desk.look(seen_as.identity) as look,
    ):
        of = catalog.table(look.any_eye, at.schema, at.table, seen_as.identity.role)
        key = explain.key_of(of, at.row, parsed) if at.row and command != "insert" else None
        is_trial = action == InspectionAction.TRIAL
        found = explain.explain_in(desk, look, of, explain.Question(seen_as, command, key, wanted, is_trial))
        entry.rows = 1
    return found


def noted(seen_as: Viewpoint | None) -> None:
    """Record that somebody was looked up, where the page shows no more of them than who they are and their claims."""
    if seen_as is not None and not seen_as.spec.startswith(NOBODYS):
        with inspection.recorded(InspectionAction.PEOPLE, seen_as) as entry:
            entry.rows = 1


def people(query: str) -> tuple[Person, ...]:
    """Return who may be meant by ``query``. Raises UnknownViewpoint where accounts cannot be read."""
    with inspection.recorded(InspectionAction.PEOPLE) as entry:
        found = find(inspection.desk(), query, PEOPLE)
        entry.rows = len(found)
    return found
