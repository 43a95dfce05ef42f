"""Write a year of trade into the tables, and the last weeks of it into the audit trail.

The triggers that would write the trail and the figures are off meanwhile: they would say that everything happened
just now, and that nobody did it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql

from webapp.models import Base
from webapp.models.audited import Audited, audited
from webapp.ops.demo.trade import Order

TRAIL: Final = timedelta(days=60)
_QUIET: Final = ("organizations", "memberships", "products", "orders", "order_items", "inventory_movements")
_TAKES_STOCK: Final = frozenset({"processing", "shipped", "delivered"})


@contextmanager
def triggers_off(connection: psycopg.Connection) -> Iterator[None]:
    """Switch off the triggers of the tables of trade, foreign keys excepted, until the block ends."""
    for table in _QUIET:
        connection.execute(sql.SQL("alter table public.{} disable trigger user").format(sql.Identifier(table)))
    yield
    connection.execute("set constraints all immediate")  # no table can be altered while checks of it wait for the end
    for table in _QUIET:
        connection.execute(sql.SQL("alter table public.{} enable trigger user").format(sql.Identifier(table)))


def write_orders(connection: psycopg.Connection, org_id: UUID, orders: Sequence[Order]) -> None:
    """Write ``orders`` with their items, what happened to them and the stock that they took."""
    _copy(connection, "orders", [_order(org_id, order) for order in orders])
    _copy(connection, "order_items", [item for order in orders for item in _items(org_id, order)])
    _copy(
        connection,
        "order_events",
        [
            {"org_id": org_id, "order_id": order.id, "event": done.event, "actor": done.actor, "at": done.at}
            for order in orders
            for done in order.happened
        ],
    )
    _copy(connection, "inventory_movements", [taken for order in orders for taken in _taken(org_id, order)])


def _order(org_id: UUID, order: Order) -> dict[str, Any]:
    placed = order.happened[0]
    return {
        "org_id": org_id,
        "id": order.id,
        "number": order.number,
        "placed_by": placed.actor,
        "customer": order.customer,
        "reference": order.reference,
        "deliver_to": order.deliver_to,
        "note": order.note,
        "status": order.status,
        "item_count": sum(line.quantity for line in order.lines),
        "subtotal": order.subtotal,
        "tax_rate": order.tax_rate,
        "tax": order.tax,
        "total": order.subtotal + order.tax,
        "placed_at": placed.at,
        "updated_at": order.happened[-1].at,
    }


def _items(org_id: UUID, order: Order) -> Iterator[dict[str, Any]]:
    for position, line in enumerate(order.lines, 1):
        yield {
            "org_id": org_id,
            "order_id": order.id,
            "product_id": line.product.id,
            "position": position,
            "sku": line.product.sku,
            "name": line.product.name,
            "quantity": line.quantity,
            "unit_price": line.product.price,
        }


def _taken(org_id: UUID, order: Order) -> Iterator[dict[str, Any]]:
    for done in order.happened:
        if done.event == "processing" and order.status in _TAKES_STOCK:
            for line in order.lines:
                yield {
                    "org_id": org_id,
                    "product_id": line.product.id,
                    "order_id": order.id,
                    "delta": -line.quantity,
                    "reason": "order",
                    "created_at": done.at,
                }


def _copy(connection: psycopg.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(rows[0])
    statement = sql.SQL("copy public.{} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])


def write_trail(connection: psycopg.Connection, org_id: UUID, staff: Sequence[UUID], now: datetime) -> None:
    """Write what the triggers would have, had the last sixty days' orders and changes of products been made by hand."""
    since = now - TRAIL
    connection.execute("select rowhouse.make_audit_partitions(%s::date, 3)", (since,))
    given = {"org": org_id, "since": since, "staff": list(staff)}
    connection.execute(_ORDERS_CHANGED.format(order=_kept("orders", "o")), given)
    connection.execute(_PRODUCTS_CHANGED.format(product=_kept("products", "p")), given)


def _kept(table: str, alias: str) -> sql.Composed:
    """Return the columns of a row that the trail keeps, as the object that it keeps them in."""
    declared = audited(Base.metadata.tables[table])
    assert isinstance(declared, Audited)
    pairs = [sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier(alias, name)) for name in declared.columns]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


_ORDERS_CHANGED: Final = sql.SQL("""
insert into public.audit_log (org_id, record_id, user_id, at, written_at, table_name, action, old_data, new_data)
select o.org_id, o.id, e.actor, e.at, e.at, 'orders',
       (case when e.event = 'placed' then 'insert' else 'update' end)::public.audit_action,
       case when e.event <> 'placed' then
         {order} || jsonb_build_object('status', coalesce(nullif((lag(e.event) over one)::text, 'placed'), 'pending'))
       end,
       {order} || jsonb_build_object('status', case when e.event = 'placed' then 'pending' else e.event::text end)
from public.orders o
join public.order_events e on e.org_id = o.org_id and e.order_id = o.id
where o.org_id = %(org)s and o.placed_at >= %(since)s
window one as (partition by o.id order by e.at)
""")

# Dearer by a twentieth than before, or counted anew.
_PRODUCTS_CHANGED: Final = sql.SQL("""
insert into public.audit_log (org_id, record_id, user_id, at, written_at, table_name, action, old_data, new_data)
select p.org_id, p.id, (%(staff)s::uuid[])[1 + p.n %% cardinality(%(staff)s::uuid[])], p.updated_at, p.updated_at,
       'products', 'update',
       {product} || case when p.n %% 3 = 0 then jsonb_build_object('price', round(p.price / 1.05, 1))
                         else jsonb_build_object('stock', p.stock + 4 + p.n %% 9) end,
       {product}
from (
  select every.*, row_number() over (order by every.updated_at)::integer as n from public.products every
  where every.org_id = %(org)s and every.updated_at >= %(since)s
) p
""")
