-- The roles that a Supabase project has and a plain Postgres lacks. Run as a superuser, any number of times.
-- No passwords here: whoever starts the cluster sets those.
do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('postgres', 'login createdb createrole bypassrls nosuperuser')
    ) as r (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
  -- From PostgreSQL 16 on, CREATEROLE gives power only over roles held WITH ADMIN OPTION.
  if not (select rolsuper from pg_catalog.pg_roles where rolname = 'postgres') then
    grant anon, authenticated, service_role to postgres with admin option;
  end if;
end
$$;

create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated, service_role, postgres;
grant usage on schema public to anon, authenticated, service_role;
grant all on schema public to postgres;
