"""Operations on tables: row security, policies, grants."""

from __future__ import annotations

from collections.abc import Sequence

from alembic.operations import MigrateOperation, Operations

from webapp.rls.policy import Grant, Policy
from webapp.schema.operations.base import BROWSER_ROLES, DatabaseOperation, qualified


class _OnTable(DatabaseOperation):
    """Stand for a change that needs no more than a table's name."""

    def __init__(self, table: str, schema: str | None = None) -> None:
        self.table = table
        self.schema = None if schema == "public" else schema

    @classmethod
    def run(cls, operations: Operations, table: str, schema: str | None = None) -> None:
        """Run the operation on a table."""
        operations.invoke(cls(table, schema))

    @property
    def target(self) -> str:
        """Return the quoted name of the table."""
        return qualified(self.table, self.schema)

    def arguments(self) -> tuple[object, ...]:
        return (self.table,)

    def keywords(self) -> dict[str, object]:
        return {"schema": self.schema} if self.schema else {}


class _PolicyOnTable(_OnTable):
    def __init__(self, table: str, policy: Policy, schema: str | None = None) -> None:
        super().__init__(table, schema)
        self.policy = policy

    @classmethod
    def run_policy(cls, operations: Operations, table: str, policy: Policy, schema: str | None = None) -> None:
        """Run the operation on a table's policy."""
        operations.invoke(cls(table, policy, schema))

    def arguments(self) -> tuple[object, ...]:
        return (self.table, self.policy)


@Operations.register_operation("create_policy", "run_policy")
class CreatePolicy(_PolicyOnTable):
    """Create a policy."""

    name = "create_policy"

    def statements(self) -> Sequence[str]:
        return (self.policy.create_sql(self.target),)

    def reverse(self) -> MigrateOperation:
        return DropPolicy(self.table, self.policy, self.schema)


@Operations.register_operation("drop_policy", "run_policy")
class DropPolicy(_PolicyOnTable):
    """Drop a policy; the whole of it is given, so that the way back is known."""

    name = "drop_policy"

    def statements(self) -> Sequence[str]:
        return (self.policy.drop_sql(self.target),)

    def reverse(self) -> MigrateOperation:
        return CreatePolicy(self.table, self.policy, self.schema)


class _RowSecurityOnTable(_OnTable):
    """Carry ``force_only`` too: change FORCE and leave ENABLE as it is."""

    def __init__(self, table: str, schema: str | None = None, force_only: bool = False) -> None:
        super().__init__(table, schema)
        self.force_only = force_only

    @classmethod
    def run_security(
        cls, operations: Operations, table: str, schema: str | None = None, force_only: bool = False
    ) -> None:
        """Run the operation on a table's row security."""
        operations.invoke(cls(table, schema, force_only))

    def keywords(self) -> dict[str, object]:
        return super().keywords() | ({"force_only": True} if self.force_only else {})


@Operations.register_operation("enable_row_security", "run_security")
class EnableRowSecurity(_RowSecurityOnTable):
    """Enable row security, and force it upon the table's owner."""

    name = "enable_row_security"

    def statements(self) -> Sequence[str]:
        enable = () if self.force_only else (f"ALTER TABLE {self.target} ENABLE ROW LEVEL SECURITY",)
        return (*enable, f"ALTER TABLE {self.target} FORCE ROW LEVEL SECURITY")

    def reverse(self) -> MigrateOperation:
        return DisableRowSecurity(self.table, self.schema, self.force_only)


@Operations.register_operation("disable_row_security", "run_security")
class DisableRowSecurity(_RowSecurityOnTable):
    """Stop forcing row security upon the table's owner, and disable it."""

    name = "disable_row_security"

    def statements(self) -> Sequence[str]:
        disable = () if self.force_only else (f"ALTER TABLE {self.target} DISABLE ROW LEVEL SECURITY",)
        return (f"ALTER TABLE {self.target} NO FORCE ROW LEVEL SECURITY", *disable)

    def reverse(self) -> MigrateOperation:
        return EnableRowSecurity(self.table, self.schema, self.force_only)


class _GrantOnTable(_OnTable):
    def __init__(self, table: str, grant: Grant, schema: str | None = None) -> None:
        super().__init__(table, schema)
        self.grant = grant

    @classmethod
    def run_grant(cls, operations: Operations, table: str, grant: Grant, schema: str | None = None) -> None:
        """Run the operation on a table's grant."""
        operations.invoke(cls(table, grant, schema))

    def arguments(self) -> tuple[object, ...]:
        return (self.table, self.grant)


@Operations.register_operation("grant", "run_grant")
class GrantOnTable(_GrantOnTable):
    """Grant privileges on a table, or on some of its columns."""

    name = "grant"

    def statements(self) -> Sequence[str]:
        return (self.grant.grant_sql(self.target),)

    def reverse(self) -> MigrateOperation:
        return RevokeOnTable(self.table, self.grant, self.schema)


@Operations.register_operation("revoke", "run_grant")
class RevokeOnTable(_GrantOnTable):
    """Revoke privileges on a table, or on some of its columns.

    Revoking from the whole table takes the same privilege from each of its columns with it.
    """

    name = "revoke"

    def statements(self) -> Sequence[str]:
        return (self.grant.revoke_sql(self.target),)

    def reverse(self) -> MigrateOperation:
        return GrantOnTable(self.table, self.grant, self.schema)


@Operations.register_operation("revoke_all", "run")
class RevokeAll(_OnTable):
    """Take from PUBLIC, anon, authenticated and service_role whatever default privileges gave them on a new table.

    Nobody knows afterwards what they were given, so the way back revokes too: a table that a downgrade brings back
    comes with default privileges as well.
    """

    name = "revoke_all"

    def statements(self) -> Sequence[str]:
        return (f"REVOKE ALL ON TABLE {self.target} FROM {', '.join(BROWSER_ROLES)}",)

    def reverse(self) -> MigrateOperation:
        return RevokeAll(self.table, self.schema)
