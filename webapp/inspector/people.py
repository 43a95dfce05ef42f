"""Who can be looked through: accounts as the database has them, with the claims that sign-in would give them.

Rowhouse's own functions tell. Another Supabase project has none of them: there the accounts are read from
``auth.users``, as far as the service role may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg

from webapp.inspector.desk import Desk, Eye, TooSlow

Found = TypeVar("Found")
_ABSENT: Final = frozenset({"3F000", "42883", "42P01"})  # no such schema, function, table
_REFUSED: Final = "42501"
MOST: Final = 100  # people in one answer; the functions give no more


class UnknownViewpoint(ValueError):
    """Say through whom nobody can look, why, and what to do; the text is for the administrator."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Hold an organisation that somebody belongs to, and their role in it."""

    org_id: UUID
    slug: str
    org_name: str
    role: str


@dataclass(frozen=True, slots=True)
class Person:
    """Hold an account. ``claims`` are those of a token, less the session's id and the times."""

    id: UUID
    email: str
    full_name: str
    banned: bool
    deleted: bool
    claims: Mapping[str, Any] = field(hash=False)
    memberships: tuple[Membership, ...] = ()

    @property
    def name(self) -> str:
        """Return what to call them: the name, else the address, else the id."""
        return self.full_name or self.email or str(self.id)

    @property
    def state(self) -> str:
        """Return why they cannot sign in, such as ``banned``, or an empty text."""
        return "deleted" if self.deleted else "banned" if self.banned else ""


# What Supabase Auth puts into a token, less the session and the times. People write user_metadata themselves; the
# policies of another project may read it all the same.
_USER: Final = """
select u.id, coalesce(u.email, '')::text, coalesce(u.raw_user_meta_data ->> 'full_name', ''),
  coalesce(u.banned_until > now(), false), u.deleted_at is not null,
  jsonb_build_object(
    'sub', u.id, 'role', coalesce(nullif(u.role, ''), 'authenticated'),
    'aud', coalesce(nullif(u.aud, ''), 'authenticated'), 'email', coalesce(u.email, ''),
    'phone', coalesce(u.phone, ''), 'app_metadata', coalesce(u.raw_app_meta_data, '{}'),
    'user_metadata', coalesce(u.raw_user_meta_data, '{}'), 'aal', 'aal1', 'is_anonymous', u.is_anonymous),
  '[]'::jsonb
from auth.users u
"""
_BY_ID: Final = _USER + "where u.id = %(id)s"
_BY_WORD: Final = (
    _USER
    + r"""cross join lateral (
  select lower(btrim(%(query)s)) as word, regexp_replace(lower(btrim(%(query)s)), '([\\%%_])', '\\\1', 'g') as escaped
) asked
cross join lateral (
  select case when lower(u.email) = asked.word then 1 when lower(u.email) like asked.escaped || '%%' then 2
    when asked.word <> '' and ' ' || lower(u.raw_user_meta_data ->> 'full_name') like '%% ' || asked.escaped || '%%'
    then 3 end as rank
) r
where r.rank is not null
order by r.rank, lower(u.email), u.id
limit %(limit)s
"""
)


def by_id(desk: Desk, person_id: UUID) -> Person | None:
    """Return the account of that id, or None. Raises UnknownViewpoint where accounts cannot be read."""

    def ask(eye: Eye) -> Sequence[tuple[Any, ...]]:
        given = {"id": person_id}
        return _ours_or(eye, "select * from rowhouse.inspect_person(%(id)s)", _BY_ID, given)

    return next(iter(_people(_asked(desk, ask))), None)


def find(desk: Desk, query: str, limit: int = 20) -> tuple[Person, ...]:
    """Return the accounts that ``query`` may mean: an id, an address or its beginning, a word of a name.

    An address that is exactly so comes first. Raises UnknownViewpoint where accounts cannot be read.
    """
    query = query.strip()
    if "\0" in query:
        return ()
    if (wanted := as_uuid(query)) is not None:
        person = by_id(desk, wanted)
        return (person,) if person else ()

    def ask(eye: Eye) -> Sequence[tuple[Any, ...]]:
        given = {"query": query, "limit": max(0, min(limit, MOST))}
        return _ours_or(eye, "select * from rowhouse.inspect_people(%(query)s, %(limit)s)", _BY_WORD, given)

    return _people(_asked(desk, ask))


def members(desk: Desk, org_slug: str, role: str) -> tuple[Person, ...]:
    """Return who has that role in that organisation: who can sign in first, then by address."""

    def ask(eye: Eye) -> Sequence[tuple[Any, ...]]:
        return eye.rows("select * from rowhouse.inspect_members(%(slug)s, %(role)s)", {"slug": org_slug, "role": role})

    if "\0" in org_slug + role:
        return ()
    try:
        return _people(_asked(desk, ask))
    except psycopg.Error as exc:
        if exc.sqlstate != _REFUSED and exc.sqlstate not in _ABSENT:
            raise
        raise UnknownViewpoint(
            "This database has no rowhouse.inspect_members(), which tells who has a role in an organisation, or the "
            "service role may not execute it. Look through a person instead: by address, or by id."
        ) from exc


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that ``text`` is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _asked(desk: Desk, ask: Callable[[Eye], Found]) -> Found:
    if not desk.sees_hidden:
        raise UnknownViewpoint(
            "People cannot be looked up, because the Inspector has no login of its own. Set INSPECTOR_DATABASE_URL to "
            "the login rowhouse_inspector; until then, look as anon or with custom claims."
        )
    try:
        with desk.seeing() as eye:
            return ask(eye)
    except TooSlow as exc:
        raise UnknownViewpoint(
            "Finding people took too long and was stopped. Write the whole address, or the account's id as user:ID."
        ) from exc


def _ours_or(eye: Eye, ours: str, theirs: str, given: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    try:
        with eye.savepoint():
            return eye.rows(ours, given)
    except psycopg.Error as exc:
        if exc.sqlstate != _REFUSED and exc.sqlstate not in _ABSENT:
            raise
    try:
        return eye.rows(theirs, given)
    except psycopg.Error as exc:
        if exc.sqlstate != _REFUSED and exc.sqlstate not in _ABSENT:
            raise
        raise UnknownViewpoint(
            "The service role may not read auth.users, and this database has none of Rowhouse's functions for it. Run "
            "the migrations, or as the owner: grant usage on schema auth to service_role; grant select on auth.users "
            "to service_role. Until then, look as anon or with custom claims."
        ) from exc


def _people(rows: Sequence[tuple[Any, ...]]) -> tuple[Person, ...]:
    return tuple(
        Person(
            id_,
            email,
            full_name,
            banned,
            deleted,
            claims,
            tuple(Membership(UUID(m["id"]), m["slug"], m["name"], m["role"]) for m in belongs),
        )
        for id_, email, full_name, banned, deleted, claims, belongs in rows
    )
