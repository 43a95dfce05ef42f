"""The Inspector's own: the log of who looked at what as whom, saved viewpoints, and how people are found.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-28 01:00:00+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from webapp.rls.policy import Function, Grant, Policy, Trigger

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

UUID_V7 = sa.text("rowhouse.uuid_v7()")
STAMP = sa.TIMESTAMP(timezone=True)
ADMINS = ("authenticated",)
IS_ADMIN = "(select rowhouse.is_platform_admin())"
TABLES = ("inspections", "personas")

IS_LOOKED_THROUGH = Function(
    "rowhouse.is_looked_through()",
    """create or replace function rowhouse.is_looked_through() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
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
    (),
)

SESSION_ALIVE = Function(
    "rowhouse.session_alive()",
    """create or replace function rowhouse.session_alive() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
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
    ("anon", "authenticated", "service_role"),
)

SESSION_ALIVE_BEFORE = Function(
    "rowhouse.session_alive()",
    """create or replace function rowhouse.session_alive() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from auth.sessions s
    join auth.users u on u.id = s.user_id
    where s.id = (auth.jwt() ->> 'session_id')::uuid
      and s.user_id = auth.uid()
      and (s.not_after is null or s.not_after > now())
      and u.deleted_at is null
      and (u.banned_until is null or u.banned_until <= now())
  )
$$""",
    ("anon", "authenticated", "service_role"),
)

FUNCTIONS = (
    Function(
        "rowhouse.is_platform_admin()",
        """create or replace function rowhouse.is_platform_admin() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(auth.jwt() -> 'app_metadata' -> 'rowhouse_admin' = 'true'::jsonb, false)
    and rowhouse.session_alive()
    and exists (
      select from auth.users u
      where u.id = auth.uid() and u.raw_app_meta_data -> 'rowhouse_admin' = 'true'::jsonb
    )
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.inspecting()",
        """create or replace function rowhouse.inspecting(out actor uuid, out actor_name text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('role') = 'service_role' then
    actor_name := 'command line (' || session_user || ')';
  elsif (auth.jwt() ->> 'session_id') is not null and rowhouse.is_platform_admin() then
    actor := auth.uid();
    select coalesce(nullif(btrim(p.full_name), '') || ' (' || p.email || ')', p.email) into actor_name
    from public.profiles p
    where p.id = actor;
    actor_name := left(coalesce(actor_name, actor::text), 500);
  else
    raise exception 'not an administrator of the platform' using errcode = '42501';
  end if;
end
$$""",
        (),
    ),
    Function(
        "rowhouse.record_inspection(text, text, text, text, text, text, jsonb, text)",
        """create or replace function rowhouse.record_inspection(
  p_action text, p_viewpoint text, p_viewed_as text, p_role text, p_schema text, p_table text, p_key jsonb,
  p_command text
) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into rowhouse.inspections
    (actor, actor_name, action, viewpoint, viewed_as, role, schema_name, table_name, record_key, command)
  select who.actor, who.actor_name, p_action, p_viewpoint, left(p_viewed_as, 500), p_role, p_schema, p_table,
    -- A key can be as long as any text; the log names the row, and is no second place to keep it.
    case when length(p_key::text) <= 8000 then p_key
      when p_key is not null then jsonb_build_object('too_long', length(p_key::text)) end,
    p_command
  from rowhouse.inspecting() who
  returning id into v_id;
  return v_id;
end
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.finish_inspection(uuid, integer)",
        """create or replace function rowhouse.finish_inspection(p_id uuid, p_rows integer) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor uuid;
  v_name text;
  v_rows integer;
begin
  select who.actor, who.actor_name into v_actor, v_name from rowhouse.inspecting() who;
  if p_rows is null then
    raise exception 'say how many rows' using errcode = '22004';
  end if;
  select i.rows into v_rows
  from rowhouse.inspections i
  where i.id = p_id and i.actor is not distinct from v_actor and (v_actor is not null or i.actor_name = v_name)
  for update;
  if not found then
    raise exception 'no inspection of yours' using errcode = '42501';
  elsif v_rows is not null then
    raise exception 'finished already' using errcode = 'P0001', constraint = 'inspections_finished';
  end if;
  update rowhouse.inspections i set rows = p_rows where i.id = p_id;
end
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.refuse_inspection_change()",
        """create or replace function rowhouse.refuse_inspection_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.rows is null and to_jsonb(new) - 'rows' = to_jsonb(old) - 'rows' then
    return new;
  end if;
  raise exception 'an entry of the log of inspections is never changed' using errcode = '42501';
end
$$""",
        (),
    ),
    Function(
        "rowhouse.inspected(uuid[])",
        """create or replace function rowhouse.inspected(p_ids uuid[])
returns table (
  id uuid, email text, full_name text, banned boolean, deleted boolean, claims jsonb, memberships jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.id, coalesce(u.email, '')::text, coalesce(p.full_name, ''),
    coalesce(u.banned_until > now(), false), u.deleted_at is not null,
    jsonb_build_object(
      'sub', u.id, 'role', coalesce(nullif(u.role, ''), 'authenticated'),
      'aud', coalesce(nullif(u.aud, ''), 'authenticated'), 'email', coalesce(u.email, ''),
      'app_metadata', coalesce(u.raw_app_meta_data, '{}'), 'aal', 'aal1', 'is_anonymous', u.is_anonymous
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
        (),
    ),
    Function(
        "rowhouse.inspect_person(uuid)",
        """create or replace function rowhouse.inspect_person(p_id uuid)
returns table (
  id uuid, email text, full_name text, banned boolean, deleted boolean, claims jsonb, memberships jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from rowhouse.inspected(array[p_id])
$$""",
        ("service_role",),
    ),
    Function(
        "rowhouse.inspect_people(text, integer)",
        r"""create or replace function rowhouse.inspect_people(p_query text, p_limit integer)
returns table (
  id uuid, email text, full_name text, banned boolean, deleted boolean, claims jsonb, memberships jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with asked as (
    select lower(btrim(p_query)) as word,
      regexp_replace(lower(btrim(p_query)), '([\\%_])', '\\\1', 'g') as escaped,
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
        ("service_role",),
    ),
    Function(
        "rowhouse.inspect_members(text, text)",
        """create or replace function rowhouse.inspect_members(p_org_slug text, p_role text)
returns table (
  id uuid, email text, full_name text, banned boolean, deleted boolean, claims jsonb, memberships jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
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
        ("service_role",),
    ),
)

TRIGGERS = (
    Trigger(
        "inspections_append_only",
        "rowhouse.inspections",
        """create trigger inspections_append_only before update or delete on rowhouse.inspections
for each row execute function rowhouse.refuse_inspection_change();
alter table rowhouse.inspections enable always trigger inspections_append_only""",
    ),
    Trigger(
        "inspections_no_truncate",
        "rowhouse.inspections",
        """create trigger inspections_no_truncate before truncate on rowhouse.inspections
for each statement execute function rowhouse.refuse_inspection_change();
alter table rowhouse.inspections enable always trigger inspections_no_truncate""",
    ),
)

POLICIES = (
    ("inspections", Policy("inspections_read", "select", ADMINS, using=IS_ADMIN)),
    ("personas", Policy("personas_read", "select", ADMINS, using=IS_ADMIN)),
    (
        "personas",
        Policy("personas_create", "insert", ADMINS, check=f"{IS_ADMIN} and created_by = (select rowhouse.user_id())"),
    ),
    ("personas", Policy("personas_rename", "update", ADMINS, using=IS_ADMIN, check=IS_ADMIN)),
    ("personas", Policy("personas_delete", "delete", ADMINS, using=IS_ADMIN)),
)

GRANTS = (
    ("inspections", Grant("authenticated", ("select",))),
    ("inspections", Grant("service_role", ("select",))),
    ("personas", Grant("authenticated", ("select", "delete"))),
    ("personas", Grant("authenticated", ("insert",), ("id", "name", "viewpoint", "claims"))),
    ("personas", Grant("authenticated", ("update",), ("name",))),
    ("personas", Grant("service_role", ("select",))),
)


def upgrade() -> None:
    op.create_table(
        "inspections",
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("at", STAMP, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("viewpoint", sa.Text(), nullable=True),
        sa.Column("viewed_as", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=True),
        sa.Column("table_name", sa.Text(), nullable=True),
        sa.Column("record_key", postgresql.JSONB(), nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.CheckConstraint("action ~ '^[a-z][a-z-]{1,30}$'", name=op.f("inspections_action_check")),
        sa.CheckConstraint(
            "length(viewpoint) <= 50000 and length(viewed_as) <= 500 and length(role) <= 63"
            " and length(actor_name) <= 500 and length(command) <= 20",
            name=op.f("inspections_words_check"),
        ),
        sa.CheckConstraint("rows >= 0", name=op.f("inspections_rows_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("inspections_pkey")),
        schema="rowhouse",
    )
    op.create_index(op.f("inspections_actor_id_idx"), "inspections", ["actor", "id"], schema="rowhouse")
    op.create_table(
        "personas",
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("viewpoint", sa.Text(), nullable=False),
        sa.Column("claims", postgresql.JSONB(), nullable=True),
        sa.Column("created_by", sa.Uuid(), server_default=sa.text("rowhouse.user_id()"), nullable=True),
        sa.Column("created_at", STAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) between 1 and 80 and name = btrim(name)", name=op.f("personas_name_check")),
        sa.CheckConstraint("length(viewpoint) between 1 and 400", name=op.f("personas_viewpoint_check")),
        sa.CheckConstraint(
            "(viewpoint = 'claims') = (claims is not null)"
            " and (claims is null or jsonb_typeof(claims) = 'object' and length(claims::text) <= 20000)",
            name=op.f("personas_claims_check"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["profiles.id"], name=op.f("personas_created_by_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("personas_pkey")),
        sa.UniqueConstraint("name", name=op.f("personas_name_key")),
        schema="rowhouse",
    )
    op.create_function(IS_LOOKED_THROUGH)
    op.replace_function(SESSION_ALIVE, SESSION_ALIVE_BEFORE)
    for function in FUNCTIONS:
        op.create_function(function)
    for trigger in TRIGGERS:
        op.create_trigger(trigger)
    for table in TABLES:
        op.revoke_all(table, schema="rowhouse")
        op.enable_row_security(table, schema="rowhouse")
    for table, policy in POLICIES:
        op.create_policy(table, policy, schema="rowhouse")
    for table, grant in GRANTS:
        op.grant(table, grant, schema="rowhouse")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="rowhouse")
    for function in reversed(FUNCTIONS):
        op.drop_function(function)
    op.replace_function(SESSION_ALIVE_BEFORE, SESSION_ALIVE)
    op.drop_function(IS_LOOKED_THROUGH)
