"""Have Postgres print what is declared: make it inside a savepoint, read the catalogue, roll back.

No parser of ours compares expressions. ``org_id = any (x)`` and ``(org_id = ANY (x))`` are the same policy when
Postgres prints them alike, and only then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from webapp.rls.policy import Function, Policy, Trigger, quote
from webapp.schema.catalog import Catalog, read
from webapp.schema.operations import qualified, replacing_trigger

INVALID_FUNCTION_DEFINITION: Final = "42P13"  # what CREATE OR REPLACE says of another result type
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Trial:
    """Hold the catalogue as it was, as it would be with everything declared, and what could not be made.

    ``functions`` gives the object id that each declared signature has, or None where there is no such function yet;
    ``triggers`` the name that each declared trigger has in the catalogue.
    ``refused`` has what Postgres would not make as things stand; the value is its SQLSTATE.
    """

    before: Catalog
    after: Catalog
    functions: dict[str, int | None] = field(default_factory=dict)
    triggers: dict[Trigger, tuple[str, str, str]] = field(default_factory=dict)
    refused: dict[object, str] = field(default_factory=dict)


def make_declared(
    connection: Connection,
    schemas: Iterable[str],
    policies: Mapping[tuple[str, str], Sequence[Policy]],
    functions: Sequence[Function],
    triggers: Sequence[Trigger],
) -> Trial:
    """Make all that is declared for the tables that exist, and undo it; the connection must be in a transaction.

    Each table is locked against everybody for some milliseconds, so this belongs to development and to continuous
    integration, and not to a database under load.
    """
    before = read(connection, schemas)
    trial = Trial(before, before)
    with connection.begin_nested() as savepoint:
        # The body of a function may name a table that only the migration to be written will make.
        connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
        for function in functions:
            trial.functions[function.signature] = connection.scalar(
                text("SELECT to_regprocedure(:signature)::oid"), {"signature": function.signature}
            )
            _attempt(connection, trial, function, function.sql)
        for (schema, table), declared in policies.items():
            for policy in declared if (schema, table) in before.tables else ():
                target = qualified(table, schema)
                drop = f"DROP POLICY IF EXISTS {quote(policy.name)} ON {target}"
                _attempt(connection, trial, (schema, table, policy.name), drop, policy.create_sql(target))
        for trigger in triggers:
            trial.triggers[trigger] = _name(connection, trigger)
            _attempt(connection, trial, trigger, *_again(trigger))
        trial.after = read(connection, schemas)
        savepoint.rollback()
    return trial


def _name(connection: Connection, trigger: Trigger) -> tuple[str, str, str]:
    """Return how the catalogue names a trigger, whose table is declared as SQL text."""
    found = connection.execute(
        text(
            "SELECT relnamespace::regnamespace::text, relname FROM pg_catalog.pg_class WHERE oid = to_regclass(:table)"
        ),
        {"table": trigger.table},
    ).first()
    schema, table = found or (trigger.table.rpartition(".")[0] or "public", trigger.table.rpartition(".")[2])
    return (schema, table, trigger.name)


def _again(trigger: Trigger) -> tuple[str, ...]:
    """Return what makes ``trigger`` whether or not it is there."""
    replacing = replacing_trigger(trigger)
    if replacing is not None:
        return (replacing,)
    return (f"DROP TRIGGER IF EXISTS {quote(trigger.name)} ON {trigger.table}", trigger.sql)


def _attempt(connection: Connection, trial: Trial, key: object, *statements: str) -> None:
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except DBAPIError as exc:
        trial.refused[key] = getattr(exc.orig, "sqlstate", None) or ""
        _log.info("as the database stands, it refuses %s: %s", key, exc.orig)
