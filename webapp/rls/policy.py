"""Row Level Security as it is declared beside a model: policies, grants, functions and triggers as plain values.

Nothing here talks to a database. ``webapp.schema`` renders these values in migrations and compares them with what
Postgres prints of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect

Command = Literal["select", "insert", "update", "delete", "all"]
# Where the declarations lie: of a table in Table.info, of functions and triggers in MetaData.info.
INFO_KEY = "rowhouse.row_security"
FUNCTIONS_KEY = "rowhouse.functions"
TRIGGERS_KEY = "rowhouse.triggers"


_quote = PGDialect().identifier_preparer.quote  # type: ignore[no-untyped-call]  # SQLAlchemy's own


def quote(name: str) -> str:
    """Quote an identifier for SQL text where it needs that; dots are part of the name."""
    return _quote(name)


def quote_always(name: str) -> str:
    """Quote an identifier for SQL text, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def _roles(roles: Sequence[str]) -> str:
    return ", ".join(quote(role) for role in roles)


@dataclass(frozen=True, slots=True)
class Policy:
    """Declare one policy (CREATE POLICY).

    ``using`` and ``check`` are SQL expressions over the table's columns. A policy without roles is refused: one
    that answers to PUBLIC is evaluated for roles that nobody thought of.
    """

    name: str
    command: Command
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None
    permissive: bool = True

    def __post_init__(self) -> None:
        if not self.roles:
            raise ValueError(f"Policy {self.name}: name the roles that it is for.")
        if self.command == "insert" and (self.using is not None or self.check is None):
            raise ValueError(f"Policy {self.name}: INSERT takes a check and no using.")
        if self.command in ("select", "delete") and (self.check is not None or self.using is None):
            raise ValueError(f"Policy {self.name}: {self.command.upper()} takes a using and no check.")

    def create_sql(self, table: str) -> str:
        """Return CREATE POLICY for ``table`` (already quoted, with its schema)."""
        parts = [
            f"CREATE POLICY {quote(self.name)} ON {table}",
            f"AS {'PERMISSIVE' if self.permissive else 'RESTRICTIVE'}",
            f"FOR {self.command.upper()} TO {_roles(self.roles)}",
        ]
        if self.using is not None:
            parts.append(f"USING ({self.using})")
        if self.check is not None:
            parts.append(f"WITH CHECK ({self.check})")
        return "\n  ".join(parts)

    def drop_sql(self, table: str) -> str:
        """Return DROP POLICY for ``table``."""
        return f"DROP POLICY {quote(self.name)} ON {table}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Declare what a role may do to a table; ``columns`` narrows INSERT, UPDATE and SELECT to those named."""

    role: str
    privileges: tuple[Literal["select", "insert", "update", "delete"], ...]
    columns: tuple[str, ...] = ()

    def _privileges(self) -> str:
        columns = f" ({', '.join(quote(c) for c in self.columns)})" if self.columns else ""
        return ", ".join(privilege.upper() + columns for privilege in self.privileges)

    def grant_sql(self, table: str) -> str:
        """Return GRANT on ``table``."""
        return f"GRANT {self._privileges()} ON TABLE {table} TO {quote(self.role)}"

    def revoke_sql(self, table: str) -> str:
        """Return REVOKE on ``table``."""
        return f"REVOKE {self._privileges()} ON TABLE {table} FROM {quote(self.role)}"


@dataclass(frozen=True, slots=True)
class RowSecurity:
    """Declare everything that decides who sees a table's rows: RLS enabled and forced, its policies, its grants."""

    policies: tuple[Policy, ...] = ()
    grants: tuple[Grant, ...] = ()

    def as_info(self) -> dict[str, Any]:
        """Return the ``info`` of a Table that carries this declaration."""
        return {INFO_KEY: self}


def row_security_of(table: Table) -> RowSecurity | None:
    """Return the declaration that a mapped table carries, or None."""
    found = table.info.get(INFO_KEY)
    return found if isinstance(found, RowSecurity) else None


@dataclass(frozen=True, slots=True)
class Function:
    """Declare one database function: its signature as ``schema.name(argument types)``, its CREATE OR REPLACE text,
    and the roles that may execute it. Every other role, PUBLIC included, is refused."""

    signature: str
    sql: str
    execute: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trigger:
    """Declare one trigger: its name, its table with schema, and its CREATE TRIGGER text."""

    name: str
    table: str
    sql: str
