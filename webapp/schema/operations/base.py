"""What every operation of ours is: SQL to run, and the Python call that asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from alembic.operations import MigrateOperation, Operations

from webapp.rls.policy import quote

# Supabase's default privileges grant everything on each new table and function of schema public to these three;
# Postgres itself lets PUBLIC execute each new function.
BROWSER_ROLES: Final = ("PUBLIC", "anon", "authenticated", "service_role")


def qualified(table: str, schema: str | None = None) -> str:
    """Return the quoted name of a table with its schema."""
    return f"{quote(schema or 'public')}.{quote(table)}"


class DatabaseOperation(MigrateOperation):
    """Hold one change as the SQL that makes it and as the Python call that asks for it.

    ``name`` is the function of ``alembic.op``; ``arguments`` and ``keywords`` are what a rendered call is given.
    """

    name: ClassVar[str]

    def statements(self) -> Sequence[str]:
        """Return the statements to run, in order, without a closing semicolon."""
        raise NotImplementedError

    def arguments(self) -> tuple[object, ...]:
        """Return the positional arguments of the call."""
        raise NotImplementedError

    def keywords(self) -> dict[str, object]:
        """Return the keyword arguments of the call that differ from their defaults."""
        return {}

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what ``alembic check`` prints of the difference."""
        return (self.name, *self.arguments(), *self.keywords().values())


@Operations.register_operation("run_sql")
class RunSql(DatabaseOperation):
    """Run SQL exactly as it stands: colons are no parameters, percent signs no placeholders, tabs no spaces.

    ``op.execute`` takes ``':x'`` for a parameter: online it raises, offline it silently writes NULL.
    """

    name = "run_sql"

    def __init__(self, sql: str) -> None:
        self.sql = sql

    @classmethod
    def run_sql(cls, operations: Operations, sql: str) -> None:
        """Run SQL exactly as it stands."""
        operations.invoke(cls(sql))

    def statements(self) -> Sequence[str]:
        return (self.sql,)

    def arguments(self) -> tuple[object, ...]:
        return (self.sql,)


@Operations.implementation_for(DatabaseOperation)
def _run(operations: Operations, operation: DatabaseOperation) -> None:
    """Send an operation's statements to the database, or write them to the script when offline."""
    context = operations.get_context()
    for statement in operation.statements():
        sql = statement.strip().removesuffix(";").rstrip()
        if context.as_sql:
            # A comment at the end of the text would swallow a semicolon that stood on its line.
            context.impl.static_output(sql + ("\n;" if "--" in sql.rpartition("\n")[2] else ";"))
        else:
            # Without parameters psycopg leaves percent signs alone, which is what the option is for.
            operations.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
