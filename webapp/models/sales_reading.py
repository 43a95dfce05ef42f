"""What the dashboard and the tabs of the orders' list ask: sums of rollups and of what is not folded into them yet.

Each runs with the rights of who asks, so the policies decide: for an organisation that is hidden from them it returns
no row. Days and months are those of UTC, since an organisation has no time zone.
"""

from __future__ import annotations

from typing import Final

from webapp.models.products import LOW_STOCK
from webapp.models.sales_counting import SOLD, filled
from webapp.rls.policy import Function

LOW_STOCK_COUNTED: Final = 1000  # products low on stock are counted up to here
PERIODS: Final = (7, 30, 90, 365)  # days

_PEOPLE: Final = ("authenticated", "service_role")

# One scan of the two months for the nine figures of them. The last month's same days end with the month where it is
# the shorter one.
GET_DASHBOARD_STATS = Function(
    "public.get_dashboard_stats(uuid)",
    filled(
        """create or replace function public.get_dashboard_stats(p_org_id uuid) returns table (
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
    left join cells c on c.day between d.last_month and d.today and c.status in {sold}
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
        where p.org_id = p_org_id and p.stock <= {low_stock} and p.is_active
        limit {low_stock_counted}
      ) p
    ),
    exists (select from public.products p where p.org_id = p_org_id)
  from dates d, months m, totals t
  where exists (select from public.organizations o where o.id = p_org_id)
$$""",
        sold=SOLD,
        low_stock=LOW_STOCK,
        low_stock_counted=LOW_STOCK_COUNTED,
    ),
    _PEOPLE,
)

# The day that stands before each is the one that many days earlier, so that the two spans can be drawn as one.
GET_SALES_ANALYTICS = Function(
    "public.get_sales_analytics(uuid, integer)",
    filled(
        """create or replace function public.get_sales_analytics(p_org_id uuid, p_days integer) returns table (
  day date, orders bigint, revenue numeric, before_day date, before_orders bigint, before_revenue numeric
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_today date := (now() at time zone 'UTC')::date;
begin
  if p_days is null or p_days not in ({periods}) then
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
    where c.status in {sold}
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
$$""",
        sold=SOLD,
        periods=", ".join(map(str, PERIODS)),
    ),
    _PEOPLE,
)

# A product that nothing is waiting for stands in the rollup as it is, so the best of those are among as many more as
# there are products waiting; these are looked up one by one.
GET_BEST_PRODUCTS = Function(
    "public.get_best_products(uuid, date, integer)",
    """create or replace function public.get_best_products(
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
$$""",
    _PEOPLE,
)

GET_ORDER_COUNTS = Function(
    "public.get_order_counts(uuid)",
    """create or replace function public.get_order_counts(p_org_id uuid) returns table (
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
$$""",
    _PEOPLE,
)

READING_FUNCTIONS: tuple[Function, ...] = (
    GET_DASHBOARD_STATS,
    GET_SALES_ANALYTICS,
    GET_BEST_PRODUCTS,
    GET_ORDER_COUNTS,
)
