-- Written by 'rowhouse migrations export' from migrations/versions/0001_tenants_and_catalogue.py. Change that, not this.

SET lock_timeout = '5s';

SET statement_timeout = '10min';

SET search_path = 'public';

CREATE SCHEMA IF NOT EXISTS rowhouse;

CREATE TABLE rowhouse.alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'rowhouse_web') then
    create role rowhouse_web login noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'rowhouse_signin') then
    create role rowhouse_signin login noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'rowhouse_inspector') then
    create role rowhouse_inspector login noinherit;
  end if;
  grant anon, authenticated to rowhouse_web;
  grant anon, authenticated, service_role to rowhouse_inspector;
  execute format('revoke temporary on database %I from public', current_database());
end
$$;

grant usage on schema rowhouse to anon, authenticated, service_role;

revoke all on table rowhouse.alembic_version from public, anon, authenticated, service_role;

ALTER TABLE rowhouse.alembic_version ENABLE ROW LEVEL SECURITY;

ALTER TABLE rowhouse.alembic_version FORCE ROW LEVEL SECURITY;

create type public.member_role as enum ('viewer', 'member', 'admin', 'owner');

create or replace function rowhouse.uuid_v7() returns uuid
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
$$;

REVOKE ALL ON ROUTINE rowhouse.uuid_v7() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.uuid_v7() TO anon, authenticated, service_role;

CREATE TABLE profiles (
    id UUID NOT NULL, 
    email TEXT NOT NULL, 
    full_name TEXT DEFAULT '' NOT NULL, 
    avatar_path TEXT, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT profiles_pkey PRIMARY KEY (id), 
    CONSTRAINT profiles_full_name_check CHECK (length(full_name) <= 120), 
    CONSTRAINT profiles_id_fkey FOREIGN KEY(id) REFERENCES auth.users (id) ON DELETE CASCADE
);

CREATE TABLE organizations (
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    slug TEXT NOT NULL, 
    name TEXT NOT NULL, 
    tax_rate NUMERIC(5, 4) DEFAULT 0 NOT NULL, 
    currency VARCHAR(3) DEFAULT 'EUR' NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT organizations_pkey PRIMARY KEY (id), 
    CONSTRAINT organizations_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) between 2 and 48), 
    CONSTRAINT organizations_name_check CHECK (length(btrim(name)) between 1 and 120), 
    CONSTRAINT organizations_tax_rate_check CHECK (tax_rate >= 0 and tax_rate < 1), 
    CONSTRAINT organizations_currency_check CHECK (currency ~ '^[A-Z]{3}$'), 
    CONSTRAINT organizations_slug_key UNIQUE (slug)
);

CREATE TABLE memberships (
    org_id UUID NOT NULL, 
    user_id UUID NOT NULL, 
    role public.member_role NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT memberships_pkey PRIMARY KEY (org_id, user_id), 
    CONSTRAINT memberships_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE, 
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY(user_id) REFERENCES profiles (id) ON DELETE CASCADE
);

CREATE INDEX memberships_user_id_org_id_idx ON memberships (user_id, org_id);

CREATE TABLE products (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    name TEXT NOT NULL, 
    description TEXT DEFAULT '' NOT NULL, 
    price NUMERIC(12, 2) NOT NULL, 
    sku TEXT NOT NULL, 
    stock INTEGER DEFAULT 0 NOT NULL, 
    is_active BOOLEAN DEFAULT true NOT NULL, 
    image_path TEXT, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    name_key TEXT GENERATED ALWAYS AS (lower(name)) STORED NOT NULL, 
    search TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace((((name || ' ') || sku) || ' ') || description, '[^[:alnum:]]+', ' ', 'g'))) STORED NOT NULL, 
    CONSTRAINT products_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT products_name_check CHECK (length(btrim(name)) between 1 and 200), 
    CONSTRAINT products_description_check CHECK (length(description) <= 10000), 
    CONSTRAINT products_sku_check CHECK (length(btrim(sku)) between 1 and 64), 
    CONSTRAINT products_price_check CHECK (price >= 0), 
    CONSTRAINT products_stock_check CHECK (stock >= 0), 
    CONSTRAINT products_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE, 
    CONSTRAINT products_org_id_sku_key UNIQUE (org_id, sku)
);

CREATE INDEX products_org_id_name_key_id_idx ON products (org_id, name_key, id);

CREATE INDEX products_org_id_price_id_idx ON products (org_id, price, id);

CREATE INDEX products_org_id_stock_id_idx ON products (org_id, stock, id);

CREATE INDEX products_org_id_updated_at_id_idx ON products (org_id, updated_at, id);

REVOKE ALL ON TABLE public.profiles FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.profiles FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.organizations FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.organizations FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.memberships FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.memberships FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.products FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.products ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.products FORCE ROW LEVEL SECURITY;

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
  )
$$;

REVOKE ALL ON ROUTINE rowhouse.session_alive() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.session_alive() TO anon, authenticated, service_role;

create or replace function rowhouse.user_id() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when rowhouse.session_alive() then auth.uid() end
$$;

REVOKE ALL ON ROUTINE rowhouse.user_id() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.user_id() TO authenticated, service_role;

create or replace function rowhouse.member_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('viewer', 'member', 'admin', 'owner') and rowhouse.session_alive()
$$;

REVOKE ALL ON ROUTINE rowhouse.member_orgs() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.member_orgs() TO authenticated, service_role;

create or replace function rowhouse.writer_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('member', 'admin', 'owner') and rowhouse.session_alive()
$$;

REVOKE ALL ON ROUTINE rowhouse.writer_orgs() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.writer_orgs() TO authenticated, service_role;

create or replace function rowhouse.admin_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('admin', 'owner') and rowhouse.session_alive()
$$;

REVOKE ALL ON ROUTINE rowhouse.admin_orgs() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.admin_orgs() TO authenticated, service_role;

create or replace function rowhouse.owner_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('owner') and rowhouse.session_alive()
$$;

REVOKE ALL ON ROUTINE rowhouse.owner_orgs() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.owner_orgs() TO authenticated, service_role;

create or replace function rowhouse.fellow_members() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct theirs.user_id), '{}'::uuid[])
  from public.memberships theirs
  where theirs.org_id = any (rowhouse.member_orgs())
$$;

REVOKE ALL ON ROUTINE rowhouse.fellow_members() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.fellow_members() TO authenticated, service_role;

create or replace function rowhouse.schema_revision() returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select v.version_num::text from rowhouse.alembic_version v
$$;

REVOKE ALL ON ROUTINE rowhouse.schema_revision() FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.schema_revision() TO anon, authenticated, service_role;

create or replace function rowhouse.touch() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.touch() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.profile_of_user() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.profiles (id, email, full_name)
  values (new.id, coalesce(new.email, ''), left(coalesce(new.raw_user_meta_data ->> 'full_name', ''), 120))
  on conflict (id) do update set email = excluded.email;
  return new;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.profile_of_user() FROM PUBLIC, anon, authenticated, service_role;

create or replace function public.create_organization(p_name text, p_slug text, p_currency text) returns uuid
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
$$;

REVOKE ALL ON ROUTINE public.create_organization(text, text, text) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.create_organization(text, text, text) TO authenticated, service_role;

create or replace function rowhouse.last_owner_stays() returns trigger
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
$$;

REVOKE ALL ON ROUTINE rowhouse.last_owner_stays() FROM PUBLIC, anon, authenticated, service_role;

CREATE POLICY profiles_read ON public.profiles
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (id = (select rowhouse.user_id()) or id = any ((select rowhouse.fellow_members())::uuid[]));

CREATE POLICY profiles_change ON public.profiles
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING (id = (select rowhouse.user_id()))
  WITH CHECK (id = (select rowhouse.user_id()));

CREATE POLICY organizations_read ON public.organizations
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (id = any ((select rowhouse.member_orgs())::uuid[]));

CREATE POLICY organizations_change ON public.organizations
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING (id = any ((select rowhouse.admin_orgs())::uuid[]))
  WITH CHECK (id = any ((select rowhouse.admin_orgs())::uuid[]));

CREATE POLICY organizations_delete ON public.organizations
  AS PERMISSIVE
  FOR DELETE TO authenticated
  USING (id = any ((select rowhouse.owner_orgs())::uuid[]));

CREATE POLICY memberships_read ON public.memberships
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

CREATE POLICY products_read ON public.products
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

CREATE POLICY products_create ON public.products
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]));

CREATE POLICY products_change ON public.products
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]))
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]));

GRANT SELECT ON TABLE public.profiles TO authenticated;

GRANT UPDATE (full_name) ON TABLE public.profiles TO authenticated;

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.profiles TO service_role;

GRANT SELECT, DELETE ON TABLE public.organizations TO authenticated;

GRANT UPDATE (name, slug, tax_rate, currency) ON TABLE public.organizations TO authenticated;

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.organizations TO service_role;

GRANT SELECT ON TABLE public.memberships TO authenticated;

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.memberships TO service_role;

GRANT SELECT ON TABLE public.products TO authenticated;

GRANT INSERT (org_id, id, name, description, price, sku, stock, is_active) ON TABLE public.products TO authenticated;

GRANT UPDATE (name, description, price, sku, stock, is_active) ON TABLE public.products TO authenticated;

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.products TO service_role;

create trigger organizations_touch before update on public.organizations
for each row execute function rowhouse.touch();

create trigger profiles_touch before update on public.profiles
for each row execute function rowhouse.touch();

create trigger products_touch before update on public.products
for each row execute function rowhouse.touch();

create constraint trigger memberships_last_owner after delete or update of role, org_id on public.memberships
deferrable initially immediate for each row when (old.role = 'owner')
execute function rowhouse.last_owner_stays();

create trigger rowhouse_profile after insert or update of email on auth.users
for each row execute function rowhouse.profile_of_user();

insert into public.profiles (id, email, full_name) select id, coalesce(email, ''), left(coalesce(raw_user_meta_data ->> 'full_name', ''), 120) from auth.users on conflict (id) do nothing;

INSERT INTO rowhouse.alembic_version (version_num) VALUES ('0001') RETURNING rowhouse.alembic_version.version_num;
