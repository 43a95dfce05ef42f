"""Why one person may or may not do one thing to one row: the ladder, from the schema to the last policy.

The ladder is what Postgres does, in its order (PostgreSQL manual, "Row Security Policies"; CREATE POLICY, "Policies
Applied by Command Type"): rights first, then the permissive policies of which one must pass, then the restrictive ones
of which all must. The first rung that fails is the reason, and Postgres itself is asked whether it sees it so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from webapp.inspector import catalog, ladder, psql, whatif
from webapp.inspector.catalog import Table
from webapp.inspector.desk import Desk, Look, TooSlow
from webapp.inspector.evaluate import fault_of
from webapp.inspector.findings import Command, Explanation, Oracle, Rung, Verdict
from webapp.inspector.judge import Judge, not_asked
from webapp.inspector.labels import label_of, named
from webapp.inspector.quoting import name as quoted
from webapp.inspector.rows import Key, Row, alias_of, equals, fetch, is_askable, key_names, masked_columns
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import NewRow, Wanted

NOT_TRIED = "Nothing was written: only a trial, which is rolled back, has Postgres's own answer."
ON_A_VIEW = "The rows of a view come from the tables behind it, whose policies are not read here."
NOT_ASKABLE = "Postgres cannot be asked for this row: SELECT on {} is not granted, and a WHERE reads it."
BY_PLACE = "There is no primary key: the row is named by its place (ctid), which changes when the row does."
BY_ALL = "There is no key: the row is named by a digest of all of it."


class NoSuchRow(LookupError):
    """Say that no row has this key, or that it cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Question:
    """Ask whether ``viewpoint`` may do ``command`` to the row of ``key``; INSERT has none.

    ``trial`` asks for a write to be done and rolled back, besides predicting it.
    """

    viewpoint: Viewpoint
    command: Command = "select"
    key: Key | None = None
    wanted: Wanted = field(default_factory=Wanted)
    trial: bool = False


def explain(desk: Desk, schema: str, name: str, question: Question) -> Explanation:
    """Return the explanation, in transactions of its own.

    Raises catalog.NoSuchTable, NoSuchRow, rows.BadKey, whatif.BadRow, TooSlow, and rls.errors.DatabaseError.
    """
    with desk.look(question.viewpoint.identity) as look:
        table = catalog.table(look.any_eye, schema, name, question.viewpoint.identity.role)
        return explain_in(desk, look, table, question)


def explain_in(desk: Desk, look: Look, table: Table, question: Question) -> Explanation:
    """Return the explanation within a look that is open. Raises as ``explain`` does."""
    whatif.check(table, question.wanted, question.command)
    masked = masked_columns(desk, table)
    existing = _existing(look, table, question, masked)
    new = _new(look, table, question, existing)
    texts = _texts(look, table, question, existing, new)
    judge = Judge(look.person, table, detail=True, masked=masked)
    stages = ladder.stages(question.command, question.wanted, meets_another="updated" in texts)
    rungs = named(look, table, _policy_rungs(judge, table, stages, texts))
    rungs = ladder.climbed([*ladder.rights(table, question.command, question.wanted), *rungs])
    verdict, cause = ladder.verdict(rungs)
    oracle, statement = _oracle(desk, look, table, question)
    doubts = _doubts(table, question, rungs, verdict, oracle, new)
    if verdict == "undecided" and oracle.verdict is not None:
        verdict, cause = oracle.verdict, f"{cause}; Postgres was asked: {oracle.outcome}"
    shown = existing.values if existing else {}
    return Explanation(
        table=table,
        command=question.command,
        key=existing.key if existing else dict(question.key or {}),
        label=label_of(table, existing, masked),
        viewpoint=question.viewpoint.name,
        role=question.viewpoint.identity.role,
        claims=question.viewpoint.identity.claims,
        verdict=verdict,
        cause=cause,
        rungs=tuple(rungs),
        oracle=oracle,
        trusted=not doubts,
        doubts=doubts,
        statement=statement,
        values=shown,
        masked=masked,
        notes=(*_notes(table, question), *(new.notes if new else ())),
    )


def _existing(look: Look, table: Table, question: Question, masked: frozenset[str]) -> Row | None:
    """Return the row as it stands: the one of the key, or the one that an INSERT would conflict with."""
    eye = look.seer or look.person
    if question.command == "insert":
        if question.wanted.conflict is None or not question.wanted.conflict_columns:
            return None
        given = {name: question.wanted.given.get(name) for name in question.wanted.conflict_columns}
        key: Key = {name: None if value is None else str(value) for name, value in given.items()}
    elif question.key is None:
        raise NoSuchRow(f"Name a row of {table.full_name} by {', '.join(key_names(table))}.")
    else:
        key = question.key
    condition, values = equals(table, key)
    try:
        found = fetch(eye, table, condition, values, masked)
    except psycopg.Error as exc:
        fault = fault_of(exc)
        if fault.sqlstate.startswith("22"):
            raise NoSuchRow(f"No row of {table.full_name} can have this key: {fault.message}.") from exc
        raise NoSuchRow(f"The rows of {table.full_name} cannot be read: {fault.message} ({fault.sqlstate}).") from exc
    if len(found) > 1:
        raise NoSuchRow(
            f"More than one row of {table.full_name} has this key. Name it by {', '.join(key_names(table))}."
        )
    if not found and question.command != "insert":
        hidden = "" if look.seer else ", or it is hidden: hidden rows are read by INSPECTOR_DATABASE_URL alone"
        raise NoSuchRow(f"There is no such row in {table.full_name}{hidden}.")
    return found[0] if found else None


def _new(look: Look, table: Table, question: Question, existing: Row | None) -> NewRow | None:
    if question.command not in ("insert", "update") or not table.rights.usage:
        return None
    base = existing.text if question.command == "update" and existing else None
    return whatif.written(look.person, table, base, question.wanted)


def _texts(look: Look, table: Table, question: Question, existing: Row | None, new: NewRow | None) -> dict[str, str]:
    """Return the rows that policies are asked of, each as the text of its composite value, by what they are."""
    texts = {"existing": existing.text} if existing else {}
    if new:
        texts["new"] = new.text
    if existing and question.command == "insert" and question.wanted.conflict == "update" and table.rights.usage:
        wanted = question.wanted
        changed = {name: value for name, value in wanted.given.items() if name not in wanted.conflict_columns}
        texts["updated"] = whatif.written(look.person, table, existing.text, Wanted(changed)).text
    return texts


def _policy_rungs(judge: Judge, table: Table, stages: Sequence[ladder.Asked], texts: Mapping[str, str]) -> list[Rung]:
    rungs: list[Rung] = []
    for number, asked in enumerate(stages):
        text = texts.get(asked.stage.row)
        readings, sentence = None, None
        if text is not None and table.rights.usage and ladder.binds(table):
            readings = judge.read(asked.stage, [text])[0]
            sentence = judge.sentence(asked.stage, readings, text)
        others = not_asked(table, asked.stage) if number == 0 else ()
        rungs += ladder.policy_rungs(table, asked, readings or (), others, sentence)
    return rungs


def _oracle(desk: Desk, look: Look, table: Table, question: Question) -> tuple[Oracle, str]:
    """Ask Postgres, where that takes no writing or writing was asked for, and return what repeats it in psql."""
    identity = question.viewpoint.identity
    if question.command != "select":
        made, parameters = whatif.statement(table, question.command, question.key, question.wanted)
        text = psql.script(identity, made, parameters, writes=True)
        if not question.trial:
            return Oracle(None, NOT_TRIED), text
        return whatif.try_it(desk, identity, table, question.command, question.key, question.wanted), text
    condition, values = equals(table, question.key or {})
    query = sql.SQL("select exists (select from {} as {} where {})").format(
        quoted(table.schema, table.name), alias_of(table), condition
    )
    text = psql.script(identity, query, values)
    if not is_askable(table):
        return Oracle(None, NOT_ASKABLE.format(", ".join(key_names(table)))), text
    began = time.perf_counter()
    try:
        with look.person.savepoint():
            is_there = bool(look.person.rows(query, values)[0][0])
    except TooSlow as exc:
        return Oracle(None, f"it took too long: {exc}", "57014"), text
    except psycopg.Error as exc:
        fault = fault_of(exc)
        return Oracle("denied", f"it was refused: {fault.message}", fault.sqlstate, _since(began)), text
    said = "it returned the row" if is_there else "it returned no row"
    return Oracle("allowed" if is_there else "denied", said, milliseconds=_since(began)), text


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _doubts(
    table: Table,
    question: Question,
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
    if table.is_view and verdict == "undecided":
        found.append(ON_A_VIEW)
    elif verdict == "undecided":
        found.append("The policies could not all be read for this row.")
    if oracle.verdict is None:
        found.append(oracle.outcome if not oracle.is_trial else f"Postgres was asked, and {oracle.outcome}.")
    elif verdict != "undecided" and oracle.verdict != verdict:
        found.append(f"Postgres says otherwise: {oracle.outcome}.")
    if new and new.unknown and oracle.verdict is None:
        found.append(f"Not known before the row is written: {', '.join(sorted(new.unknown))}.")
    if question.command in ("insert", "update") and table.row_triggers and oracle.verdict is None:
        found.append(f"Triggers may change the row before it is checked: {', '.join(table.row_triggers)}.")
    return tuple(found)


def _notes(table: Table, question: Question) -> tuple[str, ...]:
    if question.command == "insert":
        return ()
    return {"place": (BY_PLACE,), "none": (BY_ALL,)}.get(table.key_kind, ())


def key_of(table: Table, text: str, parsed: Mapping[str, object] | None) -> Key:
    """Return the key that a person typed: a bare value for a key of one column, else the object ``parsed`` of it."""
    names = key_names(table)
    if parsed is not None and (len(names) > 1 or set(parsed) <= {*names, *(c.name for c in table.columns)}):
        return {name: None if value is None else _text(value) for name, value in parsed.items()}
    if len(names) != 1:
        raise NoSuchRow(
            f"{table.full_name} has a key of {len(names)} columns: write a JSON object with {', '.join(names)}."
        )
    return {names[0]: text}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
