"""What a policy's expression can reach: functions whose answer may be another elsewhere, other tables, closed schemas.

It is read from the expression as the server keeps it (pg_node_tree), in which everything is named by its oid: pg_depend
leaves out what is built in, and a view or another table's policy may call more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from webapp.inspector.desk import Eye

# FirstNormalObjectId (src/include/access/transam.h): what is below it came with the server.
BUILT_IN_BELOW: Final = 16_384
_CALLED: Final = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\d+)")
# SVFOP_SESSION_USER (src/include/nodes/primnodes.h): a word of SQL and no function, for which 0 stands.
_SESSION_USER: Final = "SQLVALUEFUNCTION :op 12 "
_SESSION_USER_ID: Final = 0
# What the Inspector's connection answers otherwise than the application's: its login, and what that may become, and
# that a look is READ ONLY and REPEATABLE READ.
AMBIENT: Final = (
    r"\m(session_user|session_authorization|set_config|set\s+(local\s+|session\s+)?role|application_name"
    r"|transaction_(read_only|isolation)|inet_client_\w+|pg_backend_pid|pg_stat_\w+)\M"
)
# Nothing stops a function from being declared STABLE that calls these.
_FICKLE: Final = r"\m(random|clock_timestamp|timeofday|gen_random_uuid|nextval)\s*\("
_READ: Final = re.compile(r":relid (\d+)")
_NAMED: Final = re.compile(r":(funcid|aggfnoid|opno|relid|consttype|resulttype|casetype|element_typeid) (\d+)")

_VOLATILE: Final = "select oid::bigint from pg_catalog.pg_proc where provolatile = 'v' and oid < 16384"
_FUNCTIONS: Final = """
select f.oid::bigint, f.oid::regproc::text, f.provolatile = 'v' or f.source ~* %(fickle)s, f.source ~* %(ambient)s
from (
  select p.oid, p.provolatile,
    case when p.oid < 16384 then '' else coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc, '') end
      as source
  from pg_catalog.pg_proc p where p.oid = any (%(called)s::oid[])
) f
"""
_BODIES: Final = """
select p.polrelid::bigint, coalesce(p.polqual::text, '') || coalesce(p.polwithcheck::text, '')
from pg_catalog.pg_policy p where p.polrelid = any (%(tables)s::oid[])
union all
select w.ev_class::bigint, w.ev_action::text
from pg_catalog.pg_rewrite w where w.ev_class = any (%(tables)s::oid[]) and w.ev_type = '1'
"""
_TABLES: Final = "select c.oid::bigint, c.oid::regclass::text from pg_catalog.pg_class c where c.oid = any (%s::oid[])"
_CLOSED: Final = """
select o.kind, o.oid::bigint, n.nspname
from (
  select 'function' as kind, f.oid, f.pronamespace as space
  from pg_catalog.pg_proc f where f.oid = any (%(function)s::oid[])
  union all
  select 'operator', p.oid, p.oprnamespace from pg_catalog.pg_operator p where p.oid = any (%(operator)s::oid[])
  union all
  select 'table', c.oid, c.relnamespace from pg_catalog.pg_class c where c.oid = any (%(table)s::oid[])
  union all
  select 'type', t.oid, t.typnamespace from pg_catalog.pg_type t where t.oid = any (%(type)s::oid[])
) o join pg_catalog.pg_namespace n on n.oid = o.space
where not has_schema_privilege(%(role)s, n.oid, 'usage')
"""
_KIND_OF: Final = {"funcid": "function", "aggfnoid": "function", "opno": "operator", "relid": "table"}

Named = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Reach:
    """Hold what an expression reaches: VOLATILE functions, tables that it reads, schemas that are closed to a role.

    ``ambient`` names what answers by the connection, which the application has another of.
    """

    volatile: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def reach_of(eye: Eye, role: str, bodies: Mapping[str, str]) -> dict[str, Reach]:
    """Return what each expression reaches, by its name. What calls and reads only what is built in costs no query."""
    tables = {name: _oids(_READ, body) for name, body in bodies.items()}
    behind = _behind(eye, set().union(*tables.values()))
    called: dict[str, set[int]] = {}
    for name, body in bodies.items():
        called[name] = _calls(body)
        for one in _closure(tables[name], behind):
            called[name] |= behind[one][0]
    volatile, ambient = _unsteady(eye, set().union(*called.values()))
    names = _names(eye, set().union(*tables.values()))
    closed = _closed(eye, role, {name: _named(body) for name, body in bodies.items()})
    return {
        name: Reach(
            tuple(sorted(volatile[one] for one in called[name] if one in volatile)),
            tuple(sorted(ambient[one] for one in called[name] if one in ambient)),
            tuple(sorted(names[one] for one in tables[name] if one in names)),
            tuple(sorted(closed[name])),
        )
        for name in bodies
    }


def _oids(pattern: re.Pattern[str], body: str) -> set[int]:
    return {int(found) for found in pattern.findall(body)} - {0}


def _calls(body: str) -> set[int]:
    return _oids(_CALLED, body) | ({_SESSION_USER_ID} if _SESSION_USER in body else set())


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
            found[oid][0].update(_calls(body))
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


def _unsteady(eye: Eye, called: set[int]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the names of those functions that are VOLATILE, or call what is, and of those that ask who connected."""
    ambient = {_SESSION_USER_ID: "SESSION_USER"} if _SESSION_USER_ID in called else {}
    own = {oid for oid in called if oid >= BUILT_IN_BELOW}
    built_in = (called - own) & _built_in_volatile(eye.server_version, eye)
    wanted = own | built_in
    given = {"called": sorted(wanted), "fickle": _FICKLE, "ambient": AMBIENT}
    found = eye.rows(_FUNCTIONS, given) if wanted else []
    ambient |= {oid: name for oid, name, _, is_ambient in found if is_ambient}
    return {oid: name for oid, name, is_volatile, _ in found if is_volatile}, ambient


# Which built-in functions are VOLATILE, by the server's version: asked once by each process.
_ASKED: Final[dict[int, frozenset[int]]] = {}


def _built_in_volatile(version: int, eye: Eye) -> frozenset[int]:
    if version not in _ASKED:
        _ASKED[version] = frozenset(row[0] for row in eye.rows(_VOLATILE))
    return _ASKED[version]


def _names(eye: Eye, tables: set[int]) -> dict[int, str]:
    return dict(eye.rows(_TABLES, (sorted(tables),))) if tables else {}


def _closed(eye: Eye, role: str, named: Mapping[str, set[Named]]) -> dict[str, set[str]]:
    """Return the schemas of what each expression names on which the role has no USAGE."""
    wanted = set().union(*named.values())
    if not wanted:
        return {name: set() for name in named}
    kinds = ("function", "operator", "table", "type")
    given: dict[str, object] = {kind: sorted(oid for of, oid in wanted if of == kind) for kind in kinds}
    found = {(kind, oid): schema for kind, oid, schema in eye.rows(_CLOSED, {**given, "role": role})}
    return {name: {found[one] for one in of if one in found} for name, of in named.items()}
