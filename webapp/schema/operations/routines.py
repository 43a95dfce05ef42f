"""Operations on functions and triggers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from alembic.operations import MigrateOperation, Operations

from webapp.rls.policy import Function, Trigger, quote
from webapp.schema.operations.base import BROWSER_ROLES, DatabaseOperation

_PLAIN_TRIGGER: Final = re.compile(r"\s*create\s+(or\s+replace\s+)?trigger\b", re.IGNORECASE)


def replacing_trigger(trigger: Trigger) -> str | None:
    """Return the SQL that makes ``trigger`` whether or not it is there; None for a constraint trigger, which has none.

    Replacing needs no more than the privilege TRIGGER, which is all that one has on Supabase's tables; dropping needs
    to own the table.
    """
    replaced, plain = _PLAIN_TRIGGER.subn("CREATE OR REPLACE TRIGGER", trigger.sql, count=1)
    return replaced if plain else None


class _OfFunction(DatabaseOperation):
    def __init__(self, function: Function) -> None:
        self.function = function

    @classmethod
    def run_function(cls, operations: Operations, function: Function) -> None:
        """Run the operation on a function."""
        operations.invoke(cls(function))

    def arguments(self) -> tuple[object, ...]:
        return (self.function,)


def _executable_by(function: Function, before: Sequence[str] = ()) -> list[str]:
    """Return the statements that leave ``function`` executable by its roles and, its owner apart, by nobody else."""
    revoked = (*BROWSER_ROLES, *(quote(role) for role in before if role.lower() not in {"public", *BROWSER_ROLES}))
    statements = [f"REVOKE ALL ON ROUTINE {function.signature} FROM {', '.join(revoked)}"]
    if function.execute:
        roles = ", ".join(quote(role) for role in function.execute)
        statements.append(f"GRANT EXECUTE ON ROUTINE {function.signature} TO {roles}")
    return statements


@Operations.register_operation("create_function", "run_function")
class CreateFunction(_OfFunction):
    """Create a function that its named roles may execute and nobody else."""

    name = "create_function"

    def statements(self) -> Sequence[str]:
        return (self.function.sql, *_executable_by(self.function))

    def reverse(self) -> MigrateOperation:
        return DropFunction(self.function)


@Operations.register_operation("drop_function", "run_function")
class DropFunction(_OfFunction):
    """Drop a function; the whole of it is given, so that the way back is known."""

    name = "drop_function"

    def statements(self) -> Sequence[str]:
        return (f"DROP ROUTINE {self.function.signature}",)

    def reverse(self) -> MigrateOperation:
        return CreateFunction(self.function)


@Operations.register_operation("replace_function")
class ReplaceFunction(DatabaseOperation):
    """Replace a function by another of the same signature; what calls it stays as it is.

    Postgres refuses this where the result's type or a parameter's name changes: drop and create it then.
    """

    name = "replace_function"

    def __init__(self, new: Function, old: Function) -> None:
        if new.signature != old.signature:
            raise ValueError(
                f"{old.signature} cannot be replaced by {new.signature}: another signature is another function. "
                "Create the new one and drop the old one."
            )
        self.new = new
        self.old = old

    @classmethod
    def replace_function(cls, operations: Operations, new: Function, old: Function) -> None:
        """Replace ``old`` by ``new``."""
        operations.invoke(cls(new, old))

    def statements(self) -> Sequence[str]:
        return (self.new.sql, *_executable_by(self.new, self.old.execute))

    def arguments(self) -> tuple[object, ...]:
        return (self.new, self.old)

    def reverse(self) -> MigrateOperation:
        return ReplaceFunction(self.old, self.new)


class _OfTrigger(DatabaseOperation):
    def __init__(self, trigger: Trigger) -> None:
        self.trigger = trigger

    @classmethod
    def run_trigger(cls, operations: Operations, trigger: Trigger) -> None:
        """Run the operation on a trigger."""
        operations.invoke(cls(trigger))

    def arguments(self) -> tuple[object, ...]:
        return (self.trigger,)


@Operations.register_operation("create_trigger", "run_trigger")
class CreateTrigger(_OfTrigger):
    """Create a trigger."""

    name = "create_trigger"

    def statements(self) -> Sequence[str]:
        return (self.trigger.sql,)

    def reverse(self) -> MigrateOperation:
        return DropTrigger(self.trigger)


@Operations.register_operation("drop_trigger", "run_trigger")
class DropTrigger(_OfTrigger):
    """Drop a trigger; the whole of it is given, so that the way back is known."""

    name = "drop_trigger"

    def statements(self) -> Sequence[str]:
        return (f"DROP TRIGGER {quote(self.trigger.name)} ON {self.trigger.table}",)

    def reverse(self) -> MigrateOperation:
        return CreateTrigger(self.trigger)


@Operations.register_operation("replace_trigger")
class ReplaceTrigger(DatabaseOperation):
    """Replace a trigger by another of the same name on the same table; neither may be a constraint trigger."""

    name = "replace_trigger"

    def __init__(self, new: Trigger, old: Trigger) -> None:
        sql = replacing_trigger(new)
        if sql is None or replacing_trigger(old) is None:
            raise ValueError(f"{new.name} is a constraint trigger, which cannot be replaced. Drop it and create it.")
        self.new = new
        self.old = old
        self.sql = sql

    @classmethod
    def replace_trigger(cls, operations: Operations, new: Trigger, old: Trigger) -> None:
        """Replace ``old`` by ``new``."""
        operations.invoke(cls(new, old))

    def statements(self) -> Sequence[str]:
        return (self.sql,)

    def arguments(self) -> tuple[object, ...]:
        return (self.new, self.old)

    def reverse(self) -> MigrateOperation:
        return ReplaceTrigger(self.old, self.new)
