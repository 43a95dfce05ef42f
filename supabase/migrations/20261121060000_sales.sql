-- Written by 'rowhouse migrations export' from migrations/versions/0005_sales.py. Change that, not this.

SET lock_timeout = '5s';

SET statement_timeout = '10min';

SET search_path = 'public';

-- Running upgrade 0004 -> 0005

CREATE TABLE sales_daily (
    org_id UUID NOT NULL, 
    day DATE NOT NULL, 
    status public.order_status NOT NULL, 
    orders BIGINT NOT NULL, 
    total NUMERIC NOT NULL, 
    items BIGINT NOT NULL, 
    CONSTRAINT sales_daily_pkey PRIMARY KEY (org_id, day, status), 
    CONSTRAINT sales_daily_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE TABLE sales_daily_deltas (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    day DATE NOT NULL, 
    status public.order_status NOT NULL, 
    orders BIGINT NOT NULL, 
    total NUMERIC NOT NULL, 
    items BIGINT NOT NULL, 
    CONSTRAINT sales_daily_deltas_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT sales_daily_deltas_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE TABLE sales_totals (
    org_id UUID NOT NULL, 
    status public.order_status NOT NULL, 
    orders BIGINT NOT NULL, 
    total NUMERIC NOT NULL, 
    items BIGINT NOT NULL, 
    CONSTRAINT sales_totals_pkey PRIMARY KEY (org_id, status), 
    CONSTRAINT sales_totals_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE TABLE sales_products (
    org_id UUID NOT NULL, 
    month DATE NOT NULL, 
    product_id UUID NOT NULL, 
    quantity BIGINT NOT NULL, 
    revenue NUMERIC NOT NULL, 
    CONSTRAINT sales_products_pkey PRIMARY KEY (org_id, month, product_id), 
    CONSTRAINT sales_products_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX sales_products_org_id_month_revenue_idx ON sales_products (org_id, month, revenue);

CREATE TABLE sales_products_deltas (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    month DATE NOT NULL, 
    product_id UUID NOT NULL, 
    quantity BIGINT NOT NULL, 
    revenue NUMERIC NOT NULL, 
    CONSTRAINT sales_products_deltas_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT sales_products_deltas_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

REVOKE ALL ON TABLE public.sales_daily FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.sales_daily ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sales_daily FORCE ROW LEVEL SECURITY;

CREATE POLICY sales_daily_read ON public.sales_daily
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

GRANT SELECT ON TABLE public.sales_daily TO authenticated;

GRANT SELECT ON TABLE public.sales_daily TO service_role;

REVOKE ALL ON TABLE public.sales_daily_deltas FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.sales_daily_deltas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sales_daily_deltas FORCE ROW LEVEL SECURITY;

CREATE POLICY sales_daily_deltas_read ON public.sales_daily_deltas
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

GRANT SELECT ON TABLE public.sales_daily_deltas TO authenticated;

GRANT SELECT ON TABLE public.sales_daily_deltas TO service_role;

REVOKE ALL ON TABLE public.sales_totals FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.sales_totals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sales_totals FORCE ROW LEVEL SECURITY;

CREATE POLICY sales_totals_read ON public.sales_totals
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

GRANT SELECT ON TABLE public.sales_totals TO authenticated;

GRANT SELECT ON TABLE public.sales_totals TO service_role;

REVOKE ALL ON TABLE public.sales_products FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.sales_products ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sales_products FORCE ROW LEVEL SECURITY;

CREATE POLICY sales_products_read ON public.sales_products
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

GRANT SELECT ON TABLE public.sales_products TO authenticated;

GRANT SELECT ON TABLE public.sales_products TO service_role;

REVOKE ALL ON TABLE public.sales_products_deltas FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.sales_products_deltas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sales_products_deltas FORCE ROW LEVEL SECURITY;

CREATE POLICY sales_products_deltas_read ON public.sales_products_deltas
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

GRANT SELECT ON TABLE public.sales_products_deltas TO authenticated;

GRANT SELECT ON TABLE public.sales_products_deltas TO service_role;

create or replace function rowhouse.fold_sales(p_org_id uuid, p_least integer) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    (select count(*) from (select from public.sales_daily_deltas d where d.org_id = p_org_id limit p_least) d)
      < p_least
    and (select count(*) from (select from public.sales_products_deltas d where d.org_id = p_org_id limit p_least) d)
      < p_least
  )
    or current_setting('transaction_isolation') <> 'read committed'
    or not pg_try_advisory_xact_lock(hashtextextended('rowhouse.sales ' || p_org_id, 0))
  then
    return false;
  end if;
  with gone as (
    delete from public.sales_daily_deltas d where d.org_id = p_org_id
    returning d.day, d.status, d.orders, d.total, d.items
  ), daily as (
    insert into public.sales_daily as s (org_id, day, status, orders, total, items)
    select p_org_id, g.day, g.status, sum(g.orders), sum(g.total), sum(g.items) from gone g group by g.day, g.status
    on conflict (org_id, day, status) do update
    set orders = s.orders + excluded.orders, total = s.total + excluded.total, items = s.items + excluded.items
  )
  insert into public.sales_totals as s (org_id, status, orders, total, items)
  select p_org_id, g.status, sum(g.orders), sum(g.total), sum(g.items) from gone g group by g.status
  on conflict (org_id, status) do update
  set orders = s.orders + excluded.orders, total = s.total + excluded.total, items = s.items + excluded.items;
  with gone as (
    delete from public.sales_products_deltas d where d.org_id = p_org_id
    returning d.month, d.product_id, d.quantity, d.revenue
  )
  insert into public.sales_products as s (org_id, month, product_id, quantity, revenue)
  select p_org_id, g.month, g.product_id, sum(g.quantity), sum(g.revenue) from gone g group by g.month, g.product_id
  on conflict (org_id, month, product_id) do update
  set quantity = s.quantity + excluded.quantity, revenue = s.revenue + excluded.revenue;
  return true;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.fold_sales(uuid, integer) FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.rebuild_sales(p_org_id uuid) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'rebuild_sales needs a transaction that is READ COMMITTED' using errcode = '25001';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('rowhouse.sales ' || p_org_id, 0));
  insert into public.sales_daily_deltas (org_id, day, status, orders, total, items)
  select p_org_id, c.day, c.status, sum(c.orders), sum(c.total), sum(c.items)
  from (
    select
      (o.placed_at at time zone 'UTC')::date as day, o.status,
      count(*) as orders, sum(o.total) as total, sum(o.item_count) as items
    from public.orders o
    where o.org_id = p_org_id
    group by 1, 2
    union all
    select s.day, s.status, -s.orders, -s.total, -s.items from public.sales_daily s where s.org_id = p_org_id
    union all
    select d.day, d.status, -d.orders, -d.total, -d.items from public.sales_daily_deltas d where d.org_id = p_org_id
  ) c
  group by c.day, c.status
  having sum(c.orders) <> 0 or sum(c.total) <> 0 or sum(c.items) <> 0;
  insert into public.sales_products_deltas (org_id, month, product_id, quantity, revenue)
  select p_org_id, c.month, c.product_id, sum(c.quantity), sum(c.revenue)
  from (
    select
      date_trunc('month', o.placed_at at time zone 'UTC')::date as month, i.product_id,
      sum(i.quantity) as quantity, sum(i.amount) as revenue
    from public.orders o
    join public.order_items i on i.org_id = o.org_id and i.order_id = o.id
    where o.org_id = p_org_id and o.status in ('processing', 'shipped', 'delivered')
    group by 1, 2
    union all
    select s.month, s.product_id, -s.quantity, -s.revenue from public.sales_products s where s.org_id = p_org_id
    union all
    select d.month, d.product_id, -d.quantity, -d.revenue
    from public.sales_products_deltas d where d.org_id = p_org_id
  ) c
  group by c.month, c.product_id
  having sum(c.quantity) <> 0 or sum(c.revenue) <> 0;
  perform rowhouse.fold_sales(p_org_id, 1);
  delete from public.sales_daily s where s.org_id = p_org_id and s.orders = 0 and s.total = 0 and s.items = 0;
  delete from public.sales_products s where s.org_id = p_org_id and s.quantity = 0 and s.revenue = 0;
  delete from public.sales_totals s where s.org_id = p_org_id;
  insert into public.sales_totals (org_id, status, orders, total, items)
  select p_org_id, s.status, sum(s.orders), sum(s.total), sum(s.items)
  from public.sales_daily s where s.org_id = p_org_id
  group by s.status;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.rebuild_sales(uuid) FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.count_made_orders() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_org uuid;
begin
  insert into public.sales_daily_deltas (org_id, day, status, orders, total, items)
  select
    c.org_id, (c.placed_at at time zone 'UTC')::date, c.status,
    sum(c.sign), sum(c.sign * c.total), sum(c.sign * c.item_count)
  from (select 1 as sign, a.* from after a) c
  join public.organizations g on g.id = c.org_id
  group by 1, 2, 3
  having sum(c.sign) <> 0 or sum(c.sign * c.total) <> 0 or sum(c.sign * c.item_count) <> 0;
  for v_org in
    select distinct g.id
    from (select 1 as sign, a.* from after a) c
    join public.organizations g on g.id = c.org_id
  loop
    perform rowhouse.fold_sales(v_org, 64);
  end loop;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.count_made_orders() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.count_changed_orders() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_org uuid;
begin
  insert into public.sales_daily_deltas (org_id, day, status, orders, total, items)
  select
    c.org_id, (c.placed_at at time zone 'UTC')::date, c.status,
    sum(c.sign), sum(c.sign * c.total), sum(c.sign * c.item_count)
  from (
    select 1 as sign, a.* from after a
    union all
    select -1, b.* from before b
  ) c
  join public.organizations g on g.id = c.org_id
  group by 1, 2, 3
  having sum(c.sign) <> 0 or sum(c.sign * c.total) <> 0 or sum(c.sign * c.item_count) <> 0;
  insert into public.sales_products_deltas (org_id, month, product_id, quantity, revenue)
  select m.org_id, m.month, i.product_id, sum(m.sign * i.quantity), sum(m.sign * i.amount)
  from (
    select c.org_id, c.id, date_trunc('month', c.placed_at at time zone 'UTC')::date as month, sum(c.sign) as sign
    from (
    select 1 as sign, a.* from after a
    union all
    select -1, b.* from before b
  ) c
    where c.status in ('processing', 'shipped', 'delivered')
    group by 1, 2, 3
    having sum(c.sign) <> 0
  ) m
  join public.organizations g on g.id = m.org_id
  join public.order_items i on i.org_id = m.org_id and i.order_id = m.id
  group by 1, 2, 3
  having sum(m.sign * i.quantity) <> 0 or sum(m.sign * i.amount) <> 0;
  for v_org in
    select distinct g.id
    from (
    select 1 as sign, a.* from after a
    union all
    select -1, b.* from before b
  ) c
    join public.organizations g on g.id = c.org_id
  loop
    perform rowhouse.fold_sales(v_org, 64);
  end loop;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.count_changed_orders() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.count_deleted_orders() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_org uuid;
begin
  insert into public.sales_daily_deltas (org_id, day, status, orders, total, items)
  select
    c.org_id, (c.placed_at at time zone 'UTC')::date, c.status,
    sum(c.sign), sum(c.sign * c.total), sum(c.sign * c.item_count)
  from (select -1 as sign, b.* from before b) c
  join public.organizations g on g.id = c.org_id
  group by 1, 2, 3
  having sum(c.sign) <> 0 or sum(c.sign * c.total) <> 0 or sum(c.sign * c.item_count) <> 0;
  for v_org in
    select distinct g.id
    from (select -1 as sign, b.* from before b) c
    join public.organizations g on g.id = c.org_id
  loop
    perform rowhouse.fold_sales(v_org, 64);
  end loop;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.count_deleted_orders() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.count_made_items() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_org uuid;
begin
  perform from public.orders o
  where (o.org_id, o.id) in (
    select c.org_id, c.order_id
    from (select 1 as sign, a.* from after a) c
  )
  order by o.org_id, o.id
  for no key update;
  insert into public.sales_products_deltas (org_id, month, product_id, quantity, revenue)
  select
    o.org_id, date_trunc('month', o.placed_at at time zone 'UTC')::date, c.product_id,
    sum(c.sign * c.quantity), sum(c.sign * c.amount)
  from (select 1 as sign, a.* from after a) c
  join public.organizations g on g.id = c.org_id
  join public.orders o on o.org_id = c.org_id and o.id = c.order_id
  where o.status in ('processing', 'shipped', 'delivered')
  group by 1, 2, 3
  having sum(c.sign * c.quantity) <> 0 or sum(c.sign * c.amount) <> 0;
  if not found then
    return null;
  end if;
  for v_org in
    select distinct g.id
    from (select 1 as sign, a.* from after a) c
    join public.organizations g on g.id = c.org_id
  loop
    perform rowhouse.fold_sales(v_org, 64);
  end loop;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.count_made_items() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.count_changed_items() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_org uuid;
begin
  perform from public.orders o
  where (o.org_id, o.id) in (
    select c.org_id, c.order_id
    from (
    select 1 as sign, a.* from after a
    union all
    select -1, b.* from before b
  ) c
  )
  order by o.org_id, o.id
  for no key update;
  insert into public.sales_products_deltas (org_id, month, product_id, quantity, revenue)
  select
    o.org_id, date_trunc('month', o.placed_at at time zone 'UTC')::date, c.product_id,
    sum(c.sign * c.quantity), sum(c.sign * c.amount)
  from (
    select 1 as sign, a.* from after a
    union all
    select -1, b.* from before b
  ) c
  join public.organizations g on g.id = c.org_id
  join public.orders o on o.org_id = c.org_id and o.id = c.order_id
  where o.status in ('processing', 'shipped', 'delivered')
  group by 1, 2, 3
  having sum(c.sign * c.quantity) <> 0 or sum(c.sign * c.amount) <> 0;
  if not found then
    return null;
  end if;
  for v_org in
    select distinct g.id
    from (
    select 1 as sign, a.* from after a
    union all
    select -1, b.* from before b
  ) c
    join public.organizations g on g.id = c.org_id
  loop
    perform rowhouse.fold_sales(v_org, 64);
  end loop;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.count_changed_items() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.count_deleted_items() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_org uuid;
begin
  perform from public.orders o
  where (o.org_id, o.id) in (
    select c.org_id, c.order_id
    from (select -1 as sign, b.* from before b) c
  )
  order by o.org_id, o.id
  for no key update;
  insert into public.sales_products_deltas (org_id, month, product_id, quantity, revenue)
  select
    o.org_id, date_trunc('month', o.placed_at at time zone 'UTC')::date, c.product_id,
    sum(c.sign * c.quantity), sum(c.sign * c.amount)
  from (select -1 as sign, b.* from before b) c
  join public.organizations g on g.id = c.org_id
  join public.orders o on o.org_id = c.org_id and o.id = c.order_id
  where o.status in ('processing', 'shipped', 'delivered')
  group by 1, 2, 3
  having sum(c.sign * c.quantity) <> 0 or sum(c.sign * c.amount) <> 0;
  if not found then
    return null;
  end if;
  for v_org in
    select distinct g.id
    from (select -1 as sign, b.* from before b) c
    join public.organizations g on g.id = c.org_id
  loop
    perform rowhouse.fold_sales(v_org, 64);
  end loop;
  return null;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.count_deleted_items() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.delete_items_first() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from public.organizations g where g.id = old.org_id) then
    delete from public.order_items i where i.org_id = old.org_id and i.order_id = old.id;
  end if;
  return old;
end
$$;

REVOKE ALL ON ROUTINE rowhouse.delete_items_first() FROM PUBLIC, anon, authenticated, service_role;

create or replace function public.get_dashboard_stats(p_org_id uuid) returns table (
  today date,
  month_orders bigint, month_revenue numeric, month_average numeric,
  same_days_orders bigint, same_days_revenue numeric, same_days_average numeric,
  last_month_orders bigint, last_month_revenue numeric, last_month_average numeric,
  all_orders bigint, pending_orders bigint, pending_total numeric,
  low_stock bigint, has_products boolean
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with dates as (
    select t.today, t.month, (t.month - interval '1 month')::date as last_month
    from (
      select (now() at time zone 'UTC')::date as today, date_trunc('month', now() at time zone 'UTC')::date as month
    ) t
  ), cells as (
    select s.day, s.status, s.orders, s.total
    from public.sales_daily s
    where s.org_id = p_org_id and s.day >= (select d.last_month from dates d)
    union all
    select s.day, s.status, s.orders, s.total
    from public.sales_daily_deltas s
    where s.org_id = p_org_id
  ), months as (
    select
      coalesce(sum(c.orders) filter (where c.day >= d.month), 0)::bigint as month_orders,
      coalesce(sum(c.total) filter (where c.day >= d.month), 0) as month_revenue,
      coalesce(sum(c.orders) filter (where c.day < d.month and c.day - d.last_month <= d.today - d.month), 0)::bigint
        as same_days_orders,
      coalesce(sum(c.total) filter (where c.day < d.month and c.day - d.last_month <= d.today - d.month), 0)
        as same_days_revenue,
      coalesce(sum(c.orders) filter (where c.day < d.month), 0)::bigint as last_month_orders,
      coalesce(sum(c.total) filter (where c.day < d.month), 0) as last_month_revenue
    from dates d
    left join cells c on c.day between d.last_month and d.today and c.status in ('processing', 'shipped', 'delivered')
    group by d.today
  ), totals as (
    select
      coalesce(sum(s.orders), 0)::bigint as all_orders,
      coalesce(sum(s.orders) filter (where s.status = 'pending'), 0)::bigint as pending_orders,
      coalesce(sum(s.total) filter (where s.status = 'pending'), 0) as pending_total
    from (
      select a.status, a.orders, a.total from public.sales_totals a where a.org_id = p_org_id
      union all
      select a.status, a.orders, a.total from public.sales_daily_deltas a where a.org_id = p_org_id
    ) s
  )
  select
    d.today,
    m.month_orders, m.month_revenue, round(m.month_revenue / nullif(m.month_orders, 0), 2),
    m.same_days_orders, m.same_days_revenue, round(m.same_days_revenue / nullif(m.same_days_orders, 0), 2),
    m.last_month_orders, m.last_month_revenue, round(m.last_month_revenue / nullif(m.last_month_orders, 0), 2),
    t.all_orders, t.pending_orders, t.pending_total,
    (
      select count(*) from (
        select from public.products p
        where p.org_id = p_org_id and p.stock <= 10 and p.is_active
        limit 1000
      ) p
    ),
    exists (select from public.products p where p.org_id = p_org_id)
  from dates d, months m, totals t
  where exists (select from public.organizations o where o.id = p_org_id)
$$;

REVOKE ALL ON ROUTINE public.get_dashboard_stats(uuid) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.get_dashboard_stats(uuid) TO authenticated, service_role;

create or replace function public.get_sales_analytics(p_org_id uuid, p_days integer) returns table (
  day date, orders bigint, revenue numeric, before_day date, before_orders bigint, before_revenue numeric
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_today date := (now() at time zone 'UTC')::date;
begin
  if p_days is null or p_days not in (7, 30, 90, 365) then
    raise exception 'p_days is one of 7, 30, 90 or 365' using errcode = '22023';
  end if;
  return query
  with cells as (
    select c.day, sum(c.orders)::bigint as orders, sum(c.total) as total
    from (
      select s.day, s.orders, s.total, s.status
      from public.sales_daily s
      where s.org_id = p_org_id and s.day > v_today - 2 * p_days and s.day <= v_today
      union all
      select s.day, s.orders, s.total, s.status from public.sales_daily_deltas s where s.org_id = p_org_id
    ) c
    where c.status in ('processing', 'shipped', 'delivered')
    group by c.day
  )
  select
    v_today - back, coalesce(n.orders, 0), coalesce(n.total, 0),
    v_today - back - p_days, coalesce(b.orders, 0), coalesce(b.total, 0)
  from generate_series(p_days - 1, 0, -1) as back
  left join cells n on n.day = v_today - back
  left join cells b on b.day = v_today - back - p_days
  where exists (select from public.organizations o where o.id = p_org_id)
  order by back desc;
end
$$;

REVOKE ALL ON ROUTINE public.get_sales_analytics(uuid, integer) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.get_sales_analytics(uuid, integer) TO authenticated, service_role;

create or replace function public.get_best_products(
  p_org_id uuid, p_month date, p_limit integer
) returns table (
  product_id uuid, name text, sku text, quantity bigint, revenue numeric
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with waiting as (
    select d.product_id, sum(d.quantity) as quantity, sum(d.revenue) as revenue
    from public.sales_products_deltas d
    where d.org_id = p_org_id and d.month = p_month
    group by d.product_id
  ), best as (
    select s.product_id, s.quantity, s.revenue
    from public.sales_products s
    where s.org_id = p_org_id and s.month = p_month
    order by s.revenue desc
    limit p_limit + (select count(*) from waiting)
  ), merged as (
    select b.product_id, b.quantity::numeric, b.revenue
    from best b
    where not exists (select from waiting w where w.product_id = b.product_id)
    union all
    select w.product_id, w.quantity + coalesce(s.quantity, 0), w.revenue + coalesce(s.revenue, 0)
    from waiting w
    left join public.sales_products s
      on s.org_id = p_org_id and s.month = p_month and s.product_id = w.product_id
  )
  select p.id, p.name, p.sku, m.quantity::bigint, m.revenue
  from merged m
  join public.products p on p.org_id = p_org_id and p.id = m.product_id
  where m.revenue > 0
  order by m.revenue desc, m.quantity desc, p.id
  limit p_limit
$$;

REVOKE ALL ON ROUTINE public.get_best_products(uuid, date, integer) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.get_best_products(uuid, date, integer) TO authenticated, service_role;

create or replace function public.get_order_counts(p_org_id uuid) returns table (
  status public.order_status, orders bigint, total numeric
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select k.status, coalesce(sum(s.orders), 0)::bigint, coalesce(sum(s.total), 0)
  from unnest(enum_range(null::public.order_status)) as k (status)
  left join (
    select a.status, a.orders, a.total from public.sales_totals a where a.org_id = p_org_id
    union all
    select a.status, a.orders, a.total from public.sales_daily_deltas a where a.org_id = p_org_id
  ) s on s.status = k.status
  where exists (select from public.organizations o where o.id = p_org_id)
  group by k.status
  order by k.status
$$;

REVOKE ALL ON ROUTINE public.get_order_counts(uuid) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.get_order_counts(uuid) TO authenticated, service_role;

create trigger orders_count_made after insert on public.orders
referencing new table as after
for each statement execute function rowhouse.count_made_orders();

create trigger orders_count_changed after update on public.orders
referencing old table as before new table as after
for each statement execute function rowhouse.count_changed_orders();

create trigger orders_count_deleted after delete on public.orders
referencing old table as before
for each statement execute function rowhouse.count_deleted_orders();

create trigger order_items_count_made after insert on public.order_items
referencing new table as after
for each statement execute function rowhouse.count_made_items();

create trigger order_items_count_changed after update on public.order_items
referencing old table as before new table as after
for each statement execute function rowhouse.count_changed_items();

create trigger order_items_count_deleted after delete on public.order_items
referencing old table as before
for each statement execute function rowhouse.count_deleted_items();

create trigger orders_delete_items_first before delete on public.orders
for each row execute function rowhouse.delete_items_first();

select rowhouse.rebuild_sales(o.id) from public.organizations o;

UPDATE rowhouse.alembic_version SET version_num='0005' WHERE rowhouse.alembic_version.version_num = '0004';
