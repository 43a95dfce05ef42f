"""The database functions that bring an order to its end, and the stock that they take and give back.

Each is one step that happens whole or not at all, and locks the order before its products, and products in the order of
their ids: the second of two people waits, and then sees what the first one did.
"""

from __future__ import annotations

from webapp.rls.policy import Function

_PEOPLE = ("authenticated", "service_role")

UPDATE_INVENTORY = Function(
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
    _PEOPLE,
)

SET_ORDER_STATUS = Function(
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
    _PEOPLE,
)

PROCESSING_FUNCTIONS: tuple[Function, ...] = (UPDATE_INVENTORY, SET_ORDER_STATUS)
