-- Written by 'rowhouse migrations export' from migrations/versions/0003_orders.py. Change that, not this.

SET lock_timeout = '5s';

SET statement_timeout = '10min';

SET search_path = 'public';

-- Running upgrade 0002 -> 0003

ALTER TABLE products ADD CONSTRAINT products_price_is_a_number_check CHECK (price < 'NaN') NOT VALID;

create type public.order_status as enum ('pending', 'processing', 'shipped', 'delivered', 'cancelled');

create type public.order_event as enum ('placed', 'changed', 'processing', 'shipped', 'delivered', 'cancelled');

create type public.movement_reason as enum ('order', 'cancellation');

CREATE TABLE orders (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    number INTEGER NOT NULL, 
    request_key UUID DEFAULT gen_random_uuid() NOT NULL, 
    placed_by UUID DEFAULT rowhouse.user_id(), 
    customer TEXT DEFAULT '' NOT NULL, 
    reference TEXT DEFAULT '' NOT NULL, 
    deliver_to TEXT DEFAULT '' NOT NULL, 
    note TEXT DEFAULT '' NOT NULL, 
    status public.order_status DEFAULT 'pending' NOT NULL, 
    item_count INTEGER DEFAULT 0 NOT NULL, 
    subtotal NUMERIC(18, 2) DEFAULT 0 NOT NULL, 
    tax_rate NUMERIC(5, 4) DEFAULT 0 NOT NULL, 
    tax NUMERIC(18, 2) DEFAULT 0 NOT NULL, 
    total NUMERIC(18, 2) DEFAULT 0 NOT NULL, 
    placed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    customer_key TEXT COLLATE "C" GENERATED ALWAYS AS (lower(customer)) STORED NOT NULL, 
    reference_key TEXT COLLATE "C" GENERATED ALWAYS AS (lower(reference)) STORED NOT NULL, 
    CONSTRAINT orders_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT orders_number_check CHECK (number > 0), 
    CONSTRAINT orders_customer_check CHECK (length(customer) <= 200), 
    CONSTRAINT orders_reference_check CHECK (length(reference) <= 100), 
    CONSTRAINT orders_deliver_to_check CHECK (length(deliver_to) <= 500), 
    CONSTRAINT orders_note_check CHECK (length(note) <= 2000), 
    CONSTRAINT orders_item_count_check CHECK (item_count >= 0), 
    CONSTRAINT orders_total_check CHECK (subtotal >= 0 and tax >= 0 and total = subtotal + tax), 
    CONSTRAINT orders_tax_rate_check CHECK (tax_rate >= 0 and tax_rate < 1), 
    CONSTRAINT orders_placed_by_fkey FOREIGN KEY(placed_by) REFERENCES profiles (id) ON DELETE SET NULL, 
    CONSTRAINT orders_org_id_number_key UNIQUE (org_id, number), 
    CONSTRAINT orders_org_id_request_key_key UNIQUE (org_id, request_key), 
    CONSTRAINT orders_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX orders_org_id_placed_at_id_idx ON orders (org_id, placed_at, id);

CREATE INDEX orders_pending_idx ON orders (org_id, placed_at, id) WHERE status = 'pending'::public.order_status;

CREATE INDEX orders_processing_idx ON orders (org_id, placed_at, id) WHERE status = 'processing'::public.order_status;

CREATE INDEX orders_shipped_idx ON orders (org_id, placed_at, id) WHERE status = 'shipped'::public.order_status;

CREATE INDEX orders_delivered_idx ON orders (org_id, placed_at, id) WHERE status = 'delivered'::public.order_status;

CREATE INDEX orders_cancelled_idx ON orders (org_id, placed_at, id) WHERE status = 'cancelled'::public.order_status;

CREATE INDEX orders_org_id_customer_key_placed_at_idx ON orders (org_id, customer_key, placed_at);

CREATE INDEX orders_org_id_reference_key_placed_at_idx ON orders (org_id, reference_key, placed_at);

CREATE TABLE order_items (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    order_id UUID NOT NULL, 
    product_id UUID NOT NULL, 
    position INTEGER NOT NULL, 
    sku TEXT NOT NULL, 
    name TEXT NOT NULL, 
    quantity INTEGER NOT NULL, 
    unit_price NUMERIC(12, 2) NOT NULL, 
    amount NUMERIC(18, 2) GENERATED ALWAYS AS (quantity::numeric * unit_price) STORED NOT NULL, 
    CONSTRAINT order_items_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT order_items_position_check CHECK (position > 0), 
    CONSTRAINT order_items_quantity_check CHECK (quantity >= 1 and quantity <= 1000000), 
    CONSTRAINT order_items_unit_price_check CHECK (unit_price >= 0), 
    CONSTRAINT order_items_org_id_order_id_fkey FOREIGN KEY(org_id, order_id) REFERENCES orders (org_id, id) ON DELETE CASCADE, 
    CONSTRAINT order_items_org_id_product_id_fkey FOREIGN KEY(org_id, product_id) REFERENCES products (org_id, id) DEFERRABLE INITIALLY DEFERRED, 
    CONSTRAINT order_items_org_id_order_id_product_id_key UNIQUE (org_id, order_id, product_id), 
    CONSTRAINT order_items_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX order_items_org_id_product_id_idx ON order_items (org_id, product_id);

CREATE TABLE inventory_movements (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    product_id UUID NOT NULL, 
    order_id UUID, 
    delta INTEGER NOT NULL, 
    reason public.movement_reason NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT inventory_movements_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT inventory_movements_delta_check CHECK (delta <> 0), 
    CONSTRAINT inventory_movements_org_id_order_id_fkey FOREIGN KEY(org_id, order_id) REFERENCES orders (org_id, id) ON DELETE CASCADE, 
    CONSTRAINT inventory_movements_org_id_product_id_fkey FOREIGN KEY(org_id, product_id) REFERENCES products (org_id, id) DEFERRABLE INITIALLY DEFERRED, 
    CONSTRAINT inventory_movements_org_id_order_id_product_id_reason_key UNIQUE (org_id, order_id, product_id, reason), 
    CONSTRAINT inventory_movements_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX inventory_movements_org_id_product_id_created_at_id_idx ON inventory_movements (org_id, product_id, created_at, id);

CREATE TABLE order_events (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    order_id UUID NOT NULL, 
    event public.order_event NOT NULL, 
    actor UUID, 
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    CONSTRAINT order_events_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT order_events_org_id_order_id_fkey FOREIGN KEY(org_id, order_id) REFERENCES orders (org_id, id) ON DELETE CASCADE, 
    CONSTRAINT order_events_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX order_events_org_id_order_id_at_idx ON order_events (org_id, order_id, at);

REVOKE ALL ON TABLE public.orders FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.orders FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.order_items FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.order_items ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.order_items FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.inventory_movements FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.inventory_movements ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.inventory_movements FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.order_events FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.order_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.order_events FORCE ROW LEVEL SECURITY;

create or replace function rowhouse.tax_on(p_amount numeric, p_rate numeric, p_currency text) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select round(p_amount * p_rate, case
    when p_currency in (
      'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG',
      'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
    ) then 0 else 2
  end)
$$;

REVOKE ALL ON ROUTINE rowhouse.tax_on(numeric, numeric, text) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE rowhouse.tax_on(numeric, numeric, text) TO authenticated, service_role;

create or replace function rowhouse.number_order() returns trigger
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
$$;

REVOKE ALL ON ROUTINE rowhouse.number_order() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.note_order_change(p_org_id uuid, p_order_id uuid) returns void
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
$$;

REVOKE ALL ON ROUTINE rowhouse.note_order_change(uuid, uuid) FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.record_order_event() returns trigger
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
$$;

REVOKE ALL ON ROUTINE rowhouse.record_order_event() FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.refuse_order(p_org_id uuid, p_order_id uuid, p_reason text) returns void
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
$$;

REVOKE ALL ON ROUTINE rowhouse.refuse_order(uuid, uuid, text) FROM PUBLIC, anon, authenticated, service_role;

create or replace function rowhouse.lock_order(p_org_id uuid, p_order_id uuid) returns public.orders
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
$$;

REVOKE ALL ON ROUTINE rowhouse.lock_order(uuid, uuid) FROM PUBLIC, anon, authenticated, service_role;

create or replace function public.calculate_order_total(p_org_id uuid, p_order_id uuid)
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
$$;

REVOKE ALL ON ROUTINE public.calculate_order_total(uuid, uuid) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.calculate_order_total(uuid, uuid) TO authenticated, service_role;

create or replace function public.set_order_items(p_org_id uuid, p_order_id uuid, p_items jsonb) returns void
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
$$;

REVOKE ALL ON ROUTINE public.set_order_items(uuid, uuid, jsonb) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.set_order_items(uuid, uuid, jsonb) TO authenticated, service_role;

create or replace function public.update_inventory_for_order(p_org_id uuid, p_order_id uuid) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order public.orders := rowhouse.lock_order(p_org_id, p_order_id);
  v_short jsonb;
  v_taken integer;
begin
  if v_order.status <> 'processing' or exists (
    select from public.inventory_movements m where m.org_id = p_org_id and m.order_id = p_order_id
  ) then
    perform rowhouse.refuse_order(p_org_id, p_order_id, 'orders_status');
  end if;
  perform from public.products p
  where p.org_id = p_org_id and p.id in (
    select i.product_id from public.order_items i where i.org_id = p_org_id and i.order_id = p_order_id
  )
  order by p.id
  for no key update;
  -- A statement of its own, so that it sees what the locks were waited for.
  select jsonb_agg(
    jsonb_build_object(
      'product_id', p.id, 'sku', p.sku, 'name', p.name, 'wanted', i.quantity, 'available', p.stock
    )
    order by i.position
  )
  into v_short
  from public.order_items i
  join public.products p on p.org_id = i.org_id and p.id = i.product_id
  where i.org_id = p_org_id and i.order_id = p_order_id and p.stock < i.quantity;
  if v_short is not null then
    raise exception 'there is not enough in stock'
      using errcode = 'P0001', constraint = 'products_stock', detail = v_short::text;
  end if;
  update public.products p set stock = p.stock - i.quantity
  from public.order_items i
  where i.org_id = p_org_id and i.order_id = p_order_id and p.org_id = p_org_id and p.id = i.product_id;
  insert into public.inventory_movements (org_id, product_id, order_id, delta, reason)
  select p_org_id, i.product_id, p_order_id, -i.quantity, 'order'
  from public.order_items i
  where i.org_id = p_org_id and i.order_id = p_order_id
  order by i.product_id;
  get diagnostics v_taken = row_count;
  return v_taken;
end
$$;

REVOKE ALL ON ROUTINE public.update_inventory_for_order(uuid, uuid) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.update_inventory_for_order(uuid, uuid) TO authenticated, service_role;

create or replace function public.set_order_status(
  p_org_id uuid, p_order_id uuid, p_status public.order_status
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order public.orders := rowhouse.lock_order(p_org_id, p_order_id);
  v_admin boolean := coalesce(p_org_id = any (rowhouse.admin_orgs()), false);
  v_follows boolean;
  v_total record;
begin
  if not v_admin and p_status not in ('processing', 'cancelled') then
    raise exception 'not allowed' using errcode = '42501';
  end if;
  v_follows := case p_status
    when 'processing' then v_order.status = 'pending'
    when 'shipped' then v_order.status = 'processing'
    when 'delivered' then v_order.status = 'shipped'
    when 'cancelled' then v_order.status = 'pending' or (v_admin and v_order.status = 'processing')
    else false
  end;
  if not v_follows then
    perform rowhouse.refuse_order(p_org_id, p_order_id, 'orders_status');
  end if;

  if p_status = 'processing' then
    select t.* into v_total from public.calculate_order_total(p_org_id, p_order_id) t;
    if v_total.item_count = 0 then
      raise exception 'an order needs an item' using errcode = 'P0001', constraint = 'orders_empty';
    end if;
    update public.orders o
    set status = p_status, item_count = v_total.item_count, subtotal = v_total.subtotal, tax_rate = v_total.tax_rate,
      tax = v_total.tax, total = v_total.total
    where o.org_id = p_org_id and o.id = p_order_id;
    perform public.update_inventory_for_order(p_org_id, p_order_id);
    return;
  end if;

  update public.orders o set status = p_status where o.org_id = p_org_id and o.id = p_order_id;
  if p_status = 'cancelled' and v_order.status = 'processing' then
    perform from public.products p
    where p.org_id = p_org_id and p.id in (
      select m.product_id from public.inventory_movements m where m.org_id = p_org_id and m.order_id = p_order_id
    )
    order by p.id
    for no key update;
    update public.products p set stock = p.stock - m.delta
    from public.inventory_movements m
    where m.org_id = p_org_id and m.order_id = p_order_id and m.reason = 'order'
      and p.org_id = p_org_id and p.id = m.product_id;
    insert into public.inventory_movements (org_id, product_id, order_id, delta, reason)
    select p_org_id, m.product_id, p_order_id, -m.delta, 'cancellation'
    from public.inventory_movements m
    where m.org_id = p_org_id and m.order_id = p_order_id and m.reason = 'order'
    order by m.product_id;
  end if;
end
$$;

REVOKE ALL ON ROUTINE public.set_order_status(uuid, uuid, public.order_status) FROM PUBLIC, anon, authenticated, service_role;

GRANT EXECUTE ON ROUTINE public.set_order_status(uuid, uuid, public.order_status) TO authenticated, service_role;

CREATE POLICY orders_read ON public.orders
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

CREATE POLICY orders_place ON public.orders
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and placed_by = (select rowhouse.user_id()));

CREATE POLICY orders_change ON public.orders
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING (org_id = any ((select rowhouse.admin_orgs())::uuid[]) or (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and placed_by = (select rowhouse.user_id()) and status = 'pending'))
  WITH CHECK (org_id = any ((select rowhouse.admin_orgs())::uuid[]) or (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and placed_by = (select rowhouse.user_id()) and status = 'pending'));

CREATE POLICY order_items_read ON public.order_items
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

CREATE POLICY inventory_movements_read ON public.inventory_movements
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

CREATE POLICY order_events_read ON public.order_events
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.member_orgs())::uuid[]));

GRANT SELECT ON TABLE public.orders TO authenticated;

GRANT INSERT (org_id, id, request_key, customer, reference, deliver_to, note) ON TABLE public.orders TO authenticated;

GRANT UPDATE (customer, reference, deliver_to, note) ON TABLE public.orders TO authenticated;

GRANT SELECT ON TABLE public.orders TO service_role;

GRANT SELECT ON TABLE public.order_items TO authenticated;

GRANT SELECT ON TABLE public.order_items TO service_role;

GRANT SELECT ON TABLE public.inventory_movements TO authenticated;

GRANT SELECT ON TABLE public.inventory_movements TO service_role;

GRANT SELECT ON TABLE public.order_events TO authenticated;

GRANT SELECT ON TABLE public.order_events TO service_role;

create trigger orders_touch before update on public.orders
for each row execute function rowhouse.touch();

create trigger orders_number before insert on public.orders
for each row when (new.number is null) execute function rowhouse.number_order();

create trigger orders_event
after insert or update of status, customer, reference, deliver_to, note on public.orders
for each row execute function rowhouse.record_order_event();

UPDATE rowhouse.alembic_version SET version_num='0003' WHERE rowhouse.alembic_version.version_num = '0002';
