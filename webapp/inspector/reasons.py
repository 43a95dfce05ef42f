"""Why a row is seen or not, in the few words that fit beside it in a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from webapp.inspector import words
from webapp.inspector.catalog import Table
from webapp.inspector.clauses import sides, tokens
from webapp.inspector.findings import Clause, PolicyReading
from webapp.inspector.judge import is_constant
from webapp.inspector.rows import Row

OF_A_VIEW: Final = "the tables behind the view decide"
NOT_ASKED: Final = "Postgres could not be asked in time"
TOO_LARGE: Final = "too large to be judged in a list; ask why"
NOT_READ: Final = "visible; its policies cannot be read without all of its columns"

# "( SELECT f() AS f)" is how Postgres prints a call that was wrapped to be made once; "'x'::text" a plain text.
_WRAPPED: Final = re.compile(r"\(\s*SELECT ((?:\w+\.)*\w+\([^()]*\))(?: AS \w+)?\)(?:::[\w\[\] .]+(?=\)|$))?")
# Those of auth are known by their full name; of others the schema only takes room.
_QUALIFIED: Final = re.compile(r"(?<![\w.\"'])(?!auth\.)[a-z_]\w*\.(?=[a-z_]\w*\()")
_TYPED: Final = re.compile(r"('(?:[^']|'')*')::[a-z_][\w. ]*(?:\[\])?")


@lru_cache(maxsize=4096)  # the same clauses stand beside every row of a page
def plain(sql: str) -> str:
    """Return an expression as people would write it: calls without wrapping and schema, literals without types."""
    return _QUALIFIED.sub("", _TYPED.sub(r"\1", _WRAPPED.sub(r"\1", sql)))


def short(
    table: Table, row: Row, readings: Sequence[PolicyReading], masked: frozenset[str] = frozenset()
) -> tuple[str, str]:
    """Return the policy that decided on a row, and why; the policy is empty where none applies.

    The row's own values of columns that are ``masked`` are not told.
    """
    if masked:
        told = {name: words.HIDDEN for name in masked if row.values.get(name) is not None}
        row = replace(row, values={**row.values, **told})
    asked = [reading for reading in readings if reading.applies]
    faulty = next((reading for reading in asked if reading.fault is not None), None)
    if faulty is not None and faulty.fault is not None:
        return faulty.name, words.raised(faulty.fault)
    holding = next((r for r in asked if not r.permissive and not (r.is_known and r.value)), None)
    if holding is not None:
        return holding.name, _why_not(table, row, holding)
    permissive = [reading for reading in asked if reading.permissive]
    admitting = next((reading for reading in permissive if reading.value), None)
    if admitting is not None:
        clause = words.granting(admitting.clauses)
        return admitting.name, said(table, row, clause) if clause else admitting.name
    if not permissive:
        return "", "no policy applies"
    closest = permissive[0]
    return closest.name, _why_not(table, row, closest)


def _why_not(table: Table, row: Row, reading: PolicyReading) -> str:
    clause = words.deciding(reading.clauses)
    return said(table, row, clause) if clause is not None else reading.name


def said(table: Table, row: Row, clause: Clause, names: Mapping[str, str] | None = None) -> str:
    """Return what a clause came to for a row: the row's own value where the clause compares a column."""
    if clause.kind == "not" and clause.clauses:
        return f"not: {said(table, row, clause.clauses[0], names)}"
    compared = sides(clause.sql)
    sql = plain(clause.sql)
    if compared is None:
        return sql if clause.value else f"{sql} is {'NULL' if clause.value is None else 'false'}"
    column = column_of(table, compared.left)
    if column is None or column not in row.values:
        return sql if clause.value else f"not {sql}"
    value = row.values[column]
    shown = words.shown((names or {}).get(value, value) if value is not None else None)
    if compared.operator in ("= ANY", "= SOME", "IN"):
        right = "what the query finds" if compared.is_set else plain(compared.right)
        return f"{column} {shown} is {'among' if clause.value else 'not among'} {right}"
    if not compared.right or is_constant(compared.right):
        return f"{column} is {shown}"
    if compared.operator == "=":
        return f"{column} {shown} is {'' if clause.value else 'not '}{plain(compared.right)}"
    return f"{column} is {shown}: {sql}"


def column_of(table: Table, side: str) -> str | None:
    """Return the column that a side of a comparison is, a cast of it included; None where it is more than that."""
    of = [token for token in tokens(side) if token.kind in ("word", "name")]
    if not of or any(token.kind == "open" and place > 0 for place, token in enumerate(tokens(side))):
        return None
    name = of[0].text[1:-1].replace('""', '"') if of[0].kind == "name" else of[0].text
    return name if any(column.name == name for column in table.columns) else None
