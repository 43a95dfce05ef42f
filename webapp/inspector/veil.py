"""What is withheld: values of columns whose names say that they are secrets, wherever else they would show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from webapp.inspector.catalog import Policy, Table
from webapp.inspector.clauses import tokens, words
from webapp.inspector.desk import Desk, Look
from webapp.inspector.findings import Fault
from webapp.inspector.rows import masked_columns

WITHHELD: Final = "what it says is withheld, since it may name a value that is"
# Postgres's own messages of these classes name tables, policies and constraints, and no values.
_HARMLESS: Final = ("23", "25", "40", "42", "54", "55", "57")
_PLAIN_NAME: Final = r"[^a-z0-9]+"


@dataclass(frozen=True, slots=True)
class Veil:
    """Know what of a table, and of the tables that its policies read, is withheld."""

    desk: Desk
    table: Table
    masked: frozenset[str]

    def covers(self, sql: str) -> bool:
        """Tell whether the value of an expression may tell what is withheld: it names such a column, or a whole row.

        A text is as good as a name: ``data ->> 'password'``.
        """
        if not self.desk.masks:
            return False
        of = tokens(sql)
        for token in of:
            if token.kind in ("word", "name", "text") and self.desk.is_masked(token.text):
                return True
        for place, (one, other) in enumerate(pairwise(of)):
            if one.text == "." and other.text.startswith("*"):
                whose = of[place - 1].text.strip('"') if place else ""
                if self.masked or whose != self.table.name:
                    return True
        return False

    def covers_policies(self, policies: Sequence[Policy]) -> bool:
        """Tell whether what a policy raises may tell what is withheld."""
        return bool(self.masked) or any(self.covers(sql) for p in policies for sql in (p.using, p.check) if sql)

    def row(self, query: str) -> str:
        """Return SQL for the object that ``query`` finds, without the values of columns that are withheld."""
        if not self.desk.masks:
            return query
        words = "'" + "|".join(re.escape(word) for word in self.desk.masks).replace("'", "''") + "'"
        plain = "pg_catalog.regexp_replace(pg_catalog.lower({}), '" + _PLAIN_NAME + "', '_', 'g')"
        return (
            "(SELECT pg_catalog.jsonb_object_agg(e.key, CASE"
            f" WHEN {plain.format('e.key')} OPERATOR(pg_catalog.~) {words}"
            " OR pg_catalog.jsonb_typeof(e.value) IN ('object', 'array')"
            f" AND {plain.format('e.value::pg_catalog.text')} OPERATOR(pg_catalog.~) {words}"
            f" THEN '\"•••\"'::pg_catalog.jsonb ELSE e.value END) FROM pg_catalog.jsonb_each({query}) e)"
        )


def over(desk: Desk, table: Table) -> Veil:
    """Return what is withheld of a table, whose rows are then to be named as ``veil.table`` says.

    A key that is withheld names no row: the place of the row does.
    """
    masked = masked_columns(desk, table)
    if masked.intersection(table.key):
        table = replace(table, key=(), key_kind="place")
    return Veil(desk, replace(table, withheld=masked), masked)


def unreadable(look: Look, table: Table) -> frozenset[str]:
    """Return the columns that nobody in the look can read: none where somebody sees all."""
    if look.seer is not None:
        return frozenset()
    return frozenset(column.name for column in table.columns) - table.rights.columns["select"]


def can_be_judged(table: Table, blank: frozenset[str]) -> bool:
    """Tell whether the policies can be asked of a row without the columns that are ``blank``: none of them reads one.

    What is generated is computed from others, and a whole row has all of them.
    """
    texts = [sql for p in table.policies if p.for_role for sql in (p.using, p.check) if sql]
    texts += [column.default or "" for column in table.columns if column.generated]
    return not blank or not any(blank & words(text) or ".*" in text for text in texts)


def veiled(fault: Fault) -> Fault:
    """Return a fault without its message, where that may name a value."""
    if fault.sqlstate.startswith(_HARMLESS) and not fault.raised:
        return fault
    return Fault(fault.sqlstate, WITHHELD)
