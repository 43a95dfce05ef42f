"""What stands in the database, in the words that Postgres itself prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Connection, text

from webapp.rls.policy import Command, Function, Grant, Policy, Trigger
from webapp.schema.operations import qualified
from webapp.schema.project import VERSION_SCHEMA, VERSION_TABLE

_COMMANDS: Final[dict[str, Command]] = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}

_TABLES: Final = text("""
SELECT o.oid, n.nspname AS schema, o.relname AS name, o.relrowsecurity AS enabled, o.relforcerowsecurity AS forced,
       o.relispartition AS is_partition, pg_catalog.pg_get_userbyid(o.relowner)::text AS owner
FROM pg_catalog.pg_class o JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace
WHERE o.relkind IN ('r', 'p') AND n.nspname = ANY (:schemas)
  AND (n.nspname, o.relname) <> (:version_schema, :version_table)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.objid = o.oid AND e.deptype = 'e')
""").bindparams(version_schema=VERSION_SCHEMA, version_table=VERSION_TABLE)

_POLICIES: Final = text("""
SELECT p.polrelid AS oid, p.polname AS name, p.polcmd::text AS command, p.polpermissive AS permissive,
       ARRAY(SELECT CASE u.id WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(u.id)::text END
             FROM unnest(p.polroles) AS u (id)) AS roles,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using_,
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check_
FROM pg_catalog.pg_policy p WHERE p.polrelid = ANY (:tables)
""")

_GRANTS: Final = text("""
SELECT held.oid, lower(held.privilege_type) AS privilege, held.column_, held.is_grantable,
       CASE held.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(held.grantee)::text END AS role
FROM (
  SELECT c.oid, c.relowner, NULL AS column_, a.*
  FROM pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) a
  UNION ALL
  SELECT c.oid, c.relowner, t.attname::text, a.*
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped,
       LATERAL pg_catalog.aclexplode(t.attacl) a
) held
WHERE held.oid = ANY (:tables) AND held.grantee <> held.relowner
""")

_FUNCTIONS: Final = text("""
SELECT o.oid, o.oid::regprocedure::text AS signature, pg_catalog.pg_get_userbyid(o.proowner)::text AS owner,
       pg_catalog.pg_get_functiondef(o.oid) AS sql,
       ARRAY(SELECT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END
             FROM pg_catalog.aclexplode(coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))) a
             WHERE a.grantee <> o.proowner) AS execute
FROM pg_catalog.pg_proc o JOIN pg_catalog.pg_namespace n ON n.oid = o.pronamespace
WHERE o.prokind <> 'a' AND n.nspname = ANY (:schemas)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.objid = o.oid AND e.deptype = 'e')
""")

# On our tables every trigger; on other people's (auth.users) those that call a function of ours. What a partition has
# of its own, beside what its parent gives it, comes from whoever makes partitions, and no model names those.
_TRIGGERS: Final = text("""
SELECT tn.nspname AS schema, c.relname AS table, t.tgname AS name, pg_catalog.pg_get_triggerdef(t.oid) AS sql,
       t.tgenabled::text AS enabled
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = c.relnamespace
JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
WHERE NOT t.tgisinternal AND NOT c.relispartition AND (tn.nspname = ANY (:schemas) OR fn.nspname = ANY (:schemas))""")

_STATES: Final = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


class Held(NamedTuple):
    """One privilege that a role holds on a table, or on one of its columns."""

    role: str
    privilege: str
    column: str | None = None
    grantable: bool = False


@dataclass(slots=True)
class TableState:
    """What decides who sees the rows of one table."""

    schema: str
    name: str
    enabled: bool
    forced: bool
    is_partition: bool
    owner: str
    policies: dict[str, Policy] = field(default_factory=dict)
    grants: set[Held] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class FunctionState:
    """A function and who owns it; its owner is not among those in ``execute``."""

    function: Function
    owner: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything of the kind that ``webapp.rls.policy`` declares and that stands in the database.

    Tables and the tables of triggers are named ``(schema, name)``; functions go by their object id, since one
    signature can be written in many ways.
    """

    tables: dict[tuple[str, str], TableState]
    functions: dict[int, FunctionState]
    triggers: dict[tuple[str, str, str], Trigger]


def read(connection: Connection, schemas: Iterable[str]) -> Catalog:
    """Read the catalogue of ``schemas``."""
    where = {"schemas": sorted(schemas)}
    with _everything_qualified(connection):
        tables = {
            row.oid: TableState(row.schema, row.name, row.enabled, row.forced, row.is_partition, row.owner)
            for row in connection.execute(_TABLES, where)
        }
        oids = {"tables": list(tables)}
        for row in connection.execute(_POLICIES, oids):
            tables[row.oid].policies[row.name] = _policy(row)
        for row in connection.execute(_GRANTS, oids):
            tables[row.oid].grants.add(Held(row.role, row.privilege, row.column_, row.is_grantable))
        functions = {
            row.oid: FunctionState(Function(row.signature, row.sql.strip(), tuple(sorted(row.execute))), row.owner)
            for row in connection.execute(_FUNCTIONS, where)
        }
        triggers = {(row.schema, row.table, row.name): _trigger(row) for row in connection.execute(_TRIGGERS, where)}
    return Catalog({(table.schema, table.name): table for table in tables.values()}, functions, triggers)


@contextmanager
def _everything_qualified(connection: Connection) -> Iterator[None]:
    """Have Postgres print each name with its schema, whatever the search_path."""
    path = connection.scalar(text("SELECT current_setting('search_path')"))
    change = text("SELECT set_config('search_path', :path, true)")
    connection.execute(change, {"path": ""})
    yield
    connection.execute(change, {"path": path})


def _policy(row: Any) -> Policy:
    """Return a row of pg_policy as the declaration that would make it.

    A clause that is missing and that a declaration must have is written as what it means: a permissive policy
    without it lets nothing through, a restrictive one everything.
    """
    command = _COMMANDS[row.command]
    meant = "false" if row.permissive else "true"
    using = None if command == "insert" else row.using_
    check = row.check_ if command not in ("select", "delete") else None
    if command == "insert":
        check = check or meant
    elif command in ("select", "delete"):
        using = using or meant
    return Policy(row.name, command, tuple(sorted(row.roles)), using=using, check=check, permissive=row.permissive)


def _trigger(row: Any) -> Trigger:
    table = qualified(row.table, row.schema)
    state = _STATES.get(row.enabled)
    after = f";\nALTER TABLE {table} {state} TRIGGER {qualified('x', row.name).removesuffix('.x')}" if state else ""
    return Trigger(row.name, table, row.sql + after)


def as_grants(held: Iterable[Held]) -> list[Grant]:
    """Return the fewest grants that give what is held; the roles, privileges and columns in alphabetical order."""
    columns: dict[tuple[str, str], list[str]] = {}
    for role, privilege, column, _ in sorted(held, key=lambda one: (one.role, one.privilege, one.column or "")):
        columns.setdefault((role, privilege if column else f"{privilege}*"), []).extend([column] if column else [])
    privileges: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (role, privilege), names in columns.items():
        privileges.setdefault((role, tuple(names)), []).append(privilege.removesuffix("*"))
    # TRUNCATE and its kin can be held, and must then be revoked, though no declaration may name them.
    return [Grant(role, cast("Any", tuple(given)), names) for (role, names), given in privileges.items()]
