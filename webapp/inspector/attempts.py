"""What was tried and came to nothing, and what was found out about it: values that know no framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from webapp.inspector.discretion import safe
from webapp.inspector.findings import Command, Explanation
from webapp.inspector.whatif import Conflict
from webapp.rls import Identity

Kind = Literal[
    "missing", "hidden", "conditions", "refused", "returning", "grant", "recursion", "admitted", "unknown"
]  # fmt: skip
VERBS: Final = {"insert": "INSERT into", "update": "UPDATE of", "delete": "DELETE from", "select": "SELECT of"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """Hold a statement that met no row, or was refused: ``sqlstate`` says how, and is empty where no row was met.

    ``key`` are the columns that its WHERE compares with values, as text; ``names_row`` tells that a unique key is among
    them, so that one row was meant, and ``has_conditions`` that there are other conditions. ``given`` are the columns
    that it writes, with values as JSON has them; those of ``computed`` it writes with what only Postgres can work out.
    ``rows`` is more than 1 where it was sent with several rows at once. ``others`` are the tables that a SELECT reads.
    What cannot be told from the statement is empty.

    ``said`` is Postgres's own first line, ``function`` the function in which it was said; ``raised`` tells that this
    function refused by itself, whose words are not kept: they could be anything.
    """

    identity: Identity
    command: Command | Literal[""] = ""
    schema: str = ""
    table: str = ""
    key: Mapping[str, str | None] | None = None
    has_conditions: bool = False
    names_row: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    returning: tuple[str, ...] = ()
    conflict: Conflict | None = None
    conflict_columns: tuple[str, ...] = ()
    rows: int = 1
    others: tuple[tuple[str, str], ...] = ()
    sqlstate: str = ""
    said: str = ""
    function: str = ""
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Hold why an attempt came to nothing, in one or two sentences.

    ``policy`` and ``clause`` are what decided, ``step`` the rung of the ladder where it did; they are empty where there
    are none. ``key`` names the row by ids that a log may have. ``explanation`` is the engine's whole answer.
    """

    kind: Kind
    sentence: str
    policy: str = ""
    clause: str = ""
    step: str = ""
    key: Mapping[str, str] = field(default_factory=dict)
    explanation: Explanation | None = field(default=None, compare=False, repr=False)

    @property
    def is_alarming(self) -> bool:
        """Tell whether a grant or a policy stood in the way, rather than that there was nothing to do."""
        return self.kind in ("hidden", "refused", "returning", "grant", "recursion")


def settled(attempt: Attempt) -> Diagnosis | None:
    """Return the diagnosis of an attempt of which no database could tell more; None of any other."""
    return Diagnosis("unknown", known(attempt)) if attempt.raised or not (attempt.table or attempt.others) else None


def undecided(attempt: Attempt, why: str) -> Diagnosis:
    """Return what is known of an attempt, and why there is no more."""
    return Diagnosis("unknown", f"{known(attempt)} Why was not found out: {why}.")


def known(attempt: Attempt) -> str:
    """Return what is known of an attempt without asking anybody."""
    what = named_write(attempt)
    if not attempt.sqlstate:
        if not attempt.table:
            return f"{what} met no row; it was written as text, from which its table and its key cannot be told."
        return f"{what} met no row."
    where = f" in the function {attempt.function}" if attempt.function else ""
    if attempt.raised:
        return f"{what} was refused by the function {attempt.function or 'that it called'} itself ({attempt.sqlstate})."
    said = f": {safe(attempt.said)}" if attempt.said else ""
    return f"{what} was refused{where} ({attempt.sqlstate}){said}."


def named_write(attempt: Attempt) -> str:
    """Return what was tried, such as UPDATE of public.products."""
    if not attempt.table:
        return f"A statement of kind {attempt.command.upper()}" if attempt.command else "A statement"
    rows = f" ({attempt.rows} rows at once)" if attempt.rows > 1 else ""
    return f"{VERBS[attempt.command or 'select']} {attempt.schema}.{attempt.table}{rows}"


def outcome(attempt: Attempt) -> str:
    """Return what came of it."""
    return f"was refused ({attempt.sqlstate})" if attempt.sqlstate else "met no row"
