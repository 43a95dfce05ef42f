"""What is offered while an order is composed: products of the catalogue, and customers of earlier orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, not_, select, text, true
from sqlalchemy.orm import Session

from webapp.blueprints.orders.lines import Ware
from webapp.models import Product
from webapp.web.catalogue import Narrowing, Show, matching

FOUND: Final = 8  # products, or customers, that a search offers at once

_SOUGHT: Final = Product.name_key + " " + func.lower(Product.sku)

# Each step leaps over all orders of one customer, so it costs the same however many they have.
_CUSTOMERS: Final = text(
    """
    with recursive known (key, place) as (
      (select o.customer_key, 1 from public.orders o
       where o.org_id = :org_id and o.customer_key >= lower(:typed) and o.customer_key < lower(:typed) || chr(1114111)
       order by o.customer_key limit 1)
      union all
      select (select o.customer_key from public.orders o
              where o.org_id = :org_id and o.customer_key > k.key and o.customer_key < lower(:typed) || chr(1114111)
              order by o.customer_key limit 1), k.place + 1
      from known k where k.key is not null and k.place < :most
    )
    select latest.customer, latest.deliver_to
    from known k
    cross join lateral (
      select o.customer, o.deliver_to from public.orders o
      where o.org_id = :org_id and o.customer_key = k.key
      order by o.placed_at desc limit 1
    ) latest
    where k.key is not null
    order by k.key
    """
)


class Customer(NamedTuple):
    """Name a customer of earlier orders, and where the latest of them went."""

    customer: str
    deliver_to: str


def wares(session: Session, org_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Ware]:
    """Return products as they are now, archived ones too, by id."""
    if not ids:
        return {}
    query = _wares().where(Product.org_id == org_id, Product.id.in_(ids))
    return {row.id: Ware(*row) for row in session.execute(query)}


def find(session: Session, org_id: UUID, typed: str) -> tuple[Ware, ...]:
    """Return products on sale that a search finds, up to one more than is offered.

    The one of that SKU comes first, then those whose name or SKU has the words, then those that are only described by
    them, each by name. Nothing typed finds the first ones by name.
    """
    wanted = Narrowing(Show.ACTIVE, typed)
    exact = by_sku(session, org_id, typed) if typed else None
    found = {exact.id: exact} if exact else {}
    named = and_(true(), *(_SOUGHT.contains(word.lower()) for word in wanted.words))
    for condition in (named, not_(named)):
        if len(found) <= FOUND:
            query = _wares().where(*matching(org_id, wanted), condition)
            for row in session.execute(query.order_by(Product.name_key, Product.id).limit(FOUND + 1)):
                found.setdefault(row.id, Ware(*row))
    return tuple(found.values())[: FOUND + 1]


def by_sku(session: Session, org_id: UUID, typed: str) -> Ware | None:
    """Return the product on sale that has this SKU, as it was typed or in capitals."""
    skus = dict.fromkeys((typed, typed.upper()))
    query = _wares().where(Product.org_id == org_id, Product.sku.in_(skus), Product.is_active.is_(True))
    found = {row.sku: Ware(*row) for row in session.execute(query)}
    return next((found[sku] for sku in skus if sku in found), None)


def _wares() -> Select[Any]:
    return select(*(getattr(Product, name) for name in Ware._fields))


def customers(session: Session, org_id: UUID, typed: str) -> tuple[Customer, ...]:
    """Return the first customers of earlier orders whose name begins so, by name."""
    if not typed:
        return ()
    found = session.execute(_CUSTOMERS, {"org_id": org_id, "typed": typed, "most": FOUND})
    return tuple(Customer(*row) for row in found)
