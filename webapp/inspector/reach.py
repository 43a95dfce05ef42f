"""What a policy's expression can reach: volatile functions, other tables, and schemas that are closed to a role.

It is read from the expression as the server keeps it (pg_node_tree), in which everything is named by its oid: pg_depend
leaves out what is built in, and a view or another table's policy may call more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from webapp.inspector.desk import Eye

# FirstNormalObjectId (src/include/access/transam.h): what is below it came with the server.
BUILT_IN_BELOW: Final = 16_384
_CALLED: Final = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
_READ: Final = re.compile(r":relid (\d+)")
_NAMED: Final = re.compile(r":(funcid|aggfnoid|opno|relid|consttype|resulttype|casetype|element_typeid) (\d+)")

_VOLATILE: Final = "select oid::bigint from pg_catalog.pg_proc where provolatile = 'v' and oid < 16384"
_BODIES: Final = """
select p.polrelid::bigint, coalesce(p.polqual::text, '') || coalesce(p.polwithcheck::text, '')
from pg_catalog.pg_policy p where p.polrelid = any (%(tables)s::oid[])
union all
select w.ev_class::bigint, w.ev_action::text
from pg_catalog.pg_rewrite w where w.ev_class = any (%(tables)s::oid[]) and w.ev_type = '1'
"""
_FACTS: Final = """
select o.kind, o.oid::bigint, o.name, o.is_volatile,
  case when not has_schema_privilege(%(role)s, n.oid, 'usage') then n.nspname end
from (
  select 'function' as kind, f.oid, f.oid::regproc::text as name, f.provolatile = 'v' as is_volatile,
    f.pronamespace as space
  from pg_catalog.pg_proc f where f.oid = any (%(function)s::oid[])
  union all
  select 'operator', p.oid, '', false, p.oprnamespace
  from pg_catalog.pg_operator p where p.oid = any (%(operator)s::oid[])
  union all
  select 'table', c.oid, c.oid::regclass::text, false, c.relnamespace
  from pg_catalog.pg_class c where c.oid = any (%(table)s::oid[])
  union all
  select 'type', t.oid, '', false, t.typnamespace from pg_catalog.pg_type t where t.oid = any (%(type)s::oid[])
) o join pg_catalog.pg_namespace n on n.oid = o.space
"""
_KIND_OF: Final = {"funcid": "function", "aggfnoid": "function", "opno": "operator", "relid": "table"}

Named = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Reach:
    """Hold what an expression reaches: VOLATILE functions, tables that it reads, schemas that are closed to a role."""

    volatile: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def reach_of(eye: Eye, role: str, bodies: Mapping[str, str]) -> dict[str, Reach]:
    """Return what each expression reaches, by its name. What calls and reads only what is built in costs no query."""
    tables = {name: _oids(_READ, body) for name, body in bodies.items()}
    behind = _behind(eye, set().union(*tables.values()))
    called: dict[str, set[int]] = {}
    for name, body in bodies.items():
        called[name] = _oids(_CALLED, body)
        for one in _closure(tables[name], behind):
            called[name] |= behind[one][0]
    facts = _facts(eye, role, called, tables, {name: _named(body) for name, body in bodies.items()})
    found = {}
    for name, body in bodies.items():
        volatile = (facts.get(("function", oid)) for oid in called[name])
        reads = (facts.get(("table", oid)) for oid in tables[name])
        closed = {facts[one].closed for one in _named(body) if one in facts}
        found[name] = Reach(
            tuple(sorted(fact.name for fact in volatile if fact and fact.is_volatile)),
            tuple(sorted(fact.name for fact in reads if fact)),
            tuple(sorted(schema for schema in closed if schema)),
        )
    return found


def _oids(pattern: re.Pattern[str], body: str) -> set[int]:
    return {int(found) for found in pattern.findall(body)} - {0}


def _named(body: str) -> set[Named]:
    found = {(_KIND_OF.get(kind, "type"), int(oid)) for kind, oid in _NAMED.findall(body)}
    return {(kind, oid) for kind, oid in found if oid >= BUILT_IN_BELOW}


# What stands behind a table: the functions that its policies and its view's query call, and the tables they read.
Behind = dict[int, tuple[set[int], set[int]]]


def _behind(eye: Eye, tables: set[int]) -> Behind:
    """Return what stands behind each table, and behind those in turn: one query for each step away."""
    found: Behind = {}
    waiting = set(tables)
    while waiting:
        for one in waiting:
            found[one] = (set(), set())
        for oid, body in eye.rows(_BODIES, {"tables": sorted(waiting)}):
            found[oid][0].update(_oids(_CALLED, body))
            found[oid][1].update(_oids(_READ, body))
        waiting = set().union(*(found[one][1] for one in waiting)) - set(found)
    return found


def _closure(tables: Iterable[int], behind: Behind) -> set[int]:
    seen: set[int] = set()
    waiting = list(tables)
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += behind[one][1]
    return seen


class _Fact(NamedTuple):
    """Hold what is to be known of one thing; ``closed`` is its schema where that is closed to the role."""

    name: str
    is_volatile: bool
    closed: str | None


def _facts(
    eye: Eye,
    role: str,
    called: Mapping[str, set[int]],
    tables: Mapping[str, set[int]],
    named: Mapping[str, set[Named]],
) -> dict[Named, _Fact]:
    """Return what is to be known of all that is called, read or named: one query, or none for what is built in."""
    wanted = set().union(*named.values()) | {("table", oid) for of in tables.values() for oid in of}
    for oid in set().union(*called.values()):
        if oid >= BUILT_IN_BELOW or oid in _built_in_volatile(eye):
            wanted.add(("function", oid))
    if not wanted:
        return {}
    kinds = ("function", "operator", "table", "type")
    given: dict[str, object] = {kind: sorted(oid for of, oid in wanted if of == kind) for kind in kinds}
    found = eye.rows(_FACTS, {**given, "role": role})
    return {(kind, oid): _Fact(name, is_volatile, closed) for kind, oid, name, is_volatile, closed in found}


# Which built-in functions are VOLATILE, by the server's version: asked once by each process.
_ASKED: Final[dict[int, frozenset[int]]] = {}


def _built_in_volatile(eye: Eye) -> frozenset[int]:
    version = eye.server_version
    if version not in _ASKED:
        _ASKED[version] = frozenset(row[0] for row in eye.rows(_VOLATILE))
    return _ASKED[version]
