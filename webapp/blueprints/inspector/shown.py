"""Rows and their columns as a page shows them: which comes first, what is short for it, where it leads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from webapp.blueprints.inspector import addresses
from webapp.blueprints.inspector.addresses import Address
from webapp.inspector.browse import Page, Seen
from webapp.inspector.catalog import Column, ForeignKey, Table
from webapp.inspector.evaluate import LONGEST
from webapp.inspector.filters import Filter
from webapp.inspector.labels import NAMES, label_of
from webapp.inspector.rows import BadKey
from webapp.inspector.viewpoint import Viewpoint
from webapp.web.typed import printable

NUMBERS: Final = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision", "money", "oid"})
EXAMPLE: Final = '{"role": "authenticated", "sub": "00000000-0000-4000-8000-000000000000"}'  # of claims
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
Kind = Literal["value", "null", "masked", "unread"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold a value: its text, the whole of it where that is longer, and the address of the row that it points to."""

    kind: Kind
    text: str = ""
    whole: str = ""
    target: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a row of a page: what people call it, what names it in an address, its cells, each one’s reason."""

    seen: Seen
    reasons: tuple[str, ...]
    label: str
    key: str
    cells: tuple[tuple[Column, Cell], ...]
    is_open: bool


def columns(table: Table, masked: frozenset[str]) -> tuple[Column, ...]:
    """Return the columns as a page shows them: first what rows are called by, else what names them."""
    names = [column.name for column in table.columns]
    lead = next((name for name in (*NAMES, *table.key) if name in names and name not in masked), None)
    return tuple(sorted(table.columns, key=lambda column: column.name != lead))


def is_number(column: Column) -> bool:
    """Tell whether a column's values are figures, which stand at the right."""
    return column.bare in NUMBERS


def lines(page: Page, at: Address) -> tuple[Line, ...]:
    """Return the rows of a page with what is shown of them."""
    of, pointing = page.table, _pointing(page.table)
    shown, opened = columns(of, page.masked), _opened(at, of)
    return tuple(
        Line(
            seen,
            tuple(_named(page, seen, sight.reason) for sight in seen.sights),
            printable(label_of(of, seen.row, page.masked)),
            addresses.key(seen.row.key),
            tuple((column, _cell(page, seen, column, pointing.get(column.name), at)) for column in shown),
            opened == seen.row.key,
        )
        for seen in page.rows
    )


def _opened(at: Address, of: Table) -> Mapping[str, object] | None:
    """Return what names the row that is open; a bare value is that of the only column of a key."""
    try:
        found = at.parsed_key()
    except BadKey:
        return None
    return {of.key[0]: at.row} if found is None and at.row and len(of.key) == 1 else found


def _named(page: Page, seen: Seen, reason: str) -> str:
    """Return a reason with what people call the rows that this one points to, in the place of their ids."""
    for column, called in page.names.items():
        value = seen.row.values.get(column)
        if value is not None and value in called:
            reason = reason.replace(f"{column} {value}", called[value]).replace(value, called[value])
    return _UUID.sub(lambda found: short(found[0], "uuid")[0], reason)


def _pointing(table: Table) -> dict[str, ForeignKey]:
    """Return the foreign key that a column's values lead along: of several the one of the fewest columns."""
    found: dict[str, ForeignKey] = {}
    for key in table.foreign_keys:
        found.setdefault(key.columns[-1], key)
    return found


def _cell(page: Page, seen: Seen, column: Column, key: ForeignKey | None, at: Address) -> Cell:
    value = seen.row.values[column.name]
    if column.name in page.unreadable:
        return Cell("unread")
    if value is None:
        return Cell("null")
    if column.name in page.masked:
        return Cell("masked")
    called = page.names.get(column.name, {}).get(value)
    text, whole = (called, value) if called else short(value, column.type)
    return Cell("value", text, whole, target(at, seen.row.values, key) if key else None)


def short(value: str, type_name: str) -> tuple[str, str]:
    """Return a value as it stands in a list, and the whole of it where that says more; line breaks are drawn."""
    value = printable(value if len(value) <= LONGEST else value[:LONGEST] + "…", allowed="\r\n\t")
    if type_name == "uuid" and _UUID.fullmatch(value):
        return f"{value[:8]}…{value[-4:]}", value
    if type_name.startswith("timestamp") and len(value) > 16:
        return value[:16], value
    line = re.sub(r"\s*[\r\n]+\s*", " ↵ ", value)
    return (line[:79] + "…", value) if len(line) > 80 else (line, value if line != value else "")


def target(at: Address, values: Mapping[str, str | None], key: ForeignKey) -> dict[str, object] | None:
    """Return the arguments of the list that has only the row a foreign key points to, with that row open."""
    names = {to: values.get(name) for name, to in zip(key.columns, key.target_columns, strict=True)}
    if None in names.values() or any(len(value or "") > LONGEST for value in names.values()):
        return None
    there = Address(key.schema, key.name, at.seen_as, at.other)
    narrowed = tuple(str(Filter(name, "=", value or "")) for name, value in names.items())
    return there.but(filters=narrowed, row=addresses.key(names))


def initials(name: str) -> str:
    """Return the first letters of the first word of a name and the last one."""
    words = name.replace("@", " ").split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def claims(of: Viewpoint) -> str:
    """Return claims as people read JSON."""
    return json.dumps(json.loads(of.identity.claims), indent=2, ensure_ascii=False) if of.identity.claims else "{}"


def key(values: Mapping[str, str | None]) -> str:
    """Return what names a row, short."""
    return ", ".join("NULL" if value is None else short(str(value), "uuid")[0] for value in values.values())
