"""Why one person may or may not do one thing to one row: the ladder, from the schema to the last policy.

The ladder is what Postgres does, in its order (PostgreSQL manual, "Row Security Policies"; CREATE POLICY, "Policies
Applied by Command Type"): rights first, then the permissive policies of which one must pass, then the restrictive ones
of which all must. The first rung that fails is the reason, and Postgres itself is asked whether it sees it so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql

from webapp.inspector import catalog, ladder, psql, whatif
from webapp.inspector.catalog import Table
from webapp.inspector.clauses import words
from webapp.inspector.desk import Desk, Look, TooSlow
from webapp.inspector.doubts import doubts_of, notes_of
from webapp.inspector.evaluate import fault_of
from webapp.inspector.findings import Command, Explanation, Oracle, PolicyReading, Rung
from webapp.inspector.judge import Judge, not_asked
from webapp.inspector.labels import label_of, named
from webapp.inspector.quoting import name as quoted
from webapp.inspector.rows import WHOLE, BadKey, Key, Row, alias_of, equals, fetch, is_askable, key_names
from webapp.inspector.veil import Veil, can_be_judged, over, unreadable, veiled
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import BadRow, NewRow, Wanted

NOT_TRIED = "Nothing was written: only a trial, which is rolled back, has Postgres's own answer."
NOT_ASKABLE = "Postgres cannot be asked for this row: SELECT on {} is not granted, and a WHERE reads it."


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
    veil = over(desk, table)
    natural, table, masked = table.key, veil.table, veil.masked
    _refuse_masked(table, natural, masked, question)
    new: NewRow | None = None
    if question.command == "insert":
        new = _new(look, table, question, None)
        existing = _conflicting(look, table, question, new, masked)
    else:
        existing = _existing(look, table, question, masked)
        if masked.intersection(question.key or ()):
            question = replace(question, key=existing.key)
        new = _new(look, table, question, existing)
    texts = _texts(look, table, question, existing, new)
    judge = Judge(look.person, table, detail=True, veil=veil)
    stages = ladder.stages(question.command, question.wanted, meets_another="updated" in texts)
    rungs = named(
        look, table, _policy_rungs(judge, table, stages, texts, new.unknown if new else frozenset()), desk.is_masked
    )
    rungs = ladder.climbed([*ladder.rights(table, question.command, question.wanted), *rungs])
    verdict, cause = ladder.verdict(rungs)
    oracle, statement = _oracle(look, veil, question)
    doubts = doubts_of(table, question.command, rungs, verdict, oracle, new)
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
        notes=(*notes_of(table, question.command, natural), *(new.notes if new else ())),
    )


def _refuse_masked(table: Table, natural: tuple[str, ...], masked: frozenset[str], question: Question) -> None:
    """Raise BadKey or BadRow for a row found by what is withheld: the answer would tell whether it was guessed."""
    met = sorted(masked.intersection(question.wanted.conflict_columns))
    if met:
        raise BadRow(f"The values of {', '.join(met)} are withheld, so that ON CONFLICT is not asked about by them.")
    asked = set(question.key or ())
    guessed = sorted(asked & masked)
    if guessed and asked != set(natural):
        raise BadKey(
            f"The values of {', '.join(guessed)} are withheld, so that no row is found by them. "
            f"A row of {table.full_name} is named by {', '.join(key_names(table))}."
        )


def _existing(look: Look, table: Table, question: Question, masked: frozenset[str]) -> Row:
    """Return the row of the key as it stands."""
    if question.key is None:
        raise NoSuchRow(f"Name a row of {table.full_name} by {', '.join(key_names(table))}.")
    found = _fetch(look, table, question.key, masked)
    # Those of a view that are alike have one digest, and one answer.
    if len(found) > 1 and WHOLE not in question.key:
        raise NoSuchRow(
            f"More than one row of {table.full_name} has this key. Name it by {', '.join(key_names(table))}."
        )
    if not found:
        hidden = "" if look.seer else ", or it is hidden: hidden rows are read by INSPECTOR_DATABASE_URL alone"
        raise NoSuchRow(f"There is no such row in {table.full_name}{hidden}.")
    return found[0]


def _conflicting(
    look: Look, table: Table, question: Question, new: NewRow | None, masked: frozenset[str]
) -> Row | None:
    """Return the row that an INSERT meets by what ON CONFLICT looks at, or None: NULL meets nothing."""
    wanted = question.wanted
    if wanted.conflict is None or not wanted.conflict_columns or new is None:
        return None
    key = whatif.values_of(look.person, table, new, wanted.conflict_columns)
    if None in key.values():
        return None
    return next(iter(_fetch(look, table, key, masked)), None)


def _fetch(look: Look, table: Table, key: Key, masked: frozenset[str]) -> list[Row]:
    condition, values = equals(table, key)
    # A view may show a person what it shows nobody else.
    eyes = (look.seer, look.person) if look.seer and table.is_view else (look.seer or look.person,)
    found: list[Row] = []
    for eye in eyes:
        try:
            with eye.savepoint():
                found = found or fetch(eye, table, condition, values, masked, unreadable(look, table))
        except psycopg.Error as exc:
            fault = fault_of(exc)
            if fault.sqlstate.startswith("22"):
                raise NoSuchRow(f"No row of {table.full_name} can have this key: {fault.message}.") from exc
            if eye is eyes[-1]:
                said = f"{fault.message} ({fault.sqlstate})"
                raise NoSuchRow(f"The rows of {table.full_name} cannot be read: {said}.") from exc
    return found


def _new(look: Look, table: Table, question: Question, existing: Row | None) -> NewRow | None:
    if question.command not in ("insert", "update") or not table.rights.usage:
        return None
    base = existing.text if question.command == "update" and existing else None
    return whatif.written(look.person, table, base, question.wanted)


def _texts(look: Look, table: Table, question: Question, existing: Row | None, new: NewRow | None) -> dict[str, str]:
    """Return the rows that policies are asked of, each as the text of its composite value, by what they are."""
    if not can_be_judged(table, unreadable(look, table)):
        return {}
    texts = {"existing": existing.text} if existing else {}
    if new:
        texts["new"] = new.text
    if existing and question.command == "insert" and question.wanted.conflict == "update" and table.rights.usage:
        wanted = question.wanted
        changed = {name: value for name, value in wanted.given.items() if name not in wanted.conflict_columns}
        texts["updated"] = whatif.written(look.person, table, existing.text, Wanted(changed)).text
    return texts


def _policy_rungs(
    judge: Judge,
    table: Table,
    stages: Sequence[ladder.Asked],
    texts: Mapping[str, str],
    unknown: frozenset[str],
) -> list[Rung]:
    rungs: list[Rung] = []
    for number, asked in enumerate(stages):
        text = texts.get(asked.stage.row)
        readings, sentence = None, None
        if text is not None and table.rights.usage and ladder.binds(table):
            readings = judge.read(asked.stage, [text])[0]
            if unknown and asked.stage.row == "new":
                readings = tuple(_uncertain(reading, unknown) for reading in readings)
            sentence = judge.sentence(asked.stage, readings, text)
        others = not_asked(table, asked.stage) if number == 0 else ()
        rungs += ladder.policy_rungs(table, asked, readings or (), others, sentence)
    return rungs


def _uncertain(reading: PolicyReading, unknown: frozenset[str]) -> PolicyReading:
    """Return a reading without its value where it reads what only the command itself gives a value."""
    if unknown & words(reading.sql) or ".*" in reading.sql:
        return replace(reading, value=None, is_known=False, fault=None)
    return reading


def _oracle(look: Look, veil: Veil, question: Question) -> tuple[Oracle, str]:
    """Ask Postgres, where that takes no writing or writing was asked for, and return what repeats it in psql."""
    identity, table = question.viewpoint.identity, veil.table
    covered = veil.covers_policies(table.policies)
    if question.command != "select":
        made, parameters = whatif.statement(table, question.command, question.key, question.wanted)
        text = psql.script(identity, made, parameters, writes=True)
        if not question.trial:
            return Oracle(None, NOT_TRIED), text
        tried = whatif.try_it(veil.desk, identity, table, question.command, question.key, question.wanted, covered)
        return tried, text
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
        fault = veiled(fault_of(exc)) if covered else fault_of(exc)
        return Oracle("denied", f"it was refused: {fault.message}", fault.sqlstate, _since(began)), text
    said = "it returned the row" if is_there else "it returned no row"
    return Oracle("allowed" if is_there else "denied", said, milliseconds=_since(began)), text


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


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
