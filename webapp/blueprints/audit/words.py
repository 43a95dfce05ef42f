"""A change in words: who did what, and the values before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from webapp.blueprints.audit.entries import Change, Entry, Names, Part
from webapp.blueprints.audit.filters import stamp
from webapp.blueprints.audit.kinds import GONE, KINDS, Form, Kind, Record, Words, field_of, has, kind_of
from webapp.blueprints.audit.texts import LONG, Piece, pieces
from webapp.models.audit import AuditAction

OPERATOR: Final = "An operator"  # whoever changes rows without signing in: with the owner's login, by SQL
SHOWN: Final = 5  # rows of each kind that a change shows
OPEN_LINES: Final = 3  # a change that shows no more lines than this shows them at once

_RANK: Final = {table: rank for rank, table in enumerate(KINDS)}
_VERBS: Final = {AuditAction.INSERT: "added ", AuditAction.DELETE: "deleted "}


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold a value before and after; None where there was or is none. A long text has ``pieces`` instead."""

    label: str
    form: Form = "text"
    old: Any = None
    new: Any = None
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """Hold the differences of one record; ``record`` is None where the sentence has named it."""

    record: Record | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """Hold a change as a page shows it. ``rest`` counts the rows beyond ``details``, ``more`` says: at least."""

    at: datetime
    user_id: UUID | None
    who: str
    words: tuple[str | Record, ...]
    details: tuple[Detail, ...]
    rest: int = 0
    more: bool = False

    @property
    def moment(self) -> str:
        """Return what names the change in an address."""
        return stamp(self.at)

    @property
    def initials(self) -> str:
        """Return the first letters of the first word and the last one of who it was."""
        words = self.who.replace("@", " ").split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    @property
    def is_short(self) -> bool:
        """Tell whether the details are few enough to be shown at once."""
        lines = [line for detail in self.details for line in detail.differences]
        return not self.rest and len(lines) <= OPEN_LINES and not any(line.pieces for line in lines)


def tell(changes: Iterable[Change], names: Names, *, every: bool = False) -> tuple[Told, ...]:
    """Return ``changes`` in words. With ``every`` the details of all rows that were read, and not of the first ones."""
    return tuple(_tell(change, names, every) for change in changes)


def _tell(change: Change, names: Names, every: bool) -> Told:
    parts = sorted(change.parts, key=lambda part: _RANK.get(part.table, len(_RANK)))
    clauses = [clause for part in parts if (clause := _clause(part, change, names))]
    words: list[str | Record] = []
    for number, clause in enumerate(clauses):
        words += ["; "] * bool(number) + list(clause)
    shown = [part for part in parts if not _is_said_elsewhere(part, change)]
    alone = len(shown) == 1 and shown[0].count == 1  # the sentence names the only record
    details = [
        detail
        for part in shown
        for entry in (part.entries if every else part.entries[:SHOWN])
        if (detail := _detail(entry, names, named=alone or entry.table in ("orders", "product_imports"))).differences
    ]
    if lines := [line for detail in details if detail.record is None for line in detail.differences]:
        named = [detail for detail in details if detail.record is not None]
        details = [Detail(None, tuple(lines)), *named]
    rest = sum(part.count - (len(part.entries) if every else min(SHOWN, len(part.entries))) for part in shown)
    who = names.people.get(change.user_id, GONE.capitalize()) if change.user_id else OPERATOR
    more = any(part.more for part in shown)
    return Told(
        change.at,
        change.user_id,
        who,
        tuple(words or ["changed something, and changed it back"]),
        tuple(details),
        rest,
        more,
    )


def _is_said_elsewhere(part: Part, change: Change) -> bool:
    """Tell whether the lines of another part say the same: a stock before and after says what was taken of it."""
    return part.table == "product_changes" or (part.table == "inventory_movements" and has(change, "products"))


def _clause(part: Part, change: Change, names: Names) -> tuple[str | Record, ...]:
    kind = kind_of(part.table)
    said = {_say(kind, entry, change, names) for entry in part.entries}
    words = said.pop() if len(said) == 1 else ("changed ", None)
    return tuple(_records(part, kind, names) if word is None else word for word in words)


def _say(kind: Kind, entry: Entry, change: Change, names: Names) -> Words:
    own = kind.say(entry, change, names)
    if own is not None:
        return own
    if entry.action is not AuditAction.UPDATE:
        return (_VERBS[entry.action], None)
    labels = [field_of(kind, column).label for column in entry.changed if column not in kind.computed]
    if not 1 <= len(labels) <= 3:
        return ("changed ", None)
    listed = labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
    return (f"changed the {listed} of ", None)


def _records(part: Part, kind: Kind, names: Names) -> Record:
    if part.count == 1:
        return kind.label(part.first, names)
    return Record(f"{'more than ' if part.more else ''}{part.count:,} {kind.many}")


def _detail(entry: Entry, names: Names, *, named: bool) -> Detail:
    kind = kind_of(entry.table)
    if kind.line is not None:
        return Detail(None, (Difference(*kind.line(entry, names)),))
    if named and entry.changed and set(entry.changed) <= kind.told:
        return Detail(None, ())
    return Detail(None if named else kind.label(entry, names), tuple(_differences(kind, entry)))


def _differences(kind: Kind, entry: Entry) -> Iterable[Difference]:
    columns = entry.changed if entry.action is AuditAction.UPDATE else tuple(entry.data)
    for column in sorted(columns, key=lambda name: _place(kind, name)):
        old, new = ((row or {}).get(column) for row in (entry.old, entry.new))
        if (old in (None, "") and new in (None, "")) or column.endswith("_id"):
            continue
        field = field_of(kind, column)
        label = _capital(field.label)
        if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONG:
            yield Difference(label, pieces=pieces(old, new))
        else:
            yield Difference(label, field.form, _called(field.values, old), _called(field.values, new))


def _place(kind: Kind, column: str) -> int:
    known = list(kind.fields)
    return known.index(column) if column in known else len(known)


def _called(values: Any, value: Any) -> Any:
    if value == "" or value is None:
        return None
    return values.get(value, value)


def last_name(changes: Iterable[Change], record_id: UUID) -> str:
    """Return what a record was called when it was last changed; nothing where it is not in ``changes``."""
    entries = (entry for change in changes for part in change.parts for entry in part.entries)
    nobody = Names({}, {}, {})
    label = next(
        (kind_of(entry.table).label(entry, nobody).label for entry in entries if entry.record_id == record_id), ""
    )
    return _capital(label)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
