"""What a log may have of a row: ids, numbers, times and single words, and nothing that people wrote.

A log is read by more people than the table is, and kept elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from webapp.inspector import words
from webapp.inspector.catalog import Table
from webapp.inspector.desk import Desk
from webapp.inspector.findings import Clause, Operand
from webapp.inspector.rows import Key

LONGEST: Final = 400  # characters of a clause

_PLAIN: Final = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[-+]?\d[\d.,]{0,20}|[A-Za-z_]{1,30}"
    r"|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?([-+]\d\d(:?\d\d)?|Z)?"
)


def key_of(desk: Desk, table: Table, key: Key) -> dict[str, str]:
    """Return what a log may have of a key: the columns that name rows, here or elsewhere."""
    names = {*table.key, *(name for foreign in table.foreign_keys for name in foreign.columns)}
    return {name: plain(value) for name, value in key.items() if name in names and not desk.is_masked(name)}


def because(clause: Clause) -> str:
    """Return why a clause came to what it did, in the values that it compares."""
    if clause.kind != "leaf":
        return ""
    if clause.operator and clause.operands:
        return f" ({words.evidence(clause.operator, clause.value, [_discreet(each) for each in clause.operands], {})})"
    if clause.evidence.startswith("finds "):
        return " (finds no row)" if clause.evidence == "finds no row" else " (finds a row)"
    return f" ({clause.evidence})" if clause.evidence in ("it is NULL", "it is false") else ""


def _discreet(operand: Operand) -> Operand:
    if operand.is_constant or operand.value is None or operand.masked:
        return operand
    return replace(operand, value=plain(operand.value))


def plain(value: str | None) -> str:
    """Return a value as a log may have it: an id, a number, a time or a word, or an array of them; else dots."""
    if value is None:
        return "NULL"
    parts = value[1:-1].split(",") if value.startswith("{") and value.endswith("}") else [value]
    return value if all(_PLAIN.fullmatch(part) for part in parts if part) else words.HIDDEN


def safe(text: str) -> str:
    """Return words of Postgres without anything that looks like an address, on one line, not too long."""
    return re.sub(r"\S+@\S+", words.HIDDEN, " ".join(text.split()))[:LONGEST].rstrip(".")


def cut(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= LONGEST else folded[: LONGEST - 1] + "…"
