"""Why a verdict is not to be trusted, and what is to be known of how a row is named."""

from __future__ import annotations

from collections.abc import Sequence

from webapp.inspector.catalog import Table
from webapp.inspector.findings import Command, Oracle, Rung, Verdict
from webapp.inspector.whatif import NewRow

ON_A_VIEW = "The rows of a view come from the tables behind it, whose policies are not read here."
BY_PLACE = "There is no primary key: the row is named by its place (ctid), which changes when the row does."
BY_ALL = "There is no key: the row is named by a digest of all that is shown of it."
WITHHELD = "The key is withheld: the row is named by its place (ctid), which changes when the row does."
READ_ONLY = "25006"


def doubts_of(
    table: Table,
    command: Command,
    rungs: Sequence[Rung],
    verdict: Verdict,
    oracle: Oracle,
    new: NewRow | None,
) -> tuple[str, ...]:
    """Return every reason not to trust the verdict; none where Postgres was asked and said the same."""
    found: list[str] = []
    asked = [reading for rung in rungs if rung.reached for reading in rung.policies if reading.applies]
    volatile = sorted({name for reading in asked for name in reading.volatile})
    if volatile:
        are = "is" if len(volatile) == 1 else "are"
        found.append(f"{', '.join(volatile)} {are} VOLATILE: the answer may be another next time.")
    ambient = sorted({name for reading in asked for name in reading.ambient})
    if ambient:
        found.append(f"The application, on a connection of its own, may get another answer from: {', '.join(ambient)}.")
    if table.is_view and verdict == "undecided":
        found.append(ON_A_VIEW)
    elif verdict == "undecided":
        found.append("The policies could not all be read for this row.")
    faults = [reading.fault.sqlstate for reading in asked if reading.fault is not None]
    if READ_ONLY in (*faults, oracle.sqlstate):
        found.append("It writes, which nothing may within a look: the answer may be another where writing is allowed.")
    if oracle.verdict is None:
        found.append(oracle.outcome if not oracle.is_trial else f"Postgres was asked, and {oracle.outcome}.")
    elif verdict != "undecided" and oracle.verdict != verdict:
        found.append(f"Postgres says otherwise: {oracle.outcome}.")
    if new and new.unknown and oracle.verdict is None:
        found.append(f"Not known before the row is written: {', '.join(sorted(new.unknown))}.")
    if command in ("insert", "update") and table.row_triggers and oracle.verdict is None:
        found.append(f"Triggers may change the row before it is checked: {', '.join(table.row_triggers)}.")
    return tuple(found)


def notes_of(table: Table, command: Command, natural: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is to be known of how a row is named; ``natural`` is its key, which may be withheld."""
    if command == "insert":
        return ()
    if natural and not table.key:
        return (WITHHELD,)
    return {"place": (BY_PLACE,), "none": (BY_ALL,)}.get(table.key_kind, ())
