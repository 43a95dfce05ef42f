-- Written by 'rowhouse migrations export' from migrations/versions/0004_audit.py. Change that, not this.

SET lock_timeout = '5s';

SET statement_timeout = '10min';

SET search_path = 'public';

-- Running upgrade 0003 -> 0004

alter table public.products validate constraint products_price_is_a_number_check;

create type public.audit_action as enum ('insert', 'update', 'delete');

create schema rowhouse_audit;

revoke all on schema rowhouse_audit from public, anon, authenticated, service_role;

CREATE TABLE audit_log (
    org_id UUID NOT NULL, 
    at TIMESTAMP WITH TIME ZONE NOT NULL, 
    id UUID DEFAULT gen_random_uuid() NOT NULL, 
    written_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    record_id UUID NOT NULL, 
    parent_id UUID, 
    user_id UUID, 
    table_name TEXT NOT NULL, 
    action public.audit_action NOT NULL, 
    old_data JSONB, 
    new_data JSONB, 
    CONSTRAINT audit_log_pkey PRIMARY KEY (org_id, at, id) INCLUDE (user_id, table_name)
)
 PARTITION BY RANGE (at);

CREATE INDEX audit_log_org_id_record_id_at_idx ON audit_log (org_id, record_id, at);

CREATE INDEX audit_log_org_id_parent_id_at_idx ON audit_log (org_id, parent_id, at) WHERE parent_id is not null;

CREATE INDEX audit_log_org_id_table_name_at_idx ON audit_log (org_id, table_name, at) WHERE table_name <> 'products';

REVOKE ALL ON TABLE public.audit_log FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log FORCE ROW LEVEL SECURITY;

create or replace function rowhouse.refuse_audit_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'an entry of the audit trail is never changed' using errcode = '42501';
end
$$;

REVOKE ALL ON ROUTINE rowhouse.refuse_audit_change() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.make_audit_partitions(p_from date, p_ahead integer) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
declare
  v_default regclass;
  v_stranded boolean := false;
  v_months timestamptz[];
  v_made integer := 0;
  v_bounds text;
  v_name text;
begin
  perform pg_advisory_xact_lock(hashtextextended('rowhouse.make_audit_partitions', 0));
  v_default := to_regclass('rowhouse_audit.audit_log_default');
  if v_default is not null then
    execute format('select exists (select from %s)', v_default) into v_stranded;
  end if;
  if v_stranded then
    alter table public.audit_log detach partition rowhouse_audit.audit_log_default;
    alter table rowhouse_audit.audit_log_default rename to audit_log_stranded;
    v_default := null;
    execute 'select array_agg(distinct date_trunc(''month'', s.at)) from rowhouse_audit.audit_log_stranded s'
    into v_months;
  end if;
  for v_name, v_bounds in
    select 'audit_log_' || to_char(m.first, 'YYYY_MM'),
      format('for values from (%L) to (%L)', m.first, m.first + interval '1 month')
    from (
      select date_trunc('month', p_from::timestamptz) + make_interval(months => ahead)
      from generate_series(0, p_ahead) ahead
      union
      select unnest(v_months)
    ) m (first)
    where to_regclass('rowhouse_audit.audit_log_' || to_char(m.first, 'YYYY_MM')) is null
    union all
    select 'audit_log_default', 'default' where v_default is null
  loop
    execute format('create table rowhouse_audit.%I (like public.audit_log including defaults)', v_name);
    execute format('revoke all on table rowhouse_audit.%I from public, anon, authenticated, service_role', v_name);
    execute format('alter table rowhouse_audit.%I enable row level security, force row level security', v_name);
    execute format(
      'create trigger audit_log_no_truncate before truncate on rowhouse_audit.%I'
      ' for each statement execute function rowhouse.refuse_audit_change()', v_name
    );
    execute format('alter table rowhouse_audit.%I enable always trigger audit_log_no_truncate', v_name);
    execute format('alter table public.audit_log attach partition rowhouse_audit.%I %s', v_name, v_bounds);
    v_made := v_made + 1;
  end loop;
  if v_stranded then
    execute 'insert into public.audit_log select * from rowhouse_audit.audit_log_stranded';
    drop table rowhouse_audit.audit_log_stranded;
  end if;
  return v_made;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.make_audit_partitions(date, integer) FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.audit_people(p_org_id uuid, p_ids uuid[])
returns table (id uuid, name text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.id,
    coalesce(nullif(btrim(p.full_name), ''), case when m.user_id is not null then p.email end, 'Former member')
  from public.profiles p
  left join public.memberships m on m.org_id = p_org_id and m.user_id = p.id
  where p_org_id = any (rowhouse.admin_orgs())
    and p.id = any (p_ids)
    and (
      exists (select from public.audit_log e where e.org_id = p_org_id and e.user_id = p.id)
      or exists (
        select from public.audit_log e
        where e.org_id = p_org_id and e.record_id = p.id and e.table_name = 'memberships'
      )
      or m.user_id is not null
    )
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_people(uuid, uuid[]) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.audit_people(uuid, uuid[]) TO authenticated, service_role;

create or replace function public.get_audit_history(
  p_org_id uuid, p_table text, p_record_id uuid, p_limit integer,
  p_before timestamptz default null, p_before_id uuid default null
)
returns table (
  at timestamptz, id uuid, written_at timestamptz, table_name text, record_id uuid, parent_id uuid,
  action public.audit_action, user_id uuid, user_name text, old_data jsonb, new_data jsonb
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with found as (
    (
      select e.* from public.audit_log e
      where e.org_id = p_org_id and e.record_id = p_record_id and e.table_name = p_table
        and (e.at, e.id) < (
          coalesce(p_before, 'infinity'), coalesce(p_before_id, '00000000-0000-0000-0000-000000000000')
        )
      order by e.at desc, e.id desc
      limit least(p_limit, 1000)
    )
    union all
    (
      select e.* from public.audit_log e
      where e.org_id = p_org_id and e.parent_id = p_record_id
        and (e.at, e.id) < (
          coalesce(p_before, 'infinity'), coalesce(p_before_id, '00000000-0000-0000-0000-000000000000')
        )
      order by e.at desc, e.id desc
      limit least(p_limit, 1000)
    )
    order by at desc, id desc
    limit least(p_limit, 1000)
  )
  select f.at, f.id, f.written_at, f.table_name, f.record_id, f.parent_id, f.action, f.user_id, who.name,
    f.old_data, f.new_data
  from found f
  left join rowhouse.audit_people(p_org_id, array(select distinct f.user_id from found f)) who on who.id = f.user_id
  order by f.at desc, f.id desc
$$;

REVOKE ALL ON ROUTINE public.get_audit_history(uuid, text, uuid, integer, timestamptz, uuid) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.get_audit_history(uuid, text, uuid, integer, timestamptz, uuid) TO authenticated, service_role;

create or replace function rowhouse.audit_organizations() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.id, n.id, null::uuid, v_user, now(), v_now, 'organizations', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        n.slug, n.name, n.tax_rate, n.currency
      ) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.id, o.id, null::uuid, v_user, now(), v_now, 'organizations', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        o.slug, o.name, o.tax_rate, o.currency
      ) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.id, o.id), coalesce(n.id, o.id),
      null::uuid, v_user, now(), v_now, 'organizations',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select
        o.slug, o.name, o.tax_rate, o.currency
      ) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select
        n.slug, n.name, n.tax_rate, n.currency
      ) r) end
    from old_rows o
    full join new_rows n on (o.id, o.id) = (n.id, n.id)
    where row(
      o.slug, o.name, o.tax_rate, o.currency
    ) is distinct from row(
      n.slug, n.name, n.tax_rate, n.currency
    );
  end if;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_organizations() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.audit_memberships() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.org_id, n.user_id, null::uuid, v_user, now(), v_now, 'memberships', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select n.role) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.user_id, null::uuid, v_user, now(), v_now, 'memberships', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select o.role) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.user_id, o.user_id),
      null::uuid, v_user, now(), v_now, 'memberships',
      (case when o.user_id is null then 'insert' when n.user_id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.user_id is not null then (select to_jsonb(r) from (select o.role) r) end,
      case when n.user_id is not null then (select to_jsonb(r) from (select n.role) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.user_id) = (n.org_id, n.user_id)
    where row(o.role) is distinct from row(n.role);
  end if;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_memberships() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.audit_products() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.org_id, n.id, null::uuid, v_user, now(), v_now, 'products', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        n.sku, n.name, n.description, n.price, n.stock, n.is_active, n.image_path
      ) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.id, null::uuid, v_user, now(), v_now, 'products', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        o.sku, o.name, o.description, o.price, o.stock, o.is_active, o.image_path
      ) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.id, o.id),
      null::uuid, v_user, now(), v_now, 'products',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select
        o.sku, o.name, o.description, o.price, o.stock, o.is_active, o.image_path
      ) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select
        n.sku, n.name, n.description, n.price, n.stock, n.is_active, n.image_path
      ) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.id) = (n.org_id, n.id)
    where row(
      o.sku, o.name, o.description, o.price, o.stock, o.is_active, o.image_path
    ) is distinct from row(
      n.sku, n.name, n.description, n.price, n.stock, n.is_active, n.image_path
    );
  end if;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_products() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.audit_orders() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.org_id, n.id, null::uuid, v_user, now(), v_now, 'orders', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        n.number, n.customer, n.reference, n.deliver_to, n.note, n.status, n.item_count, n.subtotal,
        n.tax_rate, n.tax, n.total
      ) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.id, null::uuid, v_user, now(), v_now, 'orders', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        o.number, o.customer, o.reference, o.deliver_to, o.note, o.status, o.item_count, o.subtotal,
        o.tax_rate, o.tax, o.total
      ) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.id, o.id),
      null::uuid, v_user, now(), v_now, 'orders',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select
        o.number, o.customer, o.reference, o.deliver_to, o.note, o.status, o.item_count, o.subtotal,
        o.tax_rate, o.tax, o.total
      ) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select
        n.number, n.customer, n.reference, n.deliver_to, n.note, n.status, n.item_count, n.subtotal,
        n.tax_rate, n.tax, n.total
      ) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.id) = (n.org_id, n.id)
    where row(
      o.number, o.customer, o.reference, o.deliver_to, o.note, o.status, o.item_count, o.subtotal,
      o.tax_rate, o.tax, o.total
    ) is distinct from row(
      n.number, n.customer, n.reference, n.deliver_to, n.note, n.status, n.item_count, n.subtotal,
      n.tax_rate, n.tax, n.total
    );
  end if;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_orders() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.audit_order_items() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.org_id, n.id, n.order_id, v_user, now(), v_now, 'order_items', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        n.product_id, n.sku, n.name, n.quantity, n.unit_price
      ) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.id, o.order_id, v_user, now(), v_now, 'order_items', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        o.product_id, o.sku, o.name, o.quantity, o.unit_price
      ) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.id, o.id),
      coalesce(n.order_id, o.order_id), v_user, now(), v_now, 'order_items',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select
        o.product_id, o.sku, o.name, o.quantity, o.unit_price
      ) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select
        n.product_id, n.sku, n.name, n.quantity, n.unit_price
      ) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.id) = (n.org_id, n.id)
    where row(
      o.product_id, o.sku, o.name, o.quantity, o.unit_price
    ) is distinct from row(
      n.product_id, n.sku, n.name, n.quantity, n.unit_price
    );
  end if;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_order_items() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.audit_inventory_movements() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.org_id, n.id, n.order_id, v_user, now(), v_now, 'inventory_movements', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select n.product_id, n.delta, n.reason) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.id, o.order_id, v_user, now(), v_now, 'inventory_movements', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select o.product_id, o.delta, o.reason) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.id, o.id),
      coalesce(n.order_id, o.order_id), v_user, now(), v_now, 'inventory_movements',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select o.product_id, o.delta, o.reason) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select n.product_id, n.delta, n.reason) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.id) = (n.org_id, n.id)
    where row(o.product_id, o.delta, o.reason) is distinct from row(n.product_id, n.delta, n.reason);
  end if;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_inventory_movements() FROM PUBLIC, anon, authenticated, service_role;

CREATE POLICY audit_log_read ON public.audit_log
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.admin_orgs())::uuid[]));

GRANT SELECT ON TABLE public.audit_log TO authenticated;

GRANT SELECT ON TABLE public.audit_log TO service_role;

select rowhouse.make_audit_partitions((now() at time zone 'UTC')::date, 12);

create trigger audit_log_append_only before update or delete on public.audit_log
for each row execute function rowhouse.refuse_audit_change();
alter table public.audit_log enable always trigger audit_log_append_only;

create trigger audit_log_no_truncate before truncate on public.audit_log
for each statement execute function rowhouse.refuse_audit_change();
alter table public.audit_log enable always trigger audit_log_no_truncate;

create trigger organizations_audit_insert after insert on public.organizations
referencing new table as new_rows
for each statement execute function rowhouse.audit_organizations();

create trigger organizations_audit_update after update on public.organizations
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_organizations();

create trigger organizations_audit_delete after delete on public.organizations
referencing old table as old_rows
for each statement execute function rowhouse.audit_organizations();

create trigger memberships_audit_insert after insert on public.memberships
referencing new table as new_rows
for each statement execute function rowhouse.audit_memberships();

create trigger memberships_audit_update after update on public.memberships
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_memberships();

create trigger memberships_audit_delete after delete on public.memberships
referencing old table as old_rows
for each statement execute function rowhouse.audit_memberships();

create trigger products_audit_insert after insert on public.products
referencing new table as new_rows
for each statement execute function rowhouse.audit_products();

create trigger products_audit_update after update on public.products
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_products();

create trigger products_audit_delete after delete on public.products
referencing old table as old_rows
for each statement execute function rowhouse.audit_products();

create trigger orders_audit_insert after insert on public.orders
referencing new table as new_rows
for each statement execute function rowhouse.audit_orders();

create trigger orders_audit_update after update on public.orders
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_orders();

create trigger orders_audit_delete after delete on public.orders
referencing old table as old_rows
for each statement execute function rowhouse.audit_orders();

create trigger order_items_audit_insert after insert on public.order_items
referencing new table as new_rows
for each statement execute function rowhouse.audit_order_items();

create trigger order_items_audit_update after update on public.order_items
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_order_items();

create trigger order_items_audit_delete after delete on public.order_items
referencing old table as old_rows
for each statement execute function rowhouse.audit_order_items();

create trigger inventory_movements_audit_insert after insert on public.inventory_movements
referencing new table as new_rows
for each statement execute function rowhouse.audit_inventory_movements();

create trigger inventory_movements_audit_update after update on public.inventory_movements
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_inventory_movements();

create trigger inventory_movements_audit_delete after delete on public.inventory_movements
referencing old table as old_rows
for each statement execute function rowhouse.audit_inventory_movements();

UPDATE rowhouse.alembic_version SET version_num='0004' WHERE rowhouse.alembic_version.version_num = '0003';
