"""What a statement was about, read from SQLAlchemy's compiled form of it: the table, the row, what it would write.

Only what stands there is said. A statement that was written as text, or that calls a function, has no target to be
read; what Postgres said of it is all there is.
"""

from __future__ import annotations

import base64
import datetime
import enum
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnElement
from sqlalchemy.sql.util import find_tables

from webapp.inspector.attempts import Attempt
from webapp.inspector.evaluate import RAISE
from webapp.inspector.findings import Command
from webapp.rls import Identity
from webapp.rls.transaction import OPTION, Transaction

MOST_ROWS: Final = 3  # of a statement that was sent with several at once
LONGEST: Final = 2_000  # characters of a value; the rest is not looked at
_FUNCTION: Final = re.compile(r"function ([\w.\"$]+)\(")
_COMMANDS: Final[dict[type[UpdateBase], Command]] = {Insert: "insert", Update: "update", Delete: "delete"}
_TAGS: Final[dict[str, Command]] = {"UPDATE 0": "update", "DELETE 0": "delete"}


def of_no_row(connection: Connection, cursor: Any, context: Any) -> list[Attempt]:
    """Return the attempts of a statement that met fewer rows than it was sent for; none where it was no write."""
    who = _identity(connection)
    if who is None:
        return []
    if isinstance(context, DefaultExecutionContext) and (context.isupdate or context.isdelete):
        return _of_compiled(who, context, "", {}) or [Attempt(who, "update" if context.isupdate else "delete")]
    command = _TAGS.get(cursor.statusmessage or "")
    return [Attempt(who, command)] if command else []


def of_refusal(connection: Connection | None, error: psycopg.Error, context: Any) -> list[Attempt]:
    """Return the attempts of a statement that Postgres refused."""
    who = _identity(connection) if connection is not None else None
    if who is None or error.sqlstate is None:
        return []
    words = _words(error)
    found = _of_compiled(who, context, error.sqlstate, words) if isinstance(context, DefaultExecutionContext) else []
    return found or [Attempt(who, sqlstate=error.sqlstate, **words)]


def _identity(connection: Connection) -> Identity | None:
    wanted = connection.get_execution_options().get(OPTION)
    return wanted.identity if isinstance(wanted, Transaction) else None


def _words(error: psycopg.Error) -> dict[str, Any]:
    """Return what Postgres said, and where: of a function that raised by itself not its words, only its name."""
    raised = error.diag.source_function == RAISE
    function = _FUNCTION.search(error.diag.context or "")
    return {
        "said": "" if raised else (error.diag.message_primary or ""),
        "function": function[1] if function else "",
        "raised": raised,
    }


def _of_compiled(
    who: Identity, context: DefaultExecutionContext, sqlstate: str, words: Mapping[str, Any]
) -> list[Attempt]:
    compiled = context.compiled
    if not isinstance(compiled, SQLCompiler):
        return []
    statement = compiled.statement
    command = next((name for kind, name in _COMMANDS.items() if isinstance(statement, kind)), None)
    if command is None or not isinstance(statement, UpdateBase):
        read = _tables(statement) if sqlstate else ()
        return [Attempt(who, "select", others=read, sqlstate=sqlstate, **words)] if read else []
    table = statement.table
    if not isinstance(table, Table):
        return []
    sent = context.compiled_parameters
    rows = max(len(sent), len(_many_values(statement)))
    common: dict[str, Any] = {
        "schema": table.schema or "public",
        "table": table.name,
        "returning": tuple(
            str(each.name) for each in compiled.effective_returning or () if getattr(each, "table", None) is not None
        ),
        "sqlstate": sqlstate,
        **words,
        **(_conflict(statement) if isinstance(statement, Insert) else {}),
    }
    if rows > MOST_ROWS or len(sent) != rows:
        return [Attempt(who, command, rows=rows, **common)]
    return [Attempt(who, command, **common, **_row(compiled, statement, table, parameters)) for parameters in sent]


def _row(compiled: SQLCompiler, statement: UpdateBase, table: Table, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the statement says of one row: its key, the values that it gives, the columns that it computes."""
    values = _Values(compiled, parameters)
    key: dict[str, str | None] = {}
    binds: set[str] = set()
    has_conditions = False
    where = getattr(statement, "whereclause", None)
    for part in _parts(where) if where is not None else ():
        compared = _comparison(part, table)
        name = compiled.bind_names.get(compared[1]) if compared else None
        if compared is None or name is None or compared[0] in key:
            has_conditions = True
            continue
        binds.add(name)
        text = values.text(name)
        if text is None:
            has_conditions = True  # compared with NULL, or with what has no form as text: no row is named by that
        else:
            key[compared[0]] = text
    given, computed = _given(values, statement, table, binds)
    return {
        "key": key or None,
        "has_conditions": has_conditions,
        "names_row": any(names and names <= set(key) for names in _unique(table)),
        "given": given,
        "computed": computed,
    }


def _unique(table: Table) -> Iterator[set[str]]:
    """Yield the columns of each unique key of the table, as it is mapped."""
    yield {column.name for column in table.primary_key.columns}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield {column.name for column in constraint.columns}
    for index in table.indexes:
        if index.unique:
            yield {column.name for column in index.columns}


def _parts(where: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    if isinstance(where, BooleanClauseList) and where.operator is operators.and_:
        for part in where.clauses:
            yield from _parts(part)
    else:
        yield where


def _comparison(part: ColumnElement[Any], table: Table) -> tuple[str, BindParameter[Any]] | None:
    """Return the column of ``table`` that a condition compares with a value, and that value's parameter."""
    if not isinstance(part, BinaryExpression) or part.operator is not operators.eq:
        return None
    left, right = part.left, part.right
    if isinstance(left, BindParameter):
        left, right = right, left
    of = getattr(left, "table", None)
    if not isinstance(right, BindParameter) or getattr(of, "fullname", None) != table.fullname:
        return None
    return str(left.name), right


def _given(
    values: _Values, statement: UpdateBase, table: Table, binds: set[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    expressions = {
        str(getattr(column, "key", column)): value
        for column, value in (getattr(statement, "_values", None) or {}).items()
        if not isinstance(value, BindParameter)
    }
    is_insert = isinstance(statement, Insert)
    given: dict[str, Any] = {}
    computed: list[str] = []
    for column in table.columns:
        default = column.default if is_insert else column.onupdate
        if column.key in expressions:
            computed.append(column.name)
        elif column.key in values.parameters and column.key not in binds:
            try:
                given[column.name] = values.json(column.key)
            except ValueError:
                computed.append(column.name)
        elif default is not None and not isinstance(statement, Delete):
            computed.append(column.name)
    return given, tuple(computed)


class _Values:
    """Give the parameters' values as what they are to Postgres, in text and in JSON."""

    def __init__(self, compiled: SQLCompiler, parameters: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self._processors: Mapping[str, Any] = compiled._bind_processors

    def json(self, name: str) -> Any:
        """Return a value as JSON has it. Raises ValueError where it has no form that is short enough."""
        value = self.parameters[name]
        if isinstance(value, enum.Enum) and name in self._processors:
            value = self._processors[name](value)  # to the word that Postgres has for it
        return as_json(value)

    def text(self, name: str) -> str | None:
        """Return a value as Postgres writes it in text, or None where it has none."""
        try:
            value = self.json(name)
        except ValueError:
            return None
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, (str, int, float)) else None


def as_json(value: Any) -> Any:
    """Return a value as JSON has it, for jsonb_populate_record. Raises ValueError for what is too long, or unknown."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        if len(value) > LONGEST // 2:
            raise ValueError("It is too long.")
        return "\\x" + base64.b16encode(bytes(value)).decode().lower()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return as_json(value.value)
    if isinstance(value, str):
        if len(value) > LONGEST or "\0" in value:
            raise ValueError("It is too long.")
        return value
    if isinstance(value, (list, tuple, dict)) and len(value) <= LONGEST // 20:
        if isinstance(value, dict):
            return {str(name): as_json(each) for name, each in value.items()}
        return [as_json(each) for each in value]
    raise ValueError(f"{type(value).__name__} has no form in JSON.")


def _many_values(statement: UpdateBase) -> tuple[Any, ...]:
    return tuple(row for rows in getattr(statement, "_multi_values", ()) or () for row in rows)


def _conflict(statement: Insert) -> dict[str, Any]:
    clause = statement._post_values_clause
    if not isinstance(clause, (OnConflictDoNothing, OnConflictDoUpdate)):
        return {}
    targets = tuple(str(getattr(target, "name", target)) for target in clause.inferred_target_elements or ())
    does = "update" if isinstance(clause, OnConflictDoUpdate) else "nothing"
    return {"conflict": does, "conflict_columns": targets}


def _tables(statement: Any) -> tuple[tuple[str, str], ...]:
    """Return the tables that a SELECT names, those of its sub-selects too, each once."""
    found = find_tables(statement, check_columns=True, include_selects=True, include_joins=True, include_aliases=True)
    tables = [each for each in map(_unaliased, found) if isinstance(each, Table)]
    return tuple(dict.fromkeys((each.schema or "public", each.name) for each in tables))


def _unaliased(found: Any) -> Any:
    while not isinstance(found, Table) and hasattr(found, "element"):
        found = found.element
    return found
