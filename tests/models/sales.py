"""The figures of one organisation, as they are kept and as its rows have them: what differs, cell by cell."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

_COMPARED = """
with kept as ({kept}), counted as ({counted})
select 'kept' as source, k.* from (table kept except table counted) k
union all
select 'counted', c.* from (table counted except table kept) c
"""
_SOLD = "('processing', 'shipped', 'delivered')"
_SUMS = "sum(f.orders), sum(f.total), sum(f.items)"
_NOT_NOTHING = "having sum(f.orders) <> 0 or sum(f.total) <> 0 or sum(f.items) <> 0"
_COUNTED = "count(*)::numeric, sum(o.total), sum(o.item_count)::numeric from public.orders o where o.org_id = %(org)s"

DAYS = _COMPARED.format(
    kept=f"""
      select f.day, f.status, {_SUMS} from (
        select day, status, orders, total, items from public.sales_daily where org_id = %(org)s union all
        select day, status, orders, total, items from public.sales_daily_deltas where org_id = %(org)s
      ) f group by 1, 2 {_NOT_NOTHING}""",
    counted=f"select (o.placed_at at time zone 'UTC')::date, o.status, {_COUNTED} group by 1, 2",
)
TOTALS = _COMPARED.format(
    kept=f"""
      select f.status, {_SUMS} from (
        select status, orders, total, items from public.sales_totals where org_id = %(org)s union all
        select status, orders, total, items from public.sales_daily_deltas where org_id = %(org)s
      ) f group by 1 {_NOT_NOTHING}""",
    counted=f"select o.status, {_COUNTED} group by 1",
)
PRODUCTS = _COMPARED.format(
    kept="""
      select f.month, f.product_id, sum(f.quantity), sum(f.revenue) from (
        select month, product_id, quantity, revenue from public.sales_products where org_id = %(org)s union all
        select month, product_id, quantity, revenue from public.sales_products_deltas where org_id = %(org)s
      ) f group by 1, 2 having sum(f.quantity) <> 0 or sum(f.revenue) <> 0""",
    counted=f"""
      select date_trunc('month', o.placed_at at time zone 'UTC')::date, i.product_id, sum(i.quantity)::numeric,
        sum(i.amount)
      from public.orders o join public.order_items i on i.org_id = o.org_id and i.order_id = o.id
      where o.org_id = %(org)s and o.status in {_SOLD} group by 1, 2""",
)


def differences(connection: psycopg.Connection, org_id: UUID) -> dict[str, list[tuple[Any, ...]]]:
    """Return the cells in which kept figures and rows differ, as the connection sees both; empty where none does."""
    compared = {"days": DAYS, "totals": TOTALS, "products": PRODUCTS}
    found = {name: connection.execute(query, {"org": org_id}).fetchall() for name, query in compared.items()}
    return {name: rows for name, rows in found.items() if rows}


def waiting(connection: psycopg.Connection, org_id: UUID) -> tuple[int, int]:
    """Return how many rows stand unfolded, of days and of products."""
    row = connection.execute(
        "select (select count(*) from public.sales_daily_deltas where org_id = %(org)s),"
        " (select count(*) from public.sales_products_deltas where org_id = %(org)s)",
        {"org": org_id},
    ).fetchone()
    assert row is not None
    return row[0], row[1]
