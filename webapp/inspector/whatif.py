"""Writes that have not happened: the row that a command would write, and the command itself, tried and rolled back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from webapp.inspector.catalog import Column, Table
from webapp.inspector.desk import Desk, Eye, TooSlow
from webapp.inspector.evaluate import evaluate, fault_of
from webapp.inspector.findings import Command, Oracle
from webapp.inspector.quoting import name as quoted
from webapp.inspector.quoting import named_marks, raw
from webapp.inspector.rows import Key, alias_of, equals
from webapp.inspector.veil import veiled
from webapp.rls import Identity

Conflict = Literal["nothing", "update"]
CONSTRAINT = "23"  # the class of integrity constraint violations: they are looked at after row security


class BadRow(ValueError):
    """Say that a row was described by what cannot be a row of this table."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Describe a write: the columns that it names with their values as JSON, and what else the statement has.

    ``conflict`` is what ON CONFLICT does, ``conflict_columns`` where it looks; ``returning`` the columns of RETURNING.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    returning: tuple[str, ...] = ()
    conflict: Conflict | None = None
    conflict_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRow:
    """Hold the row that a command would write. ``unknown`` are columns that only the command itself gives a value."""

    text: str
    unknown: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def check(table: Table, wanted: Wanted, command: Command) -> None:
    """Raise BadRow where the table has no such columns, or has them to be read only."""
    names = {column.name: column for column in table.columns}
    for name in (*wanted.given, *wanted.returning, *wanted.conflict_columns):
        if name not in names:
            raise BadRow(f"{table.full_name} has no column {name}. Its columns: {', '.join(names)}.")
    for name in wanted.given:
        if names[name].generated:
            raise BadRow(f"{name} is generated: Postgres computes it and takes no value for it. Leave it out.")
        if names[name].always:
            raise BadRow(f"{name} is GENERATED ALWAYS AS IDENTITY: Postgres draws it. Leave it out.")
    if wanted.conflict and command != "insert":
        raise BadRow("ON CONFLICT belongs to INSERT.")
    if wanted.conflict == "update" and not wanted.conflict_columns:
        raise BadRow("Say which columns ON CONFLICT looks at: those of a unique key.")


def written(eye: Eye, table: Table, base: str | None, wanted: Wanted) -> NewRow:
    """Return the row that INSERT (``base`` is None) or UPDATE (``base`` is the row before) would write.

    Defaults and generated columns are evaluated as the person, who is who would insert. Raises BadRow for a value that
    does not fit its column.
    """
    notes: list[str] = []
    given = dict(wanted.given)
    unknown: set[str] = set()
    if base is None:
        for column in table.columns:
            if column.name in given or column.generated:
                continue
            if column.draws_from_sequence:
                unknown.add(column.name)
                notes.append(f"{column.name} is drawn from a sequence when the row is inserted; here it is NULL.")
            elif column.default is not None:
                found = _default(eye, column.default, column)
                if isinstance(found, str):
                    unknown.add(column.name)
                    notes.append(f"The default of {column.name} {found}")
                else:
                    given[column.name] = found[0]
    text = _populated(eye, table, base, given)
    computed = [column for column in table.columns if column.generated and column.default is not None]
    if computed:
        items = [_carried(str(column.default), column) for column in computed]
        cells = evaluate(eye, table, [text], items)[0]
        values = {column.name: cell.value for column, cell in zip(computed, cells, strict=True) if cell.fault is None}
        unknown |= {column.name for column, cell in zip(computed, cells, strict=True) if cell.fault is not None}
        text = _populated(eye, table, text, values)
    return NewRow(text, frozenset(unknown), tuple(notes))


def _carried(expression: str, column: Column) -> str:
    """Return SQL for a value of a column as JSON, such that jsonb_populate_record() makes the same value of it.

    It reads every type from its text, save for those of JSON.
    """
    form = "pg_catalog.to_jsonb(({})::{})" if column.bare in ("json", "jsonb") else "(({})::{})::pg_catalog.text"
    return form.format(expression, column.type)


def _default(eye: Eye, expression: str, column: Column) -> tuple[Any] | str:
    try:
        with eye.savepoint():
            return (eye.rows(raw(f"select {_carried(expression, column)}"), ())[0][0],)
    except psycopg.Error as exc:
        fault = fault_of(exc)
        return f"raises: {fault.message} ({fault.sqlstate})"


def _populated(eye: Eye, table: Table, base: str | None, given: Mapping[str, Any]) -> str:
    query = sql.SQL("select (pg_catalog.jsonb_populate_record({base}::{table}, %(given)s))::pg_catalog.text").format(
        base=sql.SQL("%(base)s") if base is not None else sql.SQL("null"),
        table=quoted(table.schema, table.name),
    )
    try:
        with eye.savepoint():
            return str(eye.rows(query, {"base": base, "given": Jsonb(dict(given))})[0][0])
    except (psycopg.Error, ValueError) as exc:
        said = fault_of(exc).message if isinstance(exc, psycopg.Error) else str(exc)
        raise BadRow(f"That is no row of {table.full_name}: {said}.") from exc


def values_of(eye: Eye, table: Table, row: NewRow, names: Sequence[str]) -> dict[str, str | None]:
    """Return what columns of a row that is to be written have as text; None for NULL and for what is not known."""
    items = [sql.SQL("(q.v).{}::pg_catalog.text").format(quoted(name)) for name in names]
    query = sql.SQL("select {} from (select %s::{} as v) q").format(
        sql.SQL(", ").join(items), quoted(table.schema, table.name)
    )
    found = eye.rows(query, (row.text,))[0]
    return {name: None if name in row.unknown else value for name, value in zip(names, found, strict=True)}


def statement(table: Table, command: Command, key: Key | None, wanted: Wanted) -> tuple[sql.Composed, dict[str, Any]]:
    """Return the command and its parameters. Raises rows.BadKey."""
    name = quoted(table.schema, table.name)
    parameters: dict[str, Any] = {"given": Jsonb(dict(wanted.given))}
    record = sql.SQL("pg_catalog.jsonb_populate_record(null::{}, %(given)s)").format(name)
    if command == "insert":
        columns = [quoted(column) for column in wanted.given]
        if columns:
            made = sql.SQL("insert into {name} ({columns}) select {values} from {record} given").format(
                name=name,
                columns=sql.SQL(", ").join(columns),
                values=sql.SQL(", ").join(sql.SQL("given.{}").format(column) for column in columns),
                record=record,
            )
        else:
            made = sql.SQL("insert into {} default values").format(name)
        made += _on_conflict(table, wanted)
    else:
        assert key is not None
        condition, values = equals(table, key)
        keyed = _numbered(condition, values, parameters)
        alias = alias_of(table)
        if command == "update":
            columns_set = wanted.given or {_first_updatable(table): None}
            assignments = sql.SQL(", ").join(
                sql.SQL("{} = ({}).{}").format(quoted(column), record, quoted(column))
                if wanted.given
                else sql.SQL("{} = {}.{}").format(quoted(column), alias, quoted(column))
                for column in columns_set
            )
            made = sql.SQL("update {} as {} set {} where ").format(name, alias, assignments) + keyed
        else:
            made = sql.SQL("delete from {} as {} where ").format(name, alias) + keyed
    if wanted.returning:
        made += sql.SQL(" returning ") + sql.SQL(", ").join(map(quoted, wanted.returning))
    return made, parameters


def _numbered(condition: sql.Composed, values: Sequence[Any], parameters: dict[str, Any]) -> sql.Composed:
    """Return the condition with names for its parameters, which are put into ``parameters``."""
    parameters |= {f"key{place}": value for place, value in enumerate(values)}
    return sql.Composed([sql.SQL(named_marks(condition.as_string(), "key"))])


def _on_conflict(table: Table, wanted: Wanted) -> sql.Composed:
    if wanted.conflict is None:
        return sql.Composed([])
    target = sql.SQL(" on conflict")
    parts: list[sql.Composable] = [target]
    if wanted.conflict_columns:
        parts.append(sql.SQL(" ({})").format(sql.SQL(", ").join(map(quoted, wanted.conflict_columns))))
    changed = [name for name in wanted.given if name not in wanted.conflict_columns] or list(wanted.given)
    if wanted.conflict == "nothing" or not changed:
        parts.append(sql.SQL(" do nothing"))
    else:
        assigned = (sql.SQL("{} = excluded.{}").format(quoted(name), quoted(name)) for name in changed)
        parts.append(sql.SQL(" do update set ") + sql.SQL(", ").join(assigned))
    return sql.Composed(parts)


def _first_updatable(table: Table) -> str:
    """Return the column that an UPDATE without values sets to itself: one that the role may set, and read."""
    rights = table.rights
    usable = [c.name for c in table.columns if not c.generated and c.name in rights.columns["update"]]
    readable = [name for name in usable if name in rights.columns["select"]]
    return (readable or usable or [table.columns[0].name])[0]


def try_it(
    desk: Desk,
    identity: Identity,
    table: Table,
    command: Command,
    key: Key | None,
    wanted: Wanted,
    covered: bool = False,
) -> Oracle:
    """Do it as the person, roll it back, and say what Postgres did; ``covered`` withholds what may name a value."""
    made, parameters = statement(table, command, key, wanted)
    began = time.perf_counter()
    try:
        with desk.trial(identity) as eye:
            count = eye.run(made, parameters).rowcount
            # What waits for COMMIT is otherwise never looked at.
            eye.run("set constraints all immediate")
            took = _since(began)
    except TooSlow as exc:
        return Oracle(None, f"it took too long: {exc}", "57014", _since(began), is_trial=True)
    except psycopg.Error as exc:
        return _refused(exc, table, _since(began), covered)
    skips = wanted.conflict == "nothing" or (wanted.conflict == "update" and not wanted.given)
    if count == 0 and not skips:
        return Oracle("denied", "it changed no row", milliseconds=took, is_trial=True)
    held = f" or a trigger held it back ({', '.join(table.row_triggers)})" if table.row_triggers else ""
    done = f"wrote nothing, since there was a conflict{held}" if count == 0 else f"{_DONE[command]} {count} row"
    return Oracle("allowed", f"it {done}, and was rolled back", milliseconds=took, is_trial=True)


_DONE: dict[str, str] = {"insert": "inserted", "update": "updated", "delete": "deleted", "select": "read"}


def _refused(exc: psycopg.Error, table: Table, took: float, covered: bool) -> Oracle:
    fault = veiled(fault_of(exc)) if covered else fault_of(exc)
    # A trigger that raises the same may do so before any policy is asked.
    if fault.sqlstate.startswith(CONSTRAINT) and not (fault.raised and table.row_triggers):
        named = f" {exc.diag.constraint_name}" if exc.diag.constraint_name else ""
        said = f"grants and policies let it through, and the constraint{named} refused it: {fault.message}"
        return Oracle("allowed", said, fault.sqlstate, took, is_trial=True)
    return Oracle("denied", f"it was refused: {fault.message}", fault.sqlstate, took, is_trial=True)


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def described(given: Mapping[str, Any]) -> str:
    """Return the values of a write as JSON, for people."""
    return json.dumps(dict(given), ensure_ascii=False, default=str)
