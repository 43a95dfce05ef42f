"""A write as it is typed into the what-if form: one field for each column, or a JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from werkzeug.datastructures import MultiDict

from webapp.inspector.catalog import Column, Table
from webapp.inspector.findings import Command
from webapp.inspector.whatif import Conflict, Wanted
from webapp.web.typed import REPLACED, printable

LONGEST: Final = 100_000  # characters of a row in JSON
EMPTIES: Final = ("", "null", "empty")  # what an empty field means: left out, NULL, a text of no length
_JSON: Final = frozenset({"json", "jsonb"})


@dataclass
class Typed:
    """Hold what was typed, column by column in the table's order, and what is wrong with it, by field.

    ``values`` and ``empties`` go by the column's place: a name could be anything.
    """

    values: dict[int, str] = field(default_factory=dict)
    empties: dict[int, str] = field(default_factory=dict)
    given: str = ""
    returning: tuple[str, ...] = ()
    conflict: str = ""
    conflict_columns: tuple[str, ...] = ()
    confirmed: bool = False
    errors: dict[str, str] = field(default_factory=dict)


def read(args: MultiDict[str, str], table: Table, command: Command) -> tuple[Typed, Wanted]:
    """Return what was typed, and the write that it describes as far as nothing in ``errors`` stands against it."""
    typed = Typed(
        given=printable(args.get("given"), allowed="\r\n\t"),
        returning=tuple(args.getlist("returning")),
        conflict=args.get("conflict", ""),
        conflict_columns=tuple(args.getlist("conflict_column")),
        confirmed=bool(args.get("confirm")),
    )
    given: dict[str, Any] = {}
    for place, column in enumerate(table.columns):
        text, empty = args.get(f"c{place}", "").replace("\r\n", "\n"), args.get(f"e{place}", "")
        typed.values[place] = printable(text, allowed="\n\t")
        typed.empties[place] = empty if empty in EMPTIES else ""
        if "\0" in text:
            typed.errors[f"c{place}"] = "It contains the character NUL, which Postgres cannot store."
        elif text or typed.empties[place]:
            try:
                given[column.name] = None if not text and empty == "null" else as_json(column, text)
            except ValueError as exc:
                typed.errors[f"c{place}"] = f"This is no JSON: {exc}."
    if typed.given.strip():
        given |= _object(typed, table)
    if typed.conflict not in ("", "nothing", "update") or (typed.conflict and command != "insert"):
        typed.conflict = ""
    if typed.conflict == "update" and not typed.conflict_columns:
        typed.errors["conflict_column"] = "Tick the columns that it looks at: those of a primary key or a unique one."
    names = {column.name for column in table.columns}
    wanted = Wanted(
        given if command != "delete" else {},
        tuple(name for name in typed.returning if name in names),
        cast("Conflict", typed.conflict) if typed.conflict else None,
        tuple(name for name in typed.conflict_columns if name in names) if typed.conflict else (),
    )
    return typed, wanted


def as_json(column: Column, text: str) -> Any:
    """Return the value that a text means in a column: JSON where the column holds JSON, else the text itself.

    Postgres reads the text as the column's type. Raises ValueError for what is no JSON.
    """
    return json.loads(text, parse_constant=_no_constant) if column.type in _JSON else text


def _object(typed: Typed, table: Table) -> Mapping[str, Any]:
    names = {column.name for column in table.columns}
    try:
        if len(typed.given) > LONGEST:
            raise ValueError(f"it has more than {LONGEST:,} characters")
        found = json.loads(typed.given, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        typed.errors["given"] = f"This is no JSON: {exc}."
        return {}
    if not isinstance(found, dict):
        typed.errors["given"] = "Write an object: columns and values between { and }."
        return {}
    unknown = [name for name in found if name not in names]
    if unknown:
        typed.errors["given"] = (
            f"{table.full_name} has no column {unknown[0]}. Its columns: {', '.join(sorted(names))}."
        )
    elif "\\u0000" in typed.given or REPLACED in typed.given:
        typed.errors["given"] = "It contains a character that has no place there, such as NUL."
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
