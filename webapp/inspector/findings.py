"""What the engine finds out: frozen values that the page, the command, the JSON and the tests all show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from webapp.inspector.catalog import Table

Command = Literal["select", "insert", "update", "delete"]
Verdict = Literal["allowed", "denied", "undecided"]
COMMANDS: tuple[Command, ...] = ("select", "insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold what Postgres said instead of a value: its five-character code and its own first line.

    ``raised`` tells that a function said so, ``worded`` that by RAISE, in words of its own, which could be anything.
    """

    sqlstate: str
    message: str
    raised: bool = False
    worded: bool = False


@dataclass(frozen=True, slots=True)
class Operand:
    """Hold one side of a comparison: its SQL, and its value as text. ``masked`` where the value is withheld."""

    sql: str
    value: str | None
    masked: bool = False
    is_constant: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """Hold a part of a policy's expression and what it comes to for one row.

    ``value`` is one of SQL's three: None is NULL where ``is_known``, and not known else. ``fault`` says why not.
    ``evidence`` is the words for it: values on both sides of ``operator``, or the row that an EXISTS found.
    """

    sql: str
    kind: Literal["and", "or", "not", "leaf"]
    value: bool | None = None
    is_known: bool = False
    fault: Fault | None = None
    operator: str = ""
    operands: tuple[Operand, ...] = ()
    evidence: str = ""
    clauses: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyReading:
    """Hold what one policy says of one row at one stage of a command.

    ``part`` is the expression that was asked, ``using`` or ``check``; ``command`` what the policy was made for. One
    that does not apply says in ``why_not`` why, and has no value. ``volatile`` names the volatile functions in reach,
    ``ambient`` what answers by the connection.
    """

    name: str
    permissive: bool
    command: Command | Literal["all"]
    roles: tuple[str, ...]
    applies: bool
    why_not: str = ""
    part: Literal["using", "check"] = "using"
    sql: str = ""
    value: bool | None = None
    is_known: bool = False
    fault: Fault | None = None
    clauses: tuple[Clause, ...] = ()
    volatile: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """Hold one step of the ladder. ``passed`` is None where it was not reached or could not be decided.

    ``stage`` is empty, or says which row of which command the policies below were asked of.
    """

    name: str
    title: str
    passed: bool | None
    evidence: str
    stage: str = ""
    reached: bool = True
    policies: tuple[PolicyReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Oracle:
    """Hold what Postgres itself did when it was asked as the identity.

    ``verdict`` is None where it was not asked, or could not answer; ``outcome`` says so in words.
    """

    verdict: Literal["allowed", "denied"] | None
    outcome: str
    sqlstate: str = ""
    milliseconds: float | None = None
    is_trial: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Hold why one identity may or may not do one thing to one row.

    ``verdict`` is what the ladder comes to. It is ``trusted`` where Postgres was asked, said the same, and nothing
    stands in ``doubts``. ``statement`` is SQL that asks the same in psql. ``values`` are the row's columns as text,
    None where NULL; of those that are ``masked`` only that they are not NULL.
    """

    table: Table
    command: Command
    key: Mapping[str, str | None]
    label: str
    viewpoint: str
    role: str
    claims: str
    verdict: Verdict
    cause: str
    rungs: tuple[Rung, ...]
    oracle: Oracle
    trusted: bool
    doubts: tuple[str, ...]
    statement: str
    values: Mapping[str, str | None]
    masked: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def policies(self) -> tuple[PolicyReading, ...]:
        """Return every reading, in the order of the ladder."""
        return tuple(reading for rung in self.rungs for reading in rung.policies)
