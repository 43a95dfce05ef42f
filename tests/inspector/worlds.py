"""Random worlds for the property test: a table, its grants and policies, rows, and what people do to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from webapp.inspector.findings import COMMANDS, Command
from webapp.inspector.whatif import Conflict

SCHEMA: Final = "rls_property"
# Three people and their organisations; the helper table says which person belongs where.
PEOPLE: Final = tuple(f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
ORGS: Final = (1, 2, 3)
ROLES: Final = ("anon", "authenticated", "prop_member", "prop_owner")
CONFLICTS: Final[tuple[Conflict | None, ...]] = (None, None, "nothing", "update")
TARGETS: Final = ("public", *ROLES, "prop_team", "prop_far")
COLUMN_TYPES: Final = "id integer primary key, org integer, owner uuid, note text, flag boolean, tags text[]"
COLUMNS: Final = ("id", "org", "owner", "note", "flag", "tags")

# Before any world: roles, helper functions, and a table that has policies of its own. prop_member inherits prop_team;
# nobody has the rights of prop_far, of which prop_member is a member that does not inherit.
SETUP: Final = f"""
do $$ begin
  if not exists (select from pg_roles where rolname = 'prop_team') then
    create role prop_team nologin;
    create role prop_far nologin;
    create role prop_member nologin inherit;
    create role prop_owner nologin inherit;
  end if;
end $$;
grant prop_team to prop_member;
grant prop_member, prop_owner to rowhouse_inspector;
drop schema if exists {SCHEMA}, {SCHEMA}_closed cascade;
create schema {SCHEMA};
grant usage on schema {SCHEMA} to public;
create table {SCHEMA}.helper (org integer, person uuid, level integer);
insert into {SCHEMA}.helper values
  (1, '{PEOPLE[0]}', 1), (1, '{PEOPLE[1]}', 2), (2, '{PEOPLE[1]}', 1), (3, '{PEOPLE[2]}', null),
  (null, '{PEOPLE[2]}', 1);
alter table {SCHEMA}.helper enable row level security;
create policy helper_own on {SCHEMA}.helper to public
  using (person = auth.uid() or current_user in ('prop_owner', 'service_role'));
grant select on {SCHEMA}.helper to authenticated, prop_member, prop_owner, service_role;
create function {SCHEMA}.orgs_of() returns integer[] language sql stable security definer set search_path = ''
  as $f$ select coalesce(array_agg(h.org), '{{}}') from {SCHEMA}.helper h where h.person = auth.uid() $f$;
create function {SCHEMA}.is_odd(n integer) returns boolean language sql immutable as $f$ select n % 2 = 1 $f$;
create function {SCHEMA}.may(n integer) returns boolean language plpgsql stable
  as $f$ begin return exists (select from {SCHEMA}.helper h where h.org = n and h.level > 0); end $f$;
create function {SCHEMA}.raises(n integer) returns boolean language plpgsql stable
  as $f$ begin if n = 2 then raise exception 'not two'; end if; return n > 0; end $f$;
-- Nobody but its owner has USAGE here, as Supabase advises for what policies call: Postgres asks for none.
create schema {SCHEMA}_closed;
grant usage on schema {SCHEMA}_closed to service_role;
create function {SCHEMA}_closed.near(n integer) returns boolean language sql stable security definer
  set search_path = '' as $f$ select n = any ({SCHEMA}.orgs_of()) $f$;
create type {SCHEMA}_closed.level as enum ('low', 'high');
grant usage on schema auth to prop_member, prop_owner;
create function {SCHEMA}.sometimes() returns boolean language sql volatile as $f$ select random() < 0.5 $f$;
create view {SCHEMA}.helper_view with (security_invoker = on) as select h.org, h.person from {SCHEMA}.helper h;
grant select on {SCHEMA}.helper_view to authenticated, prop_member, prop_owner, service_role;
"""
TEARDOWN: Final = f"""
drop schema if exists {SCHEMA}, {SCHEMA}_closed cascade;
revoke usage on schema auth from prop_member, prop_owner;
revoke prop_member, prop_owner from rowhouse_inspector;
drop role prop_team, prop_far, prop_member, prop_owner;
"""

_CLAIM: Final = "nullif(current_setting('request.jwt.claims', true), '')::jsonb"
_LEAVES: Final = (
    "true",
    "false",
    "flag",
    "org = 1",
    "org <> 2",
    "org > 1",
    "org is null",
    "note is not null",
    "note = 'a'",
    "note like '%x AND y%'",
    "note in ('a', 'b (', 'it''s')",
    "note is distinct from E'b\\\\('",
    "org between 1 and 2",
    "not flag",
    "coalesce(flag, org = 3)",
    "case when org > 1 and flag then note = 'a' else owner is null end",
    "owner = auth.uid()",
    "owner = (select auth.uid())",
    f"org = any ((select {SCHEMA}.orgs_of())::integer[])",
    f"org = ({_CLAIM} ->> 'org')::integer",
    f"{_CLAIM} -> 'app_metadata' ? 'staff'",
    "'red' = any (tags)",
    "tags @> array['red', 'blue']",
    f"exists (select from {SCHEMA}.helper h where h.org = item.org and h.person = auth.uid())",
    f"exists (select 1 from {SCHEMA}.helper h where h.org = item.org group by h.org having count(*) > 1)",
    f"org in (select h.org from {SCHEMA}.helper h)",
    f"org not in (select h.org from {SCHEMA}.helper h where h.level = 1)",
    f"org in (select v.org from {SCHEMA}.helper_view v where v.person = auth.uid())",
    f"(select count(*) from {SCHEMA}.helper h where h.org = item.org) = 1",
    f"{SCHEMA}.is_odd(org)",
    f"{SCHEMA}.may(org)",
    f"{SCHEMA}_closed.near(org)",
    f"(case when flag then 'low' else 'high' end)::{SCHEMA}_closed.level > 'low'::{SCHEMA}_closed.level",
    "current_user = 'authenticated'",
)
_RAISING: Final = ("10 / (org - 1) > 0", f"{SCHEMA}.raises(org)", "note::integer = 3")
VOLATILE: Final = (f"{SCHEMA}.sometimes()", "random() < 0.5")
_RECURSING: Final = (f"exists (select from {SCHEMA}.item other where other.org = item.org and other.id <> item.id)",)


@dataclass(frozen=True)
class Grants:
    """What one role may do: the commands on all of the table, and on some of its columns."""

    role: str
    commands: frozenset[str]
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class PolicyOf:
    """One policy, as it is created."""

    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str | None
    check: str | None

    def sql(self, number: int) -> str:
        parts = [
            f"create policy p{number} on {SCHEMA}.item as {'permissive' if self.permissive else 'restrictive'}",
            f"for {self.command} to {', '.join(self.roles)}",
        ]
        parts += [f"using ({self.using})"] if self.using else []
        parts += [f"with check ({self.check})"] if self.check else []
        return " ".join(parts)


@dataclass(frozen=True)
class Person:
    """A role and claims."""

    role: str
    claims: str


@dataclass(frozen=True)
class Act:
    """A command on one of the rows, or INSERT of a new one."""

    command: Command
    row: int = 0
    given: dict[str, Any] = field(default_factory=dict)
    returning: bool = False
    conflict: Conflict | None = None
    trial: bool = False


@dataclass(frozen=True)
class World:
    """A table with all that decides on its rows, and what is done to them."""

    rows: tuple[tuple[Any, ...], ...]
    policies: tuple[PolicyOf, ...]
    grants: tuple[Grants, ...]
    people: tuple[Person, ...]
    acts: tuple[Act, ...]
    enabled: bool
    forced: bool
    owned: bool
    is_risky: bool

    def ddl(self) -> str:
        """Return the statements that make the table, its rows and everything around it."""
        lines = [
            f"drop table if exists {SCHEMA}.item",
            f"create table {SCHEMA}.item ({COLUMN_TYPES})",
            f"insert into {SCHEMA}.item values {', '.join(_row(row) for row in self.rows)}",
            f"grant all on {SCHEMA}.item to service_role",
        ]
        if self.owned:
            lines.append(f"alter table {SCHEMA}.item owner to prop_owner")
        for grants in self.grants:
            if grants.commands:
                lines.append(f"grant {', '.join(sorted(grants.commands))} on {SCHEMA}.item to {grants.role}")
            lines += [
                f"grant {command} ({', '.join(names)}) on {SCHEMA}.item to {grants.role}"
                for command, names in grants.columns
            ]
        lines += [policy.sql(number) for number, policy in enumerate(self.policies)]
        if self.enabled:
            lines.append(f"alter table {SCHEMA}.item enable row level security")
        if self.forced:
            lines.append(f"alter table {SCHEMA}.item force row level security")
        return "; ".join(lines)


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "array[" + ", ".join(_literal(one) for one in value) + "]::text[]"
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def _row(row: tuple[Any, ...]) -> str:
    return "(" + ", ".join(_literal(value) for value in row) + ")"


_VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "org": st.sampled_from((None, *ORGS)),
    "owner": st.sampled_from((None, *PEOPLE)),
    "note": st.sampled_from((None, "a", "b (", "it's", "x AND y", "", "3", '"quoted, {braces}"')),
    "flag": st.sampled_from((None, True, False)),
    "tags": st.sampled_from((None, [], ["red"], ["red", "blue"], ["a,b", 'c"d', "NULL"])),
}


def _expressions(risky: bool) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(_LEAVES)
    return st.recursive(
        st.one_of(leaves, leaves, st.sampled_from(_RAISING + VOLATILE + _RECURSING)) if risky else leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda two: f"({two[0]}) and ({two[1]})"),
            st.tuples(inner, inner).map(lambda two: f"({two[0]}) or ({two[1]})"),
            inner.map(lambda one: f"not ({one})"),
        ),
        max_leaves=4,
    )


@st.composite
def _policy(draw: st.DrawFn, risky: bool) -> PolicyOf:
    command = draw(st.sampled_from(("select", "select", "insert", "update", "delete", "all", "all")))
    expression = _expressions(risky)
    using = draw(expression) if command != "insert" else None
    check = draw(st.none() | expression) if command in ("update", "all") else draw(expression)
    if command == "all" and check and draw(st.integers(0, 9)) == 0:
        using = None
    return PolicyOf(
        permissive=draw(st.sampled_from((True, True, True, False))),
        command=command,
        roles=tuple(draw(st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True))),
        using=using,
        check=check if command in ("insert", "update", "all") else None,
    )


@st.composite
def _grants(draw: st.DrawFn, role: str) -> Grants:
    if draw(st.integers(0, 3)):
        return Grants(role, frozenset({"select", "insert", "update", "delete"}))
    commands = frozenset(draw(st.sets(st.sampled_from(("select", "insert", "update", "delete")))))
    some = st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True).map(tuple)
    columns = draw(st.lists(st.tuples(st.sampled_from(("select", "insert", "update")), some), max_size=2))
    return Grants(role, commands, tuple(columns))


@st.composite
def _person(draw: st.DrawFn) -> Person:
    role = draw(st.sampled_from((*ROLES, "authenticated")))
    claims: dict[str, Any] = {"role": role}
    if role != "anon":
        claims |= {"sub": draw(st.sampled_from(PEOPLE)), "org": draw(st.sampled_from(ORGS))}
        if draw(st.booleans()):
            claims["app_metadata"] = {"staff": True}
    return Person(role, json.dumps(claims, sort_keys=True, separators=(",", ":")))


@st.composite
def _act(draw: st.DrawFn, rows: int) -> Act:
    command: Command = draw(st.sampled_from(COMMANDS))
    names = draw(st.lists(st.sampled_from(tuple(_VALUES)), max_size=3, unique=True))
    given = {name: draw(_VALUES[name]) for name in names}
    row, trial = draw(st.integers(0, rows - 1)), draw(st.integers(0, 3)) == 0
    if command == "insert":
        is_there, returning = draw(st.booleans()), draw(st.booleans())
        conflict = draw(st.sampled_from(CONFLICTS))
        number = row if conflict and is_there else 1000
        return Act(command, row, {"id": number, **given}, returning, conflict, trial)
    return Act(command, row, given if command == "update" else {}, trial=trial)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Make a world. One in four has expressions that raise, recurse or are volatile."""
    risky = draw(st.integers(0, 3)) == 0
    count = draw(st.integers(2, 5))
    rows = tuple((n, *(draw(_VALUES[name]) for name in COLUMNS[1:])) for n in range(count))
    policies = draw(st.lists(_policy(risky), min_size=1, max_size=6))
    if draw(st.booleans()):  # else most of what is tried would be denied
        policies.append(PolicyOf(True, "all", ("public",), draw(st.sampled_from(("true", "org > 0", "flag"))), None))
    return World(
        rows=rows,
        policies=tuple(policies),
        grants=tuple(draw(_grants(role)) for role in ROLES if draw(st.integers(0, 9))),
        people=tuple(draw(st.lists(_person(), min_size=2, max_size=3))),
        acts=tuple(draw(st.lists(_act(count), min_size=8, max_size=8))),
        enabled=draw(st.integers(0, 9)) > 0,
        forced=draw(st.booleans()),
        owned=draw(st.booleans()),
        is_risky=risky,
    )
