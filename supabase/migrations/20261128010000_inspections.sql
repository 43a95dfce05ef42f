-- Written by 'rowhouse migrations export' from migrations/versions/0008_inspections.py. Change that, not this.

SET lock_timeout = '5s';

SET statement_timeout = '10min';

SET search_path = 'public';

-- Running upgrade 0007 -> 0008

CREATE TABLE rowhouse.inspections (
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    actor UUID, 
    actor_name TEXT NOT NULL, 
    viewpoint TEXT, 
    viewed_as TEXT, 
    role TEXT, 
    action TEXT NOT NULL, 
    schema_name TEXT, 
    table_name TEXT, 
    record_key JSONB, 
    command TEXT, 
    rows INTEGER, 
    CONSTRAINT inspections_pkey PRIMARY KEY (id), 
    CONSTRAINT inspections_action_check CHECK (action ~ '^[a-z][a-z-]{1,30}$'), 
    CONSTRAINT inspections_words_check CHECK (length(viewpoint) <= 50000 and length(viewed_as) <= 500 and length(role) <= 63 and length(actor_name) <= 500 and length(command) <= 20), 
    CONSTRAINT inspections_rows_check CHECK (rows >= 0)
);

CREATE INDEX inspections_actor_id_idx ON rowhouse.inspections (actor, id);

CREATE TABLE rowhouse.personas (
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    name TEXT NOT NULL, 
    viewpoint TEXT NOT NULL, 
    claims JSONB, 
    created_by UUID DEFAULT rowhouse.user_id(), 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT personas_pkey PRIMARY KEY (id), 
    CONSTRAINT personas_name_check CHECK (length(name) between 1 and 80 and name = btrim(name)), 
    CONSTRAINT personas_viewpoint_check CHECK (length(viewpoint) between 1 and 400), 
    CONSTRAINT personas_claims_check CHECK ((viewpoint = 'claims') = (claims is not null) and (claims is null or jsonb_typeof(claims) = 'object' and length(claims::text) <= 20000)), 
    CONSTRAINT personas_created_by_fkey FOREIGN KEY(created_by) REFERENCES profiles (id) ON DELETE SET NULL, 
    CONSTRAINT personas_name_key UNIQUE (name)
);

create or replace function rowhouse.is_looked_through() returns boolean
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
$$;

REVOKE ALL ON ROUTINE rowhouse.is_looked_through() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.session_alive() returns boolean
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
$$;

REVOKE ALL ON ROUTINE rowhouse.session_alive() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.session_alive() TO anon, authenticated, service_role;

create or replace function rowhouse.is_platform_admin() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(auth.jwt() -> 'app_metadata' -> 'rowhouse_admin' = 'true'::jsonb, false)
    and rowhouse.session_alive()
    and exists (
      select from auth.users u
      where u.id = auth.uid() and u.raw_app_meta_data -> 'rowhouse_admin' = 'true'::jsonb
    )
$$;

REVOKE ALL ON ROUTINE rowhouse.is_platform_admin() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.is_platform_admin() TO authenticated, service_role;

create or replace function rowhouse.inspecting(out actor uuid, out actor_name text)
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
$$;

REVOKE ALL ON ROUTINE rowhouse.inspecting() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.record_inspection(
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
$$;

REVOKE ALL ON ROUTINE rowhouse.record_inspection(text, text, text, text, text, text, jsonb, text) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.record_inspection(text, text, text, text, text, text, jsonb, text) TO authenticated, service_role;

create or replace function rowhouse.finish_inspection(p_id uuid, p_rows integer) returns void
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
$$;

REVOKE ALL ON ROUTINE rowhouse.finish_inspection(uuid, integer) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.finish_inspection(uuid, integer) TO authenticated, service_role;

create or replace function rowhouse.refuse_inspection_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.rows is null and to_jsonb(new) - 'rows' = to_jsonb(old) - 'rows' then
    return new;
  end if;
  raise exception 'an entry of the log of inspections is never changed' using errcode = '42501';
end
$$;

REVOKE ALL ON ROUTINE rowhouse.refuse_inspection_change() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.inspected(p_ids uuid[])
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
$$;

REVOKE ALL ON ROUTINE rowhouse.inspected(uuid[]) FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.inspect_person(p_id uuid)
returns table (
  id uuid, email text, full_name text, banned boolean, deleted boolean, claims jsonb, memberships jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from rowhouse.inspected(array[p_id])
$$;

REVOKE ALL ON ROUTINE rowhouse.inspect_person(uuid) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.inspect_person(uuid) TO service_role;

create or replace function rowhouse.inspect_people(p_query text, p_limit integer)
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
$$;

REVOKE ALL ON ROUTINE rowhouse.inspect_people(text, integer) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.inspect_people(text, integer) TO service_role;

create or replace function rowhouse.inspect_members(p_org_slug text, p_role text)
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
$$;

REVOKE ALL ON ROUTINE rowhouse.inspect_members(text, text) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.inspect_members(text, text) TO service_role;

create trigger inspections_append_only before update or delete on rowhouse.inspections
for each row execute function rowhouse.refuse_inspection_change();
alter table rowhouse.inspections enable always trigger inspections_append_only;

create trigger inspections_no_truncate before truncate on rowhouse.inspections
for each statement execute function rowhouse.refuse_inspection_change();
alter table rowhouse.inspections enable always trigger inspections_no_truncate;

REVOKE ALL ON TABLE rowhouse.inspections FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE rowhouse.inspections ENABLE ROW LEVEL SECURITY;

ALTER TABLE rowhouse.inspections FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE rowhouse.personas FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE rowhouse.personas ENABLE ROW LEVEL SECURITY;

ALTER TABLE rowhouse.personas FORCE ROW LEVEL SECURITY;

CREATE POLICY inspections_read ON rowhouse.inspections
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING ((select rowhouse.is_platform_admin()));

CREATE POLICY personas_read ON rowhouse.personas
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING ((select rowhouse.is_platform_admin()));

CREATE POLICY personas_create ON rowhouse.personas
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK ((select rowhouse.is_platform_admin()) and created_by = (select rowhouse.user_id()));

CREATE POLICY personas_rename ON rowhouse.personas
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING ((select rowhouse.is_platform_admin()))
  WITH CHECK ((select rowhouse.is_platform_admin()));

CREATE POLICY personas_delete ON rowhouse.personas
  AS PERMISSIVE
  FOR DELETE TO authenticated
  USING ((select rowhouse.is_platform_admin()));

GRANT SELECT ON TABLE rowhouse.inspections TO authenticated;

GRANT SELECT ON TABLE rowhouse.inspections TO service_role;

GRANT SELECT, DELETE ON TABLE rowhouse.personas TO authenticated;

GRANT INSERT (id, name, viewpoint, claims) ON TABLE rowhouse.personas TO authenticated;

GRANT UPDATE (name) ON TABLE rowhouse.personas TO authenticated;

GRANT SELECT ON TABLE rowhouse.personas TO service_role;

UPDATE rowhouse.alembic_version SET version_num='0008' WHERE rowhouse.alembic_version.version_num = '0007';
