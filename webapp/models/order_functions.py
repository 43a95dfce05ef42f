"""The database functions that make an order: how it is numbered, composed and priced, and what is noted of it.

Items, totals and statuses are written by functions alone (``webapp.models.order_processing`` has the others). They are
SECURITY DEFINER and check the caller first. A refusal (SQLSTATE P0001) names its reason as a constraint, and gives as
JSON in DETAIL what a page needs to explain it.
"""

from __future__ import annotations

from typing import Final

from webapp.rls.policy import Function, Trigger

_PEOPLE = ("authenticated", "service_role")
MOST_ITEMS: Final = 1_000  # of one order; set_order_items says so in SQL
MOST_OF_ONE: Final = 1_000_000  # pieces of one product in one order; likewise
# ISO 4217: the currencies whose smallest unit is the whole one. Those with three decimals are kept with two.
WHOLE_CURRENCIES: Final = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
)  # fmt: skip

_WHOLE = ",\n      ".join(
    ", ".join(f"'{code}'" for code in codes) for codes in (WHOLE_CURRENCIES[:9], WHOLE_CURRENCIES[9:])
)

TAX_ON = Function(
    "rowhouse.tax_on(numeric, numeric, text)",
    f"""create or replace function rowhouse.tax_on(p_amount numeric, p_rate numeric, p_currency text) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select round(p_amount * p_rate, case
    when p_currency in (
      {_WHOLE}
    ) then 0 else 2
  end)
$$""",
    _PEOPLE,
)

# Nobody waits for a number: whoever finds one held by a transaction that is still open takes the next one. A lock is
# freed after its transaction's rows can be seen, so a number that was got may be taken all the same, and is looked for
# by a new query. Under the caller's own policies a stranger sees no order, and learns nothing of how many there are.
NUMBER_ORDER = Function(
    "rowhouse.number_order()",
    """create or replace function rowhouse.number_order() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key integer := hashtext('order' || new.org_id);
  v_number integer;
begin
  loop
    select coalesce(max(o.number), 1000) + 1 into v_number from public.orders o where o.org_id = new.org_id;
    while not pg_try_advisory_xact_lock(v_key, v_number) loop
      v_number := v_number + 1;
    end loop;
    exit when not exists (select from public.orders o where o.org_id = new.org_id and o.number = v_number);
  end loop;
  -- Each number holds a lock until the end, of which a server has a few thousand for everybody. Looked at now and then:
  -- the view of locks is not free.
  if v_number % 100 = 0 and 1000 < (
    select count(*) from pg_catalog.pg_locks l where l.locktype = 'advisory' and l.pid = pg_backend_pid()
  ) then
    raise exception 'too many orders at once' using errcode = 'P0001', constraint = 'orders_at_once';
  end if;
  new.number := v_number;
  return new;
end
$$""",
)

# Details and items that one person changes together are one event.
NOTE_ORDER_CHANGE = Function(
    "rowhouse.note_order_change(uuid, uuid)",
    """create or replace function rowhouse.note_order_change(p_org_id uuid, p_order_id uuid) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into public.order_events (org_id, order_id, event, actor, at)
  select p_org_id, p_order_id, 'changed', auth.uid(), clock_timestamp()
  where not exists (
    select from public.order_events e
    where e.org_id = p_org_id and e.order_id = p_order_id and e.at >= transaction_timestamp()
      and e.event = 'changed' and e.actor is not distinct from auth.uid()
  )
$$""",
)

RECORD_ORDER_EVENT = Function(
    "rowhouse.record_order_event()",
    """create or replace function rowhouse.record_order_event() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    insert into public.order_events (org_id, order_id, event, actor, at)
    values (new.org_id, new.id, 'placed', auth.uid(), new.placed_at);
  elsif new.status is distinct from old.status then
    insert into public.order_events (org_id, order_id, event, actor, at)
    values (
      new.org_id, new.id, case new.status when 'pending' then 'changed' else new.status::text end::public.order_event,
      auth.uid(), clock_timestamp()
    );
  elsif (new.customer, new.reference, new.deliver_to, new.note)
    is distinct from (old.customer, old.reference, old.deliver_to, old.note)
  then
    perform rowhouse.note_order_change(new.org_id, new.id);
  end if;
  return null;
end
$$""",
)

REFUSE_ORDER = Function(
    "rowhouse.refuse_order(uuid, uuid, text)",
    """create or replace function rowhouse.refuse_order(p_org_id uuid, p_order_id uuid, p_reason text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_detail jsonb;
begin
  select jsonb_build_object('status', o.status, 'event_at', e.at, 'event_by', e.actor) into v_detail
  from public.orders o
  left join lateral (
    select e.at, e.actor from public.order_events e
    where e.org_id = o.org_id and e.order_id = o.id and e.event <> 'changed'
    order by e.at desc, e.id desc
    limit 1
  ) e on true
  where o.org_id = p_org_id and o.id = p_order_id;
  raise exception 'the order is in another state'
    using errcode = 'P0001', constraint = p_reason, detail = v_detail::text;
end
$$""",
)

LOCK_ORDER = Function(
    "rowhouse.lock_order(uuid, uuid)",
    """create or replace function rowhouse.lock_order(p_org_id uuid, p_order_id uuid) returns public.orders
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order public.orders;
begin
  if (p_org_id = any (rowhouse.writer_orgs())) is not true then
    raise exception 'not allowed' using errcode = '42501';
  end if;
  select o.* into v_order from public.orders o where o.org_id = p_org_id and o.id = p_order_id for no key update;
  if not found then
    raise exception 'there is no such order' using errcode = 'P0001', constraint = 'orders_missing';
  end if;
  if v_order.placed_by is distinct from rowhouse.user_id() and (p_org_id = any (rowhouse.admin_orgs())) is not true
  then
    raise exception 'not allowed' using errcode = '42501';
  end if;
  return v_order;
end
$$""",
)

# What an order costs that is still pending is a matter of today's rate; later ones keep the rate that they were
# processed with.
CALCULATE_ORDER_TOTAL = Function(
    "public.calculate_order_total(uuid, uuid)",
    """create or replace function public.calculate_order_total(p_org_id uuid, p_order_id uuid)
returns table (item_count bigint, subtotal numeric, tax_rate numeric, tax numeric, total numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.item_count, s.subtotal, s.tax_rate, t.tax, s.subtotal + t.tax
  from (
    select coalesce(sum(i.quantity), 0) as item_count, coalesce(sum(i.amount), 0) as subtotal,
      case o.status when 'pending' then g.tax_rate else o.tax_rate end as tax_rate, g.currency::text as currency
    from public.orders o
    join public.organizations g on g.id = o.org_id
    left join public.order_items i on i.org_id = o.org_id and i.order_id = o.id
    where o.org_id = p_org_id and o.id = p_order_id
    group by o.org_id, o.id, g.id
  ) s
  cross join lateral (select rowhouse.tax_on(s.subtotal, s.tax_rate, s.currency)) t (tax)
$$""",
    _PEOPLE,
)

SET_ORDER_ITEMS = Function(
    "public.set_order_items(uuid, uuid, jsonb)",
    """create or replace function public.set_order_items(p_org_id uuid, p_order_id uuid, p_items jsonb) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order public.orders := rowhouse.lock_order(p_org_id, p_order_id);
  v_products uuid[];
  v_quantities numeric[];
  v_wrong jsonb;
  v_before jsonb;
  v_after jsonb;
  v_removed bigint;
  v_written bigint;
  v_total record;
begin
  if v_order.status <> 'pending' then
    perform rowhouse.refuse_order(p_org_id, p_order_id, 'orders_not_pending');
  end if;
  -- A product that is named twice is one item with both quantities, where it was named first.
  select array_agg(w.product_id order by w.place), array_agg(w.quantity order by w.place),
    jsonb_agg(w.product_id order by w.place) filter (where not (w.each_is_valid and w.quantity <= 1000000))
  into v_products, v_quantities, v_wrong
  from (
    select e.product_id, sum(e.quantity) as quantity, min(e.place) as place,
      bool_and(coalesce(e.quantity between 1 and 1000000 and e.quantity = trunc(e.quantity), false))
        as each_is_valid
    from (
      select (given.item ->> 'product_id')::uuid, (given.item ->> 'quantity')::numeric, given.place
      from jsonb_array_elements(p_items) with ordinality given (item, place)
    ) e (product_id, quantity, place)
    group by e.product_id
  ) w;
  if v_products is null then
    raise exception 'an order needs an item' using errcode = 'P0001', constraint = 'orders_empty';
  end if;
  if cardinality(v_products) > 1000 then
    raise exception 'an order has at most 1000 items' using errcode = 'P0001', constraint = 'order_items_count';
  end if;
  if v_wrong is not null then
    raise exception 'a quantity is a whole number from 1 to 1000000'
      using errcode = 'P0001', constraint = 'order_items_quantity', detail = v_wrong::text;
  end if;
  select jsonb_agg(w.product_id order by w.place) into v_wrong
  from unnest(v_products) with ordinality w (product_id, place)
  left join public.products p on p.org_id = p_org_id and p.id = w.product_id
  left join public.order_items i
    on i.org_id = p_org_id and i.order_id = p_order_id and i.product_id = w.product_id
  where p.id is null or not (p.is_active or i.id is not null);
  if v_wrong is not null then
    raise exception 'no such product is for sale'
      using errcode = 'P0001', constraint = 'order_items_product', detail = v_wrong::text;
  end if;

  select jsonb_agg(jsonb_build_array(i.product_id, i.quantity, i.unit_price) order by i.product_id) into v_before
  from public.order_items i where i.org_id = p_org_id and i.order_id = p_order_id;
  delete from public.order_items i
  where i.org_id = p_org_id and i.order_id = p_order_id and i.product_id <> all (v_products);
  get diagnostics v_removed = row_count;
  insert into public.order_items as i
    (org_id, order_id, product_id, position, sku, name, quantity, unit_price)
  select p_org_id, p_order_id, p.id, w.place, p.sku, p.name, w.quantity, p.price
  from unnest(v_products, v_quantities) with ordinality w (product_id, quantity, place)
  join public.products p on p.org_id = p_org_id and p.id = w.product_id
  order by w.place
  on conflict (org_id, order_id, product_id) do update set
    position = excluded.position, sku = excluded.sku, name = excluded.name, quantity = excluded.quantity,
    unit_price = excluded.unit_price
  where (i.position, i.sku, i.name, i.quantity, i.unit_price)
    is distinct from (excluded.position, excluded.sku, excluded.name, excluded.quantity, excluded.unit_price);
  get diagnostics v_written = row_count;
  select jsonb_agg(jsonb_build_array(i.product_id, i.quantity, i.unit_price) order by i.product_id) into v_after
  from public.order_items i where i.org_id = p_org_id and i.order_id = p_order_id;

  select t.* into v_total from public.calculate_order_total(p_org_id, p_order_id) t;
  if v_total.total >= 1e16 then
    raise exception 'the total has too many digits' using errcode = 'P0001', constraint = 'orders_total';
  end if;
  update public.orders o
  set item_count = v_total.item_count, subtotal = v_total.subtotal, tax_rate = v_total.tax_rate, tax = v_total.tax,
    total = v_total.total
  where o.org_id = p_org_id and o.id = p_order_id
    and (v_removed + v_written > 0 or (o.tax_rate, o.total) is distinct from (v_total.tax_rate, v_total.total));
  if v_before <> v_after then
    perform rowhouse.note_order_change(p_org_id, p_order_id);
  end if;
end
$$""",
    _PEOPLE,
)

ORDER_FUNCTIONS: tuple[Function, ...] = (
    TAX_ON,
    NUMBER_ORDER,
    NOTE_ORDER_CHANGE,
    RECORD_ORDER_EVENT,
    REFUSE_ORDER,
    LOCK_ORDER,
    CALCULATE_ORDER_TOTAL,
    SET_ORDER_ITEMS,
)

ORDER_TRIGGERS: tuple[Trigger, ...] = (
    Trigger(
        "orders_touch",
        "public.orders",
        """create trigger orders_touch before update on public.orders
for each row execute function rowhouse.touch()""",
    ),
    Trigger(
        "orders_number",
        "public.orders",
        """create trigger orders_number before insert on public.orders
for each row when (new.number is null) execute function rowhouse.number_order()""",
    ),
    Trigger(
        "orders_event",
        "public.orders",
        """create trigger orders_event
after insert or update of status, customer, reference, deliver_to, note on public.orders
for each row execute function rowhouse.record_order_event()""",
    ),
)
