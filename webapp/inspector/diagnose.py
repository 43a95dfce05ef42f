"""Why a write met no row or was refused: the engine's explanation in one sentence, with the policy and the clause.

Nothing is written to find out: the ladder's prediction decides. The rows are looked at as they stand now, after the
transaction that met them has ended. Of values only those are said that a log may have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import psycopg
from psycopg import sql

from webapp import rls
from webapp.inspector import catalog, ladder, reasons, words
from webapp.inspector.attempts import VERBS, Attempt, Diagnosis, Kind, known, named_write, outcome, settled, undecided
from webapp.inspector.catalog import Table
from webapp.inspector.clauses import words as names_in
from webapp.inspector.desk import Busy, Desk, Eye, Look, Query, TooSlow
from webapp.inspector.discretion import because, cut, key_of, safe
from webapp.inspector.explain import NoSuchRow, Question, explain_in
from webapp.inspector.findings import Clause, Command, Explanation, Fault, PolicyReading, Rung
from webapp.inspector.judge import Judge
from webapp.inspector.rows import Key, Row, equals, fetch, masked_columns
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import BadRow, Wanted

LIMITS: Final = rls.Limits(statement=500, lock=200, idle=2_000, transaction=2_000)
PATIENCE: Final = 1.4  # seconds; the last statement may begin then, and takes half a second at most
MOST_TABLES: Final = 5

_RECURSES: Final = "42P17"
_REFUSES: Final = "42501"


class Hurried(Eye):
    """Ask as another eye does, until a moment that is near; from then on raise TooSlow."""

    def __init__(self, eye: Eye, until: float) -> None:
        super().__init__(eye._driver, eye.identity)
        self._until = until

    def run(self, query: Query, parameters: object = None) -> psycopg.Cursor[tuple[object, ...]]:
        """Run a statement as ``Eye.run`` does. Raises TooSlow where there is no time left."""
        if time.monotonic() > self._until:
            raise TooSlow("the time for a diagnosis was over")
        return super().run(query, parameters)  # type: ignore[arg-type]


def diagnose(desk: Desk, attempt: Attempt, *, patience: float = PATIENCE) -> Diagnosis:
    """Return why ``attempt`` met no row or was refused; of kind "unknown", with the reason, where that is not known.

    Takes ``patience`` seconds and one statement more at most; connecting has the limit of the desk's engine. Raises
    nothing that Postgres or the network could be the cause of.
    """
    if (found := settled(attempt)) is not None:
        return found
    until = time.monotonic() + patience
    try:
        with replace(desk, limits=LIMITS).look(attempt.identity) as opened:
            look = Look(
                tuple(Hurried(eye, until) for eye in opened.people),
                Hurried(opened.seer, until) if opened.seer else None,
            )
            return _Case(desk, look, attempt).solved()
    except TooSlow:
        return undecided(attempt, "there was no time left")
    except Busy:
        return undecided(attempt, "the Inspector was in use")
    except (psycopg.Error, rls.errors.DatabaseError) as exc:
        code = f" ({exc.sqlstate})" if exc.sqlstate else ""
        return undecided(attempt, f"the Inspector's database failed{code}")
    except (NoSuchRow, BadRow):
        # In Postgres's words for it stands the value that does not fit.
        return undecided(attempt, "the row could not be put together again from what the statement says")
    except (LookupError, ValueError) as exc:
        return undecided(attempt, safe(str(exc)))


class _Case:
    """Find out about one attempt within a look that is open."""

    def __init__(self, desk: Desk, look: Look, attempt: Attempt) -> None:
        self._desk, self._look, self._attempt = desk, look, attempt
        self._command: Command = attempt.command or "select"

    def solved(self) -> Diagnosis:
        """Return the diagnosis. Raises as ``explain`` does."""
        attempt = self._attempt
        if self._command == "select" or not attempt.table:
            return self._of_many(attempt.others)
        table = self._table(attempt.schema, attempt.table)
        wanted = self._wanted(table)
        for rung in ladder.rights(table, self._command, wanted):
            if rung.passed is False:
                return self._said("grant", f"{named_write(attempt)} was refused: {rung.evidence}.", table, rung)
        if self._command == "insert":
            return self._of_insert(table, wanted)
        key = _narrowed(table, attempt.key)
        if key is None or attempt.rows > 1:
            return self._without_key(table)
        return self._of_row(table, wanted, key)

    def _table(self, schema: str, name: str) -> Table:
        return catalog.table(self._look.any_eye, schema, name, self._attempt.identity.role)

    def _wanted(self, table: Table) -> Wanted:
        """Return the write as far as it is known, without what the table does not have."""
        attempt, names = self._attempt, {column.name for column in table.columns if not column.generated}
        return Wanted(
            {name: value for name, value in attempt.given.items() if name in names} if attempt.sqlstate else {},
            tuple(name for name in attempt.returning if any(column.name == name for column in table.columns)),
            attempt.conflict,
            tuple(name for name in attempt.conflict_columns if name in names),
        )

    def _of_insert(self, table: Table, wanted: Wanted) -> Diagnosis:
        if self._attempt.rows > 1:
            return self._without_key(table)
        return self._refused(table, self._explained(table, wanted, None))

    def _of_row(self, table: Table, wanted: Wanted, key: Key) -> Diagnosis:
        """Return why one row was not met, or was refused: read by the one who sees all, where there is one."""
        attempt = self._attempt
        if table.is_view:
            return self._said("unknown", f"{known(attempt)} The tables behind the view decide.", table, key=key)
        condition, values = equals(table, key)
        found = self._read(table, condition, values)
        shown = key_of(self._desk, table, key)
        named = ", ".join(f"{name} = {shown.get(name, words.HIDDEN)}" for name in key)
        if not found and self._look.seer is None and ladder.binds(table):
            said = f"{named_write(attempt)} {outcome(attempt)}: there is no row with {named}, or it is hidden; "
            return self._said("unknown", f"{said}which, only INSPECTOR_DATABASE_URL could tell.", table, key=key)
        if not found:
            said = f"{named_write(attempt)} {outcome(attempt)}: there is no row with {named}."
            return self._said("missing", said, table, key=key)
        if len(found) > 1:
            named += ", as others have,"
        explained = self._explained(table, wanted, found[0])
        if attempt.sqlstate:
            return replace(self._refused(table, explained), key=key_of(self._desk, table, found[0].key))
        return self._not_met(table, explained, found[0], named)

    def _read(self, table: Table, condition: sql.Composed, values: Sequence[str | None]) -> list[Row]:
        eye = self._look.seer or self._look.person
        try:
            return fetch(eye, table, condition, values, masked_columns(self._desk, table))
        except psycopg.Error as exc:
            if exc.sqlstate == _REFUSES and self._look.seer:
                raise LookupError(f"{eye.identity.role}, who sees all rows, may not read this table") from exc
            raise

    def _not_met(self, table: Table, explained: Explanation, row: Row, named: str) -> Diagnosis:
        """Return why a row that is there was not met; a check that fails raises, so it is not the reason."""
        attempt = self._attempt
        failing = _failing(explained, lambda rung: not rung.name.startswith(("check_", "result_")))
        if failing is not None:
            said = f"{named_write(attempt)} met no row: the row with {named} is there, and hidden"
            return self._held("hidden", said, table, failing, explained, row.key)
        if attempt.has_conditions or set(attempt.key or ()) - set(row.key):
            said = (
                f"{named_write(attempt)} met no row: the row with {named} is there and may be changed, and the other "
            )
            said += "conditions of the WHERE do not hold for it."
            return self._said("conditions", said, table, key=row.key, explained=explained)
        said = f"{named_write(attempt)} met no row: the row with {named} is there now, and may be changed"
        if table.row_triggers:
            said += f"; triggers may have held it back: {', '.join(table.row_triggers)}"
        return self._said("admitted", f"{said}.", table, key=row.key, explained=explained)

    def _refused(self, table: Table, explained: Explanation) -> Diagnosis:
        """Return why a statement was refused: a check, a policy that raises, or SELECT policies of what it made."""
        attempt = self._attempt
        failing = _failing(explained, self._can_raise)
        if failing is None:
            now = "" if attempt.function else " The rights and policies of the table itself let it pass now."
            return self._said("unknown" if attempt.function else "admitted", known(attempt) + now, table)
        if failing.name.startswith("select_") and self._command == "insert":
            why = "RETURNING" if attempt.returning else "ON CONFLICT"
            said = f"{named_write(attempt)} passed its checks, but {why} reads the new row, which is hidden"
            return self._held("returning", said, table, failing, explained)
        if failing.name.startswith("result_"):
            said = f"{named_write(attempt)} passed its checks, but the row as it would be is hidden"
            return self._held("returning", said, table, failing, explained)
        said = f"{named_write(attempt)} was refused"
        if failing.name.startswith("conflict_"):
            said += f" ({failing.stage})"
        return self._held("refused", said, table, failing, explained)

    def _can_raise(self, rung: Rung) -> bool:
        """Tell whether a rung can be why Postgres raised; an UPDATE's USING only leaves rows out."""
        raises = any(reading.fault is not None for reading in rung.policies)
        return raises or self._command == "insert" or rung.name.startswith(("check_", "result_"))

    def _of_many(self, tables: Sequence[tuple[str, str]]) -> Diagnosis:
        """Return which of the tables that a SELECT reads refuses it, by a grant or by a policy that raises."""
        for schema, name in tables[:MOST_TABLES]:
            try:
                table = self._table(schema, name)
            except catalog.NoSuchTable:
                continue
            for rung in ladder.rights(table, "select", Wanted()):
                if rung.passed is False:
                    return self._said("grant", f"SELECT of {schema}.{name} was refused: {rung.evidence}.", table, rung)
            found = self._raising(table, "select")
            if found is not None:
                return found
        return Diagnosis("unknown", known(self._attempt))

    def _without_key(self, table: Table) -> Diagnosis:
        """Return what can be said of a write that names no single row: a policy that raises, or those that apply."""
        attempt = self._attempt
        if attempt.sqlstate:
            found = self._raising(table, self._command)
            if found is not None:
                return found
        asked = {
            policy.name
            for policy in table.policies
            for asked in ladder.stages(self._command, self._wanted(table), meets_another=False)
            if asked.stage.applies(policy)
        }
        said = f"{known(attempt)} It names no single row."
        if ladder.binds(table):
            said += f" These policies apply: {', '.join(sorted(asked)) or 'none, so that no row passes'}."
        return self._said("unknown", said, table)

    def _raising(self, table: Table, command: Command) -> Diagnosis | None:
        """Return which policy raises whatever the row is, such as one that reads itself; None where none does."""
        nothing = "(" + "," * (len(table.columns) - 1) + ")"
        judge = Judge(self._look.person, table)
        for asked in ladder.stages(command, self._wanted(table), meets_another=False):
            for reading in judge.read(asked.stage, [nothing])[0]:
                fault = _first_fault(reading)
                if fault is not None and fault.sqlstate in (_RECURSES, _REFUSES):
                    return self._of_fault(f"{VERBS[command]} {table.full_name} was refused", table, reading, fault)
        return None

    def _explained(self, table: Table, wanted: Wanted, row: Row | None) -> Explanation:
        viewpoint = Viewpoint("", "the person", self._attempt.identity)
        question = Question(viewpoint, self._command, row.key if row else None, wanted)
        return explain_in(self._desk, self._look, table, question)

    def _held(
        self, kind: Kind, said: str, table: Table, rung: Rung, explained: Explanation, key: Key | None = None
    ) -> Diagnosis:
        """Return the diagnosis with the policy of a rung that did not pass, and its clause."""
        asked = [reading for reading in rung.policies if reading.applies]
        for reading in asked:
            if reading.fault is not None:
                return replace(self._of_fault(said, table, reading, reading.fault, kind), explanation=explained)
        holding = [reading for reading in asked if not (reading.is_known and reading.value)]
        if not holding:
            return self._said(kind, f"{said}: {rung.evidence}.", table, rung, key, explained)
        reading, clause = holding[0], words.deciding(holding[0].clauses)
        others = f", as by {len(holding) - 1} more" if len(holding) > 1 else ""
        said += f" by the {reading.command.upper()} policy {reading.name}{others}"
        if clause is not None:
            said += f": {cut(reasons.plain(clause.sql))}{because(clause)}"
        computed = sorted(set(self._attempt.computed) & set(names_in(reading.sql)))
        if computed:
            said += f"; the statement computed {', '.join(computed)}, so this is only likely"
        found = self._said(kind, f"{said}.", table, rung, key, explained)
        return replace(found, policy=reading.name, clause=cut(clause.sql if clause else reading.sql))

    def _of_fault(
        self, said: str, table: Table, reading: PolicyReading, fault: Fault, otherwise: Kind = "refused"
    ) -> Diagnosis:
        """Return the diagnosis of a policy that raises."""
        kinds: dict[str, Kind] = {_RECURSES: "recursion", _REFUSES: "grant"}
        kind = kinds.get(fault.sqlstate, otherwise)
        # Of other errors Postgres's words can hold values, as those of a function can, so that the code has to do.
        is_plain = kind in ("recursion", "grant") and not fault.worded
        why = f"{safe(fault.message)} ({fault.sqlstate})" if is_plain else fault.sqlstate
        reads = "reads its own table through itself" if kind == "recursion" else "raises"
        found = self._said(kind, f"{said}: the policy {reading.name} {reads}: {why}.", table)
        return replace(found, policy=reading.name, clause=cut(reading.sql))

    def _said(
        self,
        kind: Kind,
        sentence: str,
        table: Table,
        rung: Rung | None = None,
        key: Key | None = None,
        explained: Explanation | None = None,
    ) -> Diagnosis:
        step = f"{rung.title}{f' ({rung.stage})' if rung.stage else ''}" if rung else ""
        shown = key_of(self._desk, table, key or {})
        return Diagnosis(kind, sentence, step=step, key=shown, explanation=explained)


def _failing(explained: Explanation, counts: Callable[[Rung], bool]) -> Rung | None:
    return next((rung for rung in explained.rungs if rung.passed is False and counts(rung)), None)


def _first_fault(reading: PolicyReading) -> Fault | None:
    """Return what a reading raised, or what any of its clauses did."""
    waiting: list[Clause] = list(reading.clauses)
    faults = [reading.fault]
    while waiting:
        clause = waiting.pop()
        waiting += clause.clauses
        faults.append(clause.fault)
    return next((fault for fault in faults if fault is not None), None)


def _narrowed(table: Table, key: Key | None) -> dict[str, str | None] | None:
    """Return what names a row among the columns that a WHERE compares: the table's key, or where it lacks all of them.

    None where nothing is compared, or with what the table does not have.
    """
    known = {column.name for column in table.columns}
    compared = {name: value for name, value in (key or {}).items() if name in known}
    if table.key and set(table.key) <= set(compared):
        return {name: compared[name] for name in table.key}
    return compared or None
