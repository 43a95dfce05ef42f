"""The database functions and triggers that policies and pages rest on.

A function that policies ask is STABLE and SECURITY DEFINER: it reads ``memberships`` past its own policies, once per
statement, because policies wrap the call in ``(select …)``. Its search_path ends in pg_temp and every name in it is
qualified, or a temporary table could take the place of a real one.
"""

from __future__ import annotations

from webapp.models.sign_in import SIGN_IN_FUNCTIONS
from webapp.rls.policy import Function, Trigger

_BROWSER = ("anon", "authenticated", "service_role")
_PEOPLE = ("authenticated", "service_role")
_DEFINER = "language sql stable security definer\nset search_path = pg_catalog, pg_temp"


def _orgs(name: str, roles: str) -> Function:
    return Function(
        f"rowhouse.{name}()",
        f"""create or replace function rowhouse.{name}() returns uuid[]
{_DEFINER}
as $$
  select coalesce(array_agg(m.org_id), '{{}}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ({roles}) and rowhouse.session_alive()
$$""",
        _PEOPLE,
    )


# The Inspector looks through people who are not signed in; its login can become the service role, and so learns nothing
# by this that it could not read anyway. No request can have that login: session_user is who connected. A function of
# its own, asked last: the plan of the other one, which is made for each statement, stays as small as it was.
IS_LOOKED_THROUGH = Function(
    "rowhouse.is_looked_through()",
    f"""create or replace function rowhouse.is_looked_through() returns boolean
{_DEFINER}
as $$
  select session_user = 'rowhouse_inspector'
    and (auth.jwt() ->> 'session_id') is null
    and exists (
      select from auth.users u
      where u.id = auth.uid()
        and u.deleted_at is null
        and (u.banned_until is null or u.banned_until <= now())
    )
$$""",
)

SESSION_ALIVE = Function(
    "rowhouse.session_alive()",
    f"""create or replace function rowhouse.session_alive() returns boolean
{_DEFINER}
as $$
  select exists (
    select from auth.sessions s
    join auth.users u on u.id = s.user_id
    where s.id = (auth.jwt() ->> 'session_id')::uuid
      and s.user_id = auth.uid()
      and (s.not_after is null or s.not_after > now())
      and u.deleted_at is null
      and (u.banned_until is null or u.banned_until <= now())
  ) or rowhouse.is_looked_through()
$$""",
    _BROWSER,
)

USER_ID = Function(
    "rowhouse.user_id()",
    f"""create or replace function rowhouse.user_id() returns uuid
{_DEFINER}
as $$
  select case when rowhouse.session_alive() then auth.uid() end
$$""",
    _PEOPLE,
)

FELLOW_MEMBERS = Function(
    "rowhouse.fellow_members()",
    f"""create or replace function rowhouse.fellow_members() returns uuid[]
{_DEFINER}
as $$
  select coalesce(array_agg(distinct theirs.user_id), '{{}}'::uuid[])
  from public.memberships theirs
  where theirs.org_id = any (rowhouse.member_orgs())
$$""",
    _PEOPLE,
)

SCHEMA_REVISION = Function(
    "rowhouse.schema_revision()",
    f"""create or replace function rowhouse.schema_revision() returns text
{_DEFINER}
as $$
  select v.version_num::text from rowhouse.alembic_version v
$$""",
    _BROWSER,
)

UUID_V7 = Function(
    "rowhouse.uuid_v7()",
    """create or replace function rowhouse.uuid_v7() returns uuid
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select encode(
    set_bit(
      set_bit(
        overlay(
          uuid_send(gen_random_uuid())
          placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
          from 1 for 6
        ),
        52, 1
      ),
      53, 1
    ),
    'hex'
  )::uuid
$$""",
    _BROWSER,
)

TOUCH = Function(
    "rowhouse.touch()",
    """create or replace function rowhouse.touch() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$""",
)

PROFILE_OF_USER = Function(
    "rowhouse.profile_of_user()",
    """create or replace function rowhouse.profile_of_user() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.profiles (id, email, full_name)
  values (new.id, coalesce(new.email, ''), left(coalesce(new.raw_user_meta_data ->> 'full_name', ''), 120))
  on conflict (id) do update set email = excluded.email;
  return new;
end
$$""",
)

CREATE_ORGANIZATION = Function(
    "public.create_organization(text, text, text)",
    """create or replace function public.create_organization(p_name text, p_slug text, p_currency text) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := rowhouse.user_id();
  v_org uuid;
begin
  if v_user is null then
    raise exception 'sign in first' using errcode = '42501';
  end if;
  insert into public.organizations (name, slug, currency)
  values (btrim(p_name), p_slug, p_currency)
  returning id into v_org;
  insert into public.memberships (org_id, user_id, role) values (v_org, v_user, 'owner');
  return v_org;
end
$$""",
    _PEOPLE,
)

LAST_OWNER_STAYS = Function(
    "rowhouse.last_owner_stays()",
    """create or replace function rowhouse.last_owner_stays() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- The organisation's row is written first, so that two owners who leave at once are judged one after the other; a
  -- lock alone would let both go under REPEATABLE READ. Where it is gone, its memberships go with it.
  update public.organizations o set updated_at = o.updated_at where o.id = old.org_id;
  if found and not exists (
    select from public.memberships m where m.org_id = old.org_id and m.role = 'owner'
  ) then
    raise exception 'an organisation needs an owner' using errcode = 'P0001', constraint = 'memberships_last_owner';
  end if;
  return null;
end
$$""",
)

FUNCTIONS: tuple[Function, ...] = (
    IS_LOOKED_THROUGH,
    SESSION_ALIVE,
    USER_ID,
    _orgs("member_orgs", "'viewer', 'member', 'admin', 'owner'"),
    _orgs("writer_orgs", "'member', 'admin', 'owner'"),
    _orgs("admin_orgs", "'admin', 'owner'"),
    _orgs("owner_orgs", "'owner'"),
    FELLOW_MEMBERS,
    SCHEMA_REVISION,
    UUID_V7,
    TOUCH,
    PROFILE_OF_USER,
    CREATE_ORGANIZATION,
    LAST_OWNER_STAYS,
    *SIGN_IN_FUNCTIONS,
)


def _touch(table: str) -> Trigger:
    return Trigger(
        f"{table}_touch",
        f"public.{table}",
        f"create trigger {table}_touch before update on public.{table}\nfor each row execute function rowhouse.touch()",
    )


TRIGGERS: tuple[Trigger, ...] = (
    _touch("organizations"),
    _touch("profiles"),
    _touch("products"),
    Trigger(
        "memberships_last_owner",
        "public.memberships",
        """create constraint trigger memberships_last_owner after delete or update of role, org_id on public.memberships
deferrable initially immediate for each row when (old.role = 'owner')
execute function rowhouse.last_owner_stays()""",
    ),
    Trigger(
        "rowhouse_profile",
        "auth.users",
        """create trigger rowhouse_profile after insert or update of email on auth.users
for each row execute function rowhouse.profile_of_user()""",
    ),
)
