"""The trail as it is read: entries, and the changes that they make up, each being what one person did at one moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from webapp.models.audit import AuditAction

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold what happened to one row: what it was before, and what it was after."""

    at: datetime
    id: UUID
    written_at: datetime
    table: str
    record_id: UUID
    parent_id: UUID | None
    action: AuditAction
    user_id: UUID | None
    old: Data | None
    new: Data | None

    @property
    def data(self) -> Data:
        """Return the row as it is after the change, or as it was before it where it is gone."""
        return self.new if self.new is not None else self.old or {}

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the columns that an update changed; none for what came or went."""
        if self.old is None or self.new is None:
            return ()
        return tuple(name for name, value in self.new.items() if value != self.old.get(name))


class Counted(NamedTuple):
    """Hold an entry and of how many of its kind in the same change it is one; there may be more than were read."""

    entry: Entry
    alike: int
    more: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Hold what a change did to one table in one way: the first rows of it, and how many there are.

    ``more`` says that there are even more than ``count``.
    """

    table: str
    action: AuditAction
    entries: tuple[Entry, ...]
    count: int
    more: bool = False

    @property
    def first(self) -> Entry:
        """Return the first of the rows."""
        return self.entries[0]


@dataclass(frozen=True, slots=True)
class Names:
    """Hold how to call what entries name by id alone. Who or what is missing here is gone."""

    people: Mapping[UUID, str]
    orders: Mapping[UUID, int]
    products: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Change:
    """Hold what one person did in one transaction; the person is None where it was nobody who signed in."""

    at: datetime
    user_id: UUID | None
    parts: tuple[Part, ...]


def data(text: str | None) -> Data | None:
    """Return what an entry keeps of a row. Its numbers are decimals, never floats, which cannot hold cents."""
    if text is None:
        return None
    found: Data = json.loads(text, parse_float=Decimal)
    return found


def changes(rows: Iterable[Counted]) -> tuple[Change, ...]:
    """Return the changes that ``rows`` make up, which come in the order of the list, those of one moment together."""
    return tuple(
        Change(at, user_id, _parts(list(of_one)))
        for (at, user_id), of_one in groupby(_by_person(rows), lambda row: (row.entry.at, row.entry.user_id))
    )


def _by_person(rows: Iterable[Counted]) -> Iterable[Counted]:
    """Keep the rows of a person together, should two people have begun in the same microsecond."""
    for _, at_once in groupby(rows, lambda row: row.entry.at):
        yield from sorted(at_once, key=lambda row: str(row.entry.user_id))


def _parts(rows: Sequence[Counted]) -> tuple[Part, ...]:
    net = _net(sorted((row.entry for row in rows), key=lambda entry: (entry.written_at, str(entry.id))))
    counts: dict[tuple[str, AuditAction], tuple[int, int, bool]] = {}
    for row in rows:
        key = (row.entry.table, row.entry.action)
        read = counts[key][0] if key in counts else 0
        counts[key] = (read + 1, row.alike, row.more)
    kinds: dict[tuple[str, AuditAction], list[Entry]] = {}
    for entry in net:
        kinds.setdefault((entry.table, entry.action), []).append(entry)
    parts = []
    for (table, action), entries in kinds.items():
        read, alike, more = counts.get((table, action), (0, 0, False))
        # What was not read is alike as far as one can tell; what was read counts once for each row of the table.
        parts.append(Part(table, action, tuple(entries), len(entries) + max(0, alike - read), more))
    return tuple(parts)


def _net(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry for each row of a table: what all of the transaction did to it, in the order of the first."""
    found: dict[tuple[str, UUID], Entry] = {}
    for entry in entries:
        key = (entry.table, entry.record_id)
        before = found.get(key)
        if before is None:
            found[key] = entry
        else:
            found[key] = replace(
                entry, action=_action(before.old, entry.new), old=before.old, written_at=before.written_at
            )
    return [entry for entry in found.values() if entry.old != entry.new]


def _action(old: Data | None, new: Data | None) -> AuditAction:
    if old is None:
        return AuditAction.INSERT
    return AuditAction.DELETE if new is None else AuditAction.UPDATE
