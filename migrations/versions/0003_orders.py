"""Orders, their items, the movements of stock, and the functions that keep them true.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 04:00:00+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from webapp.rls.policy import Function, Grant, Policy, Trigger

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

NOW = sa.text("now()")
UUID_V7 = sa.text("rowhouse.uuid_v7()")
STAMP = sa.TIMESTAMP(timezone=True)
EMPTY = sa.text("''")
ZERO = sa.text("0")
MONEY = sa.Numeric(18, 2)
TYPES = (
    ("order_status", ("pending", "processing", "shipped", "delivered", "cancelled")),
    ("order_event", ("placed", "changed", "processing", "shipped", "delivered", "cancelled")),
    ("movement_reason", ("order", "cancellation")),
)
STATUS, EVENT, REASON = (
    postgresql.ENUM(*values, name=name, schema="public", create_type=False) for name, values in TYPES
)

FUNCTIONS = (
    Function(
        "rowhouse.tax_on(numeric, numeric, text)",
        """create or replace function rowhouse.tax_on(p_amount numeric, p_rate numeric, p_currency text) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select round(p_amount * p_rate, case
    when p_currency in (
      'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG',
      'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
    ) then 0 else 2
  end)
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
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
        (),
    ),
    Function(
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
        (),
    ),
    Function(
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
        (),
    ),
    Function(
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
        (),
    ),
    Function(
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
        (),
    ),
    Function(
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
        ("authenticated", "service_role"),
    ),
    Function(
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
        ("authenticated", "service_role"),
    ),
    Function(
        "public.update_inventory_for_order(uuid, uuid)",
        """create or replace function public.update_inventory_for_order(p_org_id uuid, p_order_id uuid) returns integer
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
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "public.set_order_status(uuid, uuid, public.order_status)",
        """create or replace function public.set_order_status(
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
$$""",
        ("authenticated", "service_role"),
    ),
)

TRIGGERS = (
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

MAY_READ = "org_id = any ((select rowhouse.member_orgs())::uuid[])"
MAY_PLACE = "org_id = any ((select rowhouse.writer_orgs())::uuid[]) and placed_by = (select rowhouse.user_id())"
MAY_CHANGE = f"org_id = any ((select rowhouse.admin_orgs())::uuid[]) or ({MAY_PLACE} and status = 'pending')"
POLICIES = (
    ("orders", Policy("orders_read", "select", ("authenticated",), using=MAY_READ)),
    ("orders", Policy("orders_place", "insert", ("authenticated",), check=MAY_PLACE)),
    ("orders", Policy("orders_change", "update", ("authenticated",), using=MAY_CHANGE, check=MAY_CHANGE)),
    ("order_items", Policy("order_items_read", "select", ("authenticated",), using=MAY_READ)),
    ("inventory_movements", Policy("inventory_movements_read", "select", ("authenticated",), using=MAY_READ)),
    ("order_events", Policy("order_events_read", "select", ("authenticated",), using=MAY_READ)),
)

GRANTS = (
    ("orders", Grant("authenticated", ("select",))),
    (
        "orders",
        Grant(
            "authenticated",
            ("insert",),
            ("org_id", "id", "request_key", "customer", "reference", "deliver_to", "note"),
        ),
    ),
    ("orders", Grant("authenticated", ("update",), ("customer", "reference", "deliver_to", "note"))),
    ("orders", Grant("service_role", ("select",))),
    ("order_items", Grant("authenticated", ("select",))),
    ("order_items", Grant("service_role", ("select",))),
    ("inventory_movements", Grant("authenticated", ("select",))),
    ("inventory_movements", Grant("service_role", ("select",))),
    ("order_events", Grant("authenticated", ("select",))),
    ("order_events", Grant("service_role", ("select",))),
)
TABLES = ("orders", "order_items", "inventory_movements", "order_events")


def key_of_tenant(table: str) -> tuple[sa.ForeignKeyConstraint, sa.PrimaryKeyConstraint]:
    """Return what every table of a tenant has: the organisation that takes it along, and its key."""
    return (
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f(f"{table}_org_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f(f"{table}_pkey")),
    )


def of_order(table: str) -> sa.ForeignKeyConstraint:
    """Return the key to the order that the row goes with."""
    return sa.ForeignKeyConstraint(
        ["org_id", "order_id"],
        ["orders.org_id", "orders.id"],
        name=op.f(f"{table}_org_id_order_id_fkey"),
        ondelete="CASCADE",
    )


def of_product(table: str) -> sa.ForeignKeyConstraint:
    """Return the key to a product, asked at the end, so that an organisation can be deleted in whatever order."""
    return sa.ForeignKeyConstraint(
        ["org_id", "product_id"],
        ["products.org_id", "products.id"],
        name=op.f(f"{table}_org_id_product_id_fkey"),
        deferrable=True,
        initially="DEFERRED",
    )


def upgrade() -> None:
    # NaN is greater than any number, so a price that must not be below zero could be none. The next revision validates
    # this: in the same transaction readers would wait for it.
    op.create_check_constraint(
        op.f("products_price_is_a_number_check"), "products", "price < 'NaN'", postgresql_not_valid=True
    )
    for name, values in TYPES:
        op.run_sql(f"create type public.{name} as enum ({', '.join(repr(value) for value in values)})")
    op.create_table(
        "orders",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("request_key", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("placed_by", sa.Uuid(), server_default=sa.text("rowhouse.user_id()"), nullable=True),
        sa.Column("customer", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("reference", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("deliver_to", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("note", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("status", STATUS, server_default=sa.text("'pending'"), nullable=False),
        sa.Column("item_count", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("subtotal", MONEY, server_default=ZERO, nullable=False),
        sa.Column("tax_rate", sa.Numeric(5, 4), server_default=ZERO, nullable=False),
        sa.Column("tax", MONEY, server_default=ZERO, nullable=False),
        sa.Column("total", MONEY, server_default=ZERO, nullable=False),
        sa.Column("placed_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("updated_at", STAMP, server_default=NOW, nullable=False),
        sa.Column(
            "customer_key", sa.Text(collation="C"), sa.Computed("lower(customer)", persisted=True), nullable=False
        ),
        sa.Column(
            "reference_key", sa.Text(collation="C"), sa.Computed("lower(reference)", persisted=True), nullable=False
        ),
        sa.CheckConstraint("number > 0", name=op.f("orders_number_check")),
        sa.CheckConstraint("length(customer) <= 200", name=op.f("orders_customer_check")),
        sa.CheckConstraint("length(reference) <= 100", name=op.f("orders_reference_check")),
        sa.CheckConstraint("length(deliver_to) <= 500", name=op.f("orders_deliver_to_check")),
        sa.CheckConstraint("length(note) <= 2000", name=op.f("orders_note_check")),
        sa.CheckConstraint("item_count >= 0", name=op.f("orders_item_count_check")),
        sa.CheckConstraint("subtotal >= 0 and tax >= 0 and total = subtotal + tax", name=op.f("orders_total_check")),
        sa.CheckConstraint("tax_rate >= 0 and tax_rate < 1", name=op.f("orders_tax_rate_check")),
        sa.ForeignKeyConstraint(
            ["placed_by"], ["profiles.id"], name=op.f("orders_placed_by_fkey"), ondelete="SET NULL"
        ),
        sa.UniqueConstraint("org_id", "number", name=op.f("orders_org_id_number_key")),
        sa.UniqueConstraint("org_id", "request_key", name=op.f("orders_org_id_request_key_key")),
        *key_of_tenant("orders"),
    )
    op.create_index(op.f("orders_org_id_placed_at_id_idx"), "orders", ["org_id", "placed_at", "id"])
    for status in TYPES[0][1]:
        op.create_index(
            f"orders_{status}_idx",
            "orders",
            ["org_id", "placed_at", "id"],
            postgresql_where=sa.text(f"status = '{status}'::public.order_status"),
        )
    op.create_index(op.f("orders_org_id_customer_key_placed_at_idx"), "orders", ["org_id", "customer_key", "placed_at"])
    op.create_index(
        op.f("orders_org_id_reference_key_placed_at_idx"), "orders", ["org_id", "reference_key", "placed_at"]
    )
    op.create_table(
        "order_items",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(12, 2), nullable=False),
        sa.Column("amount", MONEY, sa.Computed("quantity::numeric * unit_price", persisted=True), nullable=False),
        sa.CheckConstraint("position > 0", name=op.f("order_items_position_check")),
        sa.CheckConstraint("quantity >= 1 and quantity <= 1000000", name=op.f("order_items_quantity_check")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("order_items_unit_price_check")),
        of_order("order_items"),
        of_product("order_items"),
        sa.UniqueConstraint(
            "org_id", "order_id", "product_id", name=op.f("order_items_org_id_order_id_product_id_key")
        ),
        *key_of_tenant("order_items"),
    )
    op.create_index(op.f("order_items_org_id_product_id_idx"), "order_items", ["org_id", "product_id"])
    op.create_table(
        "inventory_movements",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("reason", REASON, nullable=False),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.CheckConstraint("delta <> 0", name=op.f("inventory_movements_delta_check")),
        of_order("inventory_movements"),
        of_product("inventory_movements"),
        sa.UniqueConstraint(
            "org_id",
            "order_id",
            "product_id",
            "reason",
            name=op.f("inventory_movements_org_id_order_id_product_id_reason_key"),
        ),
        *key_of_tenant("inventory_movements"),
    )
    op.create_index(
        op.f("inventory_movements_org_id_product_id_created_at_id_idx"),
        "inventory_movements",
        ["org_id", "product_id", "created_at", "id"],
    )
    op.create_table(
        "order_events",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("event", EVENT, nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("at", STAMP, server_default=sa.text("clock_timestamp()"), nullable=False),
        of_order("order_events"),
        *key_of_tenant("order_events"),
    )
    op.create_index(op.f("order_events_org_id_order_id_at_idx"), "order_events", ["org_id", "order_id", "at"])

    for table in TABLES:
        op.revoke_all(table)
        op.enable_row_security(table)
    for function in FUNCTIONS:
        op.create_function(function)
    for table, policy in POLICIES:
        op.create_policy(table, policy)
    for table, grant in GRANTS:
        op.grant(table, grant)
    for trigger in TRIGGERS:
        op.create_trigger(trigger)


def downgrade() -> None:
    for trigger in reversed(TRIGGERS):
        op.drop_trigger(trigger)
    for table, policy in reversed(POLICIES):
        op.drop_policy(table, policy)
    for function in reversed(FUNCTIONS):
        op.drop_function(function)
    for table in reversed(TABLES):
        op.drop_table(table)
    for name, _ in reversed(TYPES):
        op.run_sql(f"drop type public.{name}")
    op.drop_constraint(op.f("products_price_is_a_number_check"), "products")
