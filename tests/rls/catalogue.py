"""Rules of the schema as queries on the catalogue; each returns what breaks it, and nothing when it holds.

``broken_by`` is a change that breaks the rule, so that a rule which can never fail is noticed.
"""

from __future__ import annotations

from typing import NamedTuple

OURS = "('public', 'rowhouse', 'rowhouse_audit', 'rowhouse_auth')"
BROWSERS = "('anon', 'authenticated', 'rowhouse_web', 'rowhouse_signin')"
# Grants as they stand: no entry at all means the defaults of the kind of object, in which PUBLIC may have a part.
_TABLE_GRANTS = f"""
select format('%I.%I', n.nspname, c.relname) as name, coalesce(g.rolname, 'PUBLIC') as grantee,
  a.privilege_type as privilege
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a left join pg_roles g on g.oid = a.grantee
where n.nspname in {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.grantee <> c.relowner
"""
_FUNCTION_GRANTS = f"""
select n.nspname as schema, p.oid::regprocedure::text as name, coalesce(g.rolname, 'PUBLIC') as grantee
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a left join pg_roles g on g.oid = a.grantee
where n.nspname in {OURS} and a.grantee <> p.proowner
"""


class Rule(NamedTuple):
    """Hold one rule: what it says, the query for what breaks it, and a change that does."""

    says: str
    query: str
    broken_by: str


RULES = (
    Rule(
        "row security is enabled and forced on every table of ours",
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in {OURS} and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)""",
        "alter table public.products no force row level security",
    ),
    Rule(
        "row security is enabled on every table of schema auth",
        """select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'auth' and c.relkind in ('r', 'p') and not c.relrowsecurity""",
        "alter table auth.sessions disable row level security",
    ),
    Rule(
        "every policy names its roles, and PUBLIC is none",
        "select tablename || '.' || policyname from pg_policies where 'public' = any (roles)",
        "create policy loose on public.products for select using (true)",
    ),
    Rule(
        "a table has one permissive policy for a command and a role",
        """select tablename || ': ' || string_agg(policyname, ', ') from pg_policies, unnest(roles) as role,
        unnest(case cmd when 'ALL' then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[cmd] end) as command
        where permissive = 'PERMISSIVE' group by schemaname, tablename, role, command having count(*) > 1""",
        "create policy more on public.products for select to authenticated using (false)",
    ),
    Rule(
        "policies call functions inside (select …), once per statement and not per row",
        r"""select tablename || '.' || policyname from pg_policies, regexp_matches(
          coalesce(qual, '') || ' ' || coalesce(with_check, ''), '(SELECT )?((rowhouse|auth)\.\w+\()', 'g') called
        where called[1] is null""",
        "create policy bare on public.products for delete to authenticated"
        " using (org_id = any (rowhouse.owner_orgs()))",
    ),
    Rule(
        "TRUNCATE, REFERENCES, TRIGGER and MAINTAIN are granted to nobody",
        f"select name, grantee, privilege from ({_TABLE_GRANTS}) g"
        " where g.privilege not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')",
        "grant truncate on public.products to service_role",
    ),
    Rule(
        "nothing is granted to PUBLIC, to anon, or to a login itself",
        f"select name, grantee, privilege from ({_TABLE_GRANTS}) g "
        " where grantee in ('PUBLIC', 'anon', 'rowhouse_web', 'rowhouse_signin')",
        "grant select on public.products to anon",
    ),
    Rule(
        "no browser role may change the columns that say whose a row is",
        """select c.oid::regclass::text, a.attname, r.role
        from pg_class c join pg_attribute a on a.attrelid = c.oid, unnest(array['anon', 'authenticated']) as r (role)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and a.attname in ('id', 'org_id', 'user_id', 'created_at')
          and has_column_privilege(r.role, c.oid, a.attnum, 'update')""",
        "grant update (org_id) on public.products to authenticated",
    ),
    Rule(
        "keys and unique indexes of tenant tables begin with org_id",
        """select i.indexrelid::regclass::text from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attname = 'org_id'
        join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
        where i.indisunique and i.indkey[0] <> a.attnum""",
        "create unique index telling on public.products (sku)",
    ),
    Rule(
        "tenant tables have a primary key",
        """select c.oid::regclass::text from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')""",
        "alter table public.products drop constraint products_pkey cascade",
    ),
    Rule(
        "foreign keys from one tenant table to another begin with org_id on both sides",
        """select k.conname from pg_constraint k
        join pg_attribute here on here.attrelid = k.conrelid and here.attname = 'org_id'
        join pg_attribute there on there.attrelid = k.confrelid and there.attname = 'org_id'
        where k.contype = 'f' and not (k.conkey[1] = here.attnum and k.confkey[1] = there.attnum)""",
        """create table public.notes (org_id uuid, product_org uuid, product_id uuid,
        foreign key (product_org, product_id) references public.products (org_id, id))""",
    ),
    Rule(
        "every function of ours fixes its search_path, with pg_temp at its end",
        f"""select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in {OURS} and not exists (
          select from unnest(p.proconfig) s where s like 'search\\_path=%' and s like '%, pg\\_temp')""",
        "alter function rowhouse.member_orgs() set search_path = public",
    ),
    Rule(
        "no function of ours can be called by PUBLIC",
        f"select name from ({_FUNCTION_GRANTS}) g where grantee = 'PUBLIC'",
        "grant execute on function rowhouse.member_orgs() to public",
    ),
    Rule(
        "the sign-in functions can be called by the login for signing in alone",
        f"select name, grantee from ({_FUNCTION_GRANTS}) g"
        " where schema = 'rowhouse_auth' and grantee <> 'rowhouse_signin'",
        "grant usage on schema rowhouse_auth to anon;"
        " create function rowhouse_auth.probe() returns int language sql set search_path = pg_catalog, pg_temp"
        " as 'select 1'; grant execute on function rowhouse_auth.probe() to anon",
    ),
    Rule(
        "what finds people for the Inspector can be called by the service role alone",
        f"select name, grantee from ({_FUNCTION_GRANTS}) g"
        r" where name ~ '^rowhouse\.inspect(ed|_\w+)\(' and grantee <> 'service_role'",
        "grant execute on function rowhouse.inspect_person(uuid) to authenticated",
    ),
    Rule(
        "views obey the policies of whoever looks",
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in {OURS} and c.relkind = 'v'
          and not coalesce('security_invoker=true' = any (c.reloptions), false)""",
        "create view public.all_products as select * from public.products",
    ),
    Rule(
        "no browser role reads a materialised view, which no policy binds",
        f"""select c.oid::regclass::text, r.role from pg_class c join pg_namespace n on n.oid = c.relnamespace,
        unnest(array['anon', 'authenticated']) as r (role)
        where n.nspname in {OURS} and c.relkind = 'm' and has_table_privilege(r.role, c.oid, 'select')""",
        "create materialized view public.totals as select count(*) from public.products;"
        " grant select on public.totals to authenticated",
    ),
    Rule(
        "nobody but the owner makes anything in a schema or a temporary table in the database",
        f"""select r.rolname, n.nspname from pg_roles r, pg_namespace n
        where r.rolname in {BROWSERS} and has_schema_privilege(r.rolname, n.oid, 'create')
        union all select r.rolname, current_database() from pg_roles r
        where r.rolname in {BROWSERS} and has_database_privilege(r.rolname, current_database(), 'create, temporary')""",
        "grant create on schema public to authenticated",
    ),
    Rule(
        "no login of the application owns anything",
        """select pg_describe_object(d.classid, d.objid, d.objsubid)
        from pg_shdepend d join pg_roles r on r.oid = d.refobjid
        where r.rolname in ('rowhouse_web', 'rowhouse_signin', 'rowhouse_inspector') and d.deptype = 'o'""",
        "alter table public.products owner to rowhouse_web",
    ),
)

# Of the cluster, not of one database: not broken on purpose, but where the leak run and check_login do so.
ROLES = f"""
select r.rolname, r.rolcanlogin, r.rolsuper, r.rolbypassrls, r.rolinherit, r.rolcreaterole, r.rolcreatedb,
  r.rolconfig is not null as configured,
  array(select distinct o.rolname::text from pg_auth_members m join pg_roles o on o.oid = m.roleid
        where m.member = r.oid order by 1) as member_of
from pg_roles r where r.rolname in {BROWSERS} or r.rolname in ('rowhouse_inspector', 'service_role') order by 1
"""
RELATIONS = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
order by 1
"""
TABLES = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname in ('public', 'rowhouse', 'rowhouse_auth', 'auth') order by 1
"""
