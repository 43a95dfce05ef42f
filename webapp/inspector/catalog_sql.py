"""What the catalog is asked: one statement for the list of tables, one for all that decides on the rows of a table."""

from typing import Final

TABLES: Final = """
select c.oid::bigint, n.nspname, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
  (select count(*) from pg_catalog.pg_policy p where p.polrelid = c.oid),
  has_schema_privilege(%(role)s, n.oid, 'usage')
    and (has_table_privilege(%(role)s, c.oid, 'select') or has_any_column_privilege(%(role)s, c.oid, 'select')),
  c.reltuples::bigint, c.relispartition,
  coalesce((
    select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o
    where o.option_name = 'security_invoker'), false)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and c.relpersistence <> 't'
order by n.nspname <> 'public', n.nspname, c.relname
"""

# One statement, so that looking at a table costs one trip.
TABLE: Final = """
with rel as (
  select c.*, n.nspname, n.oid as nsp from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = %(schema)s and c.relname = %(name)s and c.relkind in ('r', 'p', 'v', 'm', 'f')
), idx as (
  select i.indexrelid, i.indisprimary, array(
    select a.attname from unnest(i.indkey::int2[]) with ordinality k (num, place)
    join pg_catalog.pg_attribute a on a.attrelid = rel.oid and a.attnum = k.num
    where k.place <= i.indnkeyatts order by k.place) as names
  from rel join pg_catalog.pg_index i on i.indrelid = rel.oid
  where i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
    and not exists (
      select from unnest(i.indkey::int2[]) with ordinality k (num, place)
      left join pg_catalog.pg_attribute a on a.attrelid = rel.oid and a.attnum = k.num
      where k.place <= i.indnkeyatts and not coalesce(a.attnotnull, false))
  order by not i.indisprimary, i.indnkeyatts, i.indexrelid limit 1
), me as (
  select r.oid, r.rolname, r.rolsuper, r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = %(role)s
)
select json_build_object(
  'oid', rel.oid::bigint, 'kind', rel.relkind, 'owner', pg_catalog.pg_get_userbyid(rel.relowner),
  'enabled', rel.relrowsecurity, 'forced', rel.relforcerowsecurity, 'estimate', rel.reltuples::bigint,
  'invoker', coalesce((
    select o.option_value::boolean from pg_catalog.pg_options_to_table(rel.reloptions) o
    where o.option_name = 'security_invoker'), false),
  'children', rel.relkind = 'r' and exists (select from pg_catalog.pg_inherits h where h.inhparent = rel.oid),
  'key', (select to_json(idx.names) from idx), 'primary', (select idx.indisprimary from idx),
  'triggers', (
    select json_agg(t.tgname order by t.tgname) from pg_catalog.pg_trigger t
    where t.tgrelid = rel.oid and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 1 = 1 and t.tgtype & 2 = 2),
  'columns', (
    select json_agg(json_build_object(
      'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
      'generated', a.attgenerated <> '', 'identity', a.attidentity <> '', 'always', a.attidentity = 'a',
      'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'drawn', d.adbin::text ~ ':funcid 1574 ',
      'bare', case b.bare
        when 'character' then 'pg_catalog.bpchar' when 'character[]' then 'pg_catalog.bpchar[]'
        when 'bit' then 'pg_catalog.varbit' when 'bit[]' then 'pg_catalog.varbit[]' else b.bare end,
      'operators', (
        select s.nspname from pg_catalog.pg_opclass k
        join pg_catalog.pg_amop m on m.amopfamily = k.opcfamily and m.amopstrategy = 3
          and m.amoplefttype = k.opcintype and m.amoprighttype = k.opcintype
        join pg_catalog.pg_operator o on o.oid = m.amopopr
        join pg_catalog.pg_namespace s on s.oid = o.oprnamespace
        where k.opcmethod = 403 and k.opcdefault and k.opcintype = b.oid and s.nspname <> 'pg_catalog'),
      'granted', json_build_array(
        has_column_privilege(me.oid, rel.oid, a.attnum, 'select'),
        has_column_privilege(me.oid, rel.oid, a.attnum, 'insert'),
        has_column_privilege(me.oid, rel.oid, a.attnum, 'update'))
    ) order by a.attnum)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    cross join lateral (
      with recursive base as (
        select t.oid, t.typtype, t.typbasetype from pg_catalog.pg_type t where t.oid = a.atttypid
        union all
        select t.oid, t.typtype, t.typbasetype from base join pg_catalog.pg_type t on t.oid = base.typbasetype
        where base.typtype = 'd'
      )
      select base.oid, pg_catalog.format_type(base.oid, null) as bare from base where base.typtype <> 'd'
    ) b
    where a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped),
  'policies', (
    select json_agg(json_build_object(
      'name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
      'roles', (
        select json_agg(coalesce(g.rolname, 'public') order by g.rolname)
        from unnest(p.polroles) asked left join pg_catalog.pg_roles g on g.oid = asked),
      'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
      'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
      'mine', (
        select bool_or(asked = 0 or pg_catalog.pg_has_role(me.oid, asked, 'usage')) from unnest(p.polroles) asked),
      'ambient', concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) ~* %(ambient)s,
      'body', coalesce(p.polqual::text, '') || coalesce(p.polwithcheck::text, '')
    ) order by p.polname)
    from pg_catalog.pg_policy p where p.polrelid = rel.oid),
  'foreign', (
    select json_agg(json_build_object(
      'columns', array(
        select a.attname from unnest(f.conkey) with ordinality k (num, place)
        join pg_catalog.pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.num order by k.place),
      'schema', fn.nspname, 'name', fc.relname,
      'targets', array(
        select a.attname from unnest(f.confkey) with ordinality k (num, place)
        join pg_catalog.pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.num order by k.place)
    ) order by cardinality(f.conkey), f.conname)
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class fc on fc.oid = f.confrelid join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
    where f.conrelid = rel.oid and f.contype = 'f' and f.conparentid = 0),
  'usage', has_schema_privilege(me.oid, rel.nsp, 'usage'),
  'granted', json_build_array(
    has_table_privilege(me.oid, rel.oid, 'select'), has_table_privilege(me.oid, rel.oid, 'insert'),
    has_table_privilege(me.oid, rel.oid, 'update'), has_table_privilege(me.oid, rel.oid, 'delete')),
  'super', me.rolsuper, 'bypass', me.rolbypassrls, 'owns', pg_catalog.pg_has_role(me.oid, rel.relowner, 'usage')
)::text
from rel, me
"""
