"""What the catalog says of a table: columns, keys, policies as Postgres prints them, and what a role may do to it.

Any role may read the system catalog, so that this can be asked by whoever is at hand. It works from PostgreSQL 15 on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from webapp.inspector import catalog_sql
from webapp.inspector.desk import Eye
from webapp.inspector.quoting import is_text
from webapp.inspector.reach import AMBIENT, reach_of

Kind = Literal["table", "partitioned", "view", "matview", "foreign"]
KeyKind = Literal["primary", "unique", "place", "none"]
Privilege = Literal["select", "insert", "update", "delete"]
PUBLIC = "public"


class NoSuchTable(LookupError):
    """Say that there is no table, view or the like of this name."""


@dataclass(frozen=True, slots=True)
class Column:
    """Hold a column. ``type`` is as Postgres writes it; ``default`` is its expression, also of a generated column.

    An ``identity`` that is ``always`` drawn takes no value.
    ``bare`` is the type that a value is compared as: a domain's own, and without length or scale. ``operators`` is the
    schema of the operators that sort it, empty where that is ``pg_catalog``.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    generated: bool = False
    identity: bool = False
    draws_from_sequence: bool = False
    always: bool = False
    bare: str = "pg_catalog.text"
    operators: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Hold a foreign key: ``columns`` here point to ``target_columns`` of the table ``schema.name``."""

    columns: tuple[str, ...]
    schema: str
    name: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold a policy of the table, with its expressions as Postgres prints them.

    ``for_role`` tells whether it applies to the role that was asked about; ``volatile`` names the VOLATILE functions
    that it can reach, by way of views and of other tables' policies too, ``ambient`` what answers by the connection.
    ``reads`` names the tables in its sub-selects, ``closed`` the schemas of what it names on which the role has no
    USAGE: it needs none, but whoever repeats it does.
    """

    name: str
    permissive: bool
    command: Literal["select", "insert", "update", "delete", "all"]
    roles: tuple[str, ...]
    using: str | None
    check: str | None
    for_role: bool
    volatile: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """Hold what a role may do to a table: on all of it, or on the columns named.

    ``bypass`` says why row security does not bind the role; it is empty where it does.
    """

    role: str
    usage: bool
    granted: frozenset[Privilege]
    columns: dict[Privilege, frozenset[str]]
    bypass: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Hold a table or view as far as it decides on rows.

    ``key`` names the columns that name a row; where there are none, ``key_kind`` says whether the place of the row
    (``ctid``) can stand for them. ``estimate`` is the number of rows that the planner believes in, -1 if it has none.
    ``withheld`` are columns of which nothing may be told, a digest of the row included; the catalog knows of none.
    """

    oid: int
    schema: str
    name: str
    kind: Kind
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    key_kind: KeyKind
    policies: tuple[Policy, ...]
    foreign_keys: tuple[ForeignKey, ...]
    rights: Rights
    rls_enabled: bool
    rls_forced: bool
    security_invoker: bool = False
    has_children: bool = False
    estimate: int = -1
    row_triggers: tuple[str, ...] = ()
    withheld: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """Return ``schema.name`` as people write it, unquoted."""
        return f"{self.schema}.{self.name}"

    @property
    def is_view(self) -> bool:
        """Tell whether it is a view, whose rows come from elsewhere."""
        return self.kind == "view"

    def column(self, name: str) -> Column:
        """Return the column of that name. Raises LookupError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise LookupError(f"{self.full_name} has no column {name}.")


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one line of the list of tables; ``may_select`` is of the role that was asked about.

    ``security_invoker`` is of a view whose tables are read with the rights of whoever asks, and not of its owner.
    """

    oid: int
    schema: str
    name: str
    kind: Kind
    rls_enabled: bool
    rls_forced: bool
    policies: int
    may_select: bool
    estimate: int
    is_partition: bool
    security_invoker: bool = False

    @property
    def is_guarded(self) -> bool:
        """Tell whether row security can stand between a role that may select and the rows."""
        return self.security_invoker if self.kind == "view" else self.rls_enabled


_KINDS: dict[str, Kind] = {"r": "table", "p": "partitioned", "v": "view", "m": "matview", "f": "foreign"}
_COMMANDS: dict[str, Any] = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}


def tables(eye: Eye, role: str) -> tuple[Entry, ...]:
    """Return every table and view outside the system's own schemas, those of ``public`` first."""
    found = eye.rows(catalog_sql.TABLES, {"role": role})
    return tuple(Entry(row[0], row[1], row[2], _KINDS[row[3]], *row[4:]) for row in found)


def table(eye: Eye, schema: str, name: str, role: str) -> Table:
    """Return the table, with what ``role`` may do to it. Raises NoSuchTable."""
    named = {"schema": schema, "name": name, "role": role, "ambient": AMBIENT}
    found = eye.rows(catalog_sql.TABLE, named) if is_text(schema + name) else []
    if not found:
        raise NoSuchTable(f"There is no table or view {schema}.{name}.")
    facts = json.loads(found[0][0])
    kind = _KINDS[facts["kind"]]
    columns = facts["columns"] or []
    key, key_kind = tuple(facts["key"] or ()), _key_kind(facts, kind)
    if facts["children"]:
        # A child table's rows are the parent's too, and its keys know nothing of the parent's.
        key, key_kind = (), "place"
    return Table(
        oid=facts["oid"],
        schema=schema,
        name=name,
        kind=kind,
        owner=facts["owner"],
        columns=tuple(_column(column) for column in columns),
        key=key,
        key_kind=key_kind,
        policies=tuple(_policies(eye, role, facts)),
        foreign_keys=tuple(
            ForeignKey(tuple(f["columns"]), f["schema"], f["name"], tuple(f["targets"])) for f in facts["foreign"] or []
        ),
        rights=_rights(facts, role, columns),
        rls_enabled=facts["enabled"],
        rls_forced=facts["forced"],
        security_invoker=facts["invoker"],
        has_children=facts["children"],
        estimate=facts["estimate"],
        row_triggers=tuple(facts["triggers"] or ()),
    )


def _key_kind(facts: dict[str, Any], kind: Kind) -> KeyKind:
    if facts["key"]:
        return "primary" if facts["primary"] else "unique"
    return "none" if kind in ("view", "foreign") else "place"


def _column(facts: dict[str, Any]) -> Column:
    return Column(
        facts["name"],
        facts["type"],
        facts["not_null"],
        facts["default"],
        facts["generated"],
        facts["identity"],
        bool(facts["drawn"]) or facts["identity"],
        facts["always"],
        facts["bare"],
        facts["operators"] or "",
    )


def _policies(eye: Eye, role: str, facts: dict[str, Any]) -> Iterator[Policy]:
    policies = facts["policies"] or []
    reached = reach_of(eye, role, {policy["name"]: policy["body"] for policy in policies})
    for policy in policies:
        found = reached[policy["name"]]
        yield Policy(
            policy["name"],
            policy["permissive"],
            _COMMANDS[policy["command"]],
            tuple(policy["roles"]),
            policy["using"],
            policy["check"],
            bool(policy["mine"]),
            found.volatile,
            found.ambient or (("its own expression",) if policy["ambient"] else ()),
            found.reads,
            found.closed,
        )


def _rights(facts: dict[str, Any], role: str, columns: list[dict[str, Any]]) -> Rights:
    commands: tuple[Privilege, ...] = ("select", "insert", "update", "delete")
    granted = frozenset(command for command, has in zip(commands, facts["granted"], strict=True) if has)
    by_column: dict[Privilege, frozenset[str]] = {
        command: frozenset(column["name"] for column in columns if column["granted"][place])
        for place, command in enumerate(commands[:3])
    }
    bypass = ""
    if facts["super"]:
        bypass = f"{role} is a superuser"
    elif facts["bypass"]:
        bypass = f"{role} has BYPASSRLS"
    elif facts["owns"] and not facts["forced"]:
        bypass = f"{role} owns the table, and row security is not forced on owners"
    return Rights(role, facts["usage"], granted, by_column, bypass)
