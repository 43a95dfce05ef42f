"""The functions by which the Inspector finds people: for the service role, and so for its own login alone.

The login of the requests can be made to run any function that it may execute, by one injected statement. What tells who
has an account is therefore none of its functions. No session of anybody is among what they return: its id is all that
forged claims lack.
"""

from __future__ import annotations

from webapp.rls.policy import Function, Trigger

_SERVICE = ("service_role",)
_PERSON = """returns table (
  id uuid, email text, full_name text, banned boolean, deleted boolean, claims jsonb, memberships jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp"""

# What sign-in puts into a token, less the session and the times.
INSPECTED_PERSON = Function(
    "rowhouse.inspected(uuid[])",
    f"""create or replace function rowhouse.inspected(p_ids uuid[])
{_PERSON}
as $$
  select u.id, coalesce(u.email, '')::text, coalesce(p.full_name, ''),
    coalesce(u.banned_until > now(), false), u.deleted_at is not null,
    jsonb_build_object(
      'sub', u.id, 'role', coalesce(nullif(u.role, ''), 'authenticated'),
      'aud', coalesce(nullif(u.aud, ''), 'authenticated'), 'email', coalesce(u.email, ''),
      'app_metadata', coalesce(u.raw_app_meta_data, '{{}}'), 'aal', 'aal1', 'is_anonymous', u.is_anonymous
    ),
    coalesce((
      select jsonb_agg(
        jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name, 'role', m.role) order by o.name, o.id
      )
      from public.memberships m join public.organizations o on o.id = m.org_id
      where m.user_id = u.id
    ), '[]')
  from unnest(p_ids) with ordinality asked (id, place)
  join auth.users u on u.id = asked.id
  left join public.profiles p on p.id = u.id
  order by asked.place
$$""",
)

INSPECT_PERSON = Function(
    "rowhouse.inspect_person(uuid)",
    f"""create or replace function rowhouse.inspect_person(p_id uuid)
{_PERSON}
as $$
  select * from rowhouse.inspected(array[p_id])
$$""",
    _SERVICE,
)

# The address itself first, then addresses that begin so, then names with a word that does. Each part is cut short by
# itself, so that an answer costs no more than that many rows of each.
INSPECT_PEOPLE = Function(
    "rowhouse.inspect_people(text, integer)",
    f"""create or replace function rowhouse.inspect_people(p_query text, p_limit integer)
{_PERSON}
as $$
  with asked as (
    select lower(btrim(p_query)) as word,
      regexp_replace(lower(btrim(p_query)), '([\\\\%_])', '\\\\\\1', 'g') as escaped,
      least(greatest(p_limit, 0), 100) as most
  ), found as (
    (
      select p.id, 1 as rank, lower(p.email) as email
      from asked join public.profiles p on lower(p.email) = asked.word
      limit (select most from asked)
    )
    union all
    (
      select p.id, 2, lower(p.email)
      from asked join public.profiles p on lower(p.email) like asked.escaped || '%'
      order by 3, 1
      limit (select most from asked)
    )
    union all
    (
      select p.id, 3, lower(p.email)
      from asked join public.profiles p
        on lower(p.full_name) like asked.escaped || '%' or lower(p.full_name) like '% ' || asked.escaped || '%'
      where asked.word <> ''
      order by 3, 1
      limit (select most from asked)
    )
  ), best as (
    select f.id, min(f.rank) as rank, min(f.email) as email from found f group by f.id
    order by 2, 3, 1
    limit (select most from asked)
  )
  select * from rowhouse.inspected(array(select b.id from best b order by b.rank, b.email, b.id))
$$""",
    _SERVICE,
)

# Who can sign in comes first: a role is looked through to see what it sees, and who is banned sees nothing.
INSPECT_MEMBERS = Function(
    "rowhouse.inspect_members(text, text)",
    f"""create or replace function rowhouse.inspect_members(p_org_slug text, p_role text)
{_PERSON}
as $$
  select * from rowhouse.inspected(array(
    select m.user_id
    from public.organizations o
    join public.memberships m on m.org_id = o.id and m.role::text = p_role
    join auth.users u on u.id = m.user_id
    where o.slug = p_org_slug
    order by u.deleted_at is not null or coalesce(u.banned_until > now(), false), lower(u.email), u.id
    limit 100
  ))
$$""",
    _SERVICE,
)

FUNCTIONS: tuple[Function, ...] = (INSPECTED_PERSON, INSPECT_PERSON, INSPECT_PEOPLE, INSPECT_MEMBERS)
TRIGGERS: tuple[Trigger, ...] = ()
