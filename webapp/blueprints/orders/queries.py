"""What the pages of an order ask of the database, and the typed wrappers of its functions.

Each query names the organisation so that its index is used; that other organisations' rows stay unseen is the work
of the policies, and would be without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, bindparam, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from webapp.blueprints.orders.lines import Saved, Wanted
from webapp.models import InventoryMovement, Order, OrderEvent, OrderItem, OrderStatus, Profile
from webapp.rls.errors import UniqueViolation

KEY: Final = "orders_org_id_request_key_key"


class Words(NamedTuple):
    """Hold what people write of an order."""

    customer: str
    reference: str
    deliver_to: str
    note: str


class Record(NamedTuple):
    """Hold one order. ``placed_by_name`` is None where the viewer may not know the person, who has left."""

    id: UUID
    number: int
    words: Words
    status: OrderStatus
    item_count: int
    subtotal: Decimal
    tax: Decimal
    tax_rate: Decimal
    total: Decimal
    placed_by: UUID | None
    placed_by_name: str | None
    placed_at: datetime
    updated_at: datetime

    @property
    def seen(self) -> str:
        """Return what tells this state of the order from the ones after it."""
        return self.updated_at.isoformat()


class Event(NamedTuple):
    """Hold something that happened to an order; ``name`` is None for nobody, and for who has left."""

    event: str
    actor: UUID | None
    name: str | None
    at: datetime


class Moved(NamedTuple):
    """Count the products of which an order took stock, and those of which it gave it back."""

    taken: int
    returned: int


class Totals(NamedTuple):
    """Hold what ``public.calculate_order_total`` answers: the order at today's tax rate of its organisation."""

    item_count: int
    subtotal: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal


class AlreadyPlaced(Exception):
    """Say that a form with this key has placed an order before."""

    def __init__(self, record: Record) -> None:
        self.record = record


class PricesChanged(Exception):
    """Say that a product costs another amount than the person agreed to; nothing was written."""


def _record(org_id: UUID) -> Select[Any]:
    words = (getattr(Order, name) for name in Words._fields)
    columns = (
        Order.id,
        Order.number,
        *words,
        Order.status,
        Order.item_count,
        Order.subtotal,
        Order.tax,
        Order.tax_rate,
        Order.total,
        Order.placed_by,
        func.coalesce(func.nullif(Profile.full_name, ""), Profile.email),
        Order.placed_at,
        Order.updated_at,
    )
    return select(*columns).outerjoin(Profile, Profile.id == Order.placed_by).where(Order.org_id == org_id)


def get(session: Session, org_id: UUID, order_id: UUID) -> Record | None:
    """Return an order, or None where there is none that the viewer may see."""
    return _one(session, _record(org_id).where(Order.id == order_id))


def _one(session: Session, query: Select[Any]) -> Record | None:
    row = session.execute(query).one_or_none()
    return Record(row[0], row[1], Words(*row[2:6]), *row[6:]) if row else None


def lock(session: Session, org_id: UUID, order_id: UUID) -> bool:
    """Keep others from changing an order until the transaction ends; tell whether the viewer may change it.

    Locking asks the UPDATE policy as well, by the state of the row once the lock is had.
    """
    query = select(Order.id).where(Order.org_id == org_id, Order.id == order_id).with_for_update(key_share=True)
    return session.execute(query).one_or_none() is not None


def items(session: Session, org_id: UUID, order_id: UUID) -> tuple[Saved, ...]:
    """Return the lines of an order."""
    columns = (getattr(OrderItem, name) for name in Saved._fields)
    query = select(*columns).where(OrderItem.org_id == org_id, OrderItem.order_id == order_id)
    return tuple(Saved(*row) for row in session.execute(query.order_by(OrderItem.position, OrderItem.id)))


def events(session: Session, org_id: UUID, order_id: UUID) -> tuple[Event, ...]:
    """Return what happened to an order, in the order in which it did."""
    person = aliased(Profile)
    name = func.coalesce(func.nullif(person.full_name, ""), person.email)
    query = (
        select(OrderEvent.event, OrderEvent.actor, name, OrderEvent.at)
        .outerjoin(person, person.id == OrderEvent.actor)
        .where(OrderEvent.org_id == org_id, OrderEvent.order_id == order_id)
        .order_by(OrderEvent.at, OrderEvent.id)
    )
    return tuple(Event(str(row[0]), *row[1:]) for row in session.execute(query))


def moved(session: Session, org_id: UUID, order_id: UUID) -> Moved:
    """Count of how many products an order took stock, and of how many it gave it back."""
    taken = func.count().filter(InventoryMovement.delta < 0)
    returned = func.count().filter(InventoryMovement.delta > 0)
    query = select(taken, returned).where(InventoryMovement.org_id == org_id, InventoryMovement.order_id == order_id)
    return Moved(*session.execute(query).one())


def place(session: Session, org_id: UUID, order_id: UUID, key: UUID, words: Words, wanted: Sequence[Wanted]) -> None:
    """Place an order, whole or not at all.

    Raises AlreadyPlaced where a form with this key did so before, PricesChanged, or Refused for its items.
    """
    try:
        with session.begin_nested():
            values = {"org_id": org_id, "id": order_id, "request_key": key} | words._asdict()
            session.execute(insert(Order).values(values))
            set_items(session, org_id, order_id, wanted)
    except UniqueViolation as exc:
        made = _one(session, _record(org_id).where(Order.request_key == key)) if exc.constraint == KEY else None
        if made is not None:
            raise AlreadyPlaced(made) from exc
        raise


def change(session: Session, org_id: UUID, order_id: UUID, words: Words, wanted: Sequence[Wanted] | None) -> None:
    """Write an order that the transaction has locked; ``wanted`` is None where its items stay as they are.

    Raises PricesChanged, or Refused for its items; then nothing is written.
    """
    with session.begin_nested():
        session.execute(
            update(Order)
            .where(Order.org_id == org_id, Order.id == order_id)
            .values(words._asdict())
            .execution_options(synchronize_session=False)
        )
        if wanted is not None:
            set_items(session, org_id, order_id, wanted)


def set_items(session: Session, org_id: UUID, order_id: UUID, wanted: Sequence[Wanted]) -> None:
    """Give an order its items by ``public.set_order_items``, with prices, names and SKUs of now.

    Raises PricesChanged where a price is not the one agreed to, and Refused: orders_missing, orders_not_pending,
    order_items_product, order_items_quantity.
    """
    lines = [{"product_id": str(line.product_id), "quantity": line.quantity} for line in wanted]
    session.execute(
        text("select public.set_order_items(:org_id, :order_id, :items)").bindparams(
            bindparam("org_id", org_id, type_=Uuid()),
            bindparam("order_id", order_id, type_=Uuid()),
            bindparam("items", lines, type_=JSONB()),
        )
    )
    agreed = {line.product_id: line.price for line in wanted}
    if any(agreed[item.product_id] != item.unit_price for item in items(session, org_id, order_id)):
        raise PricesChanged


def set_status(session: Session, org_id: UUID, order_id: UUID, status: OrderStatus) -> None:
    """Move an order on by ``public.set_order_status``; processing takes stock, cancelling gives it back.

    Raises NotPermitted, and Refused: orders_missing, orders_status, orders_empty, products_stock.
    """
    with session.begin_nested():
        session.execute(
            text("select public.set_order_status(:org_id, :order_id, cast(:status as public.order_status))").bindparams(
                bindparam("org_id", org_id, type_=Uuid()),
                bindparam("order_id", order_id, type_=Uuid()),
                status=status.value,
            )
        )


def take_stock(session: Session, org_id: UUID, order_id: UUID) -> int:
    """Take the stock of an order in processing by ``public.update_inventory_for_order``; return of how many products.

    ``set_status`` does so by itself. Raises NotPermitted, and Refused: orders_missing, orders_status, products_stock.
    """
    query = text("select public.update_inventory_for_order(:org_id, :order_id)").columns(taken=Integer())
    bound = query.bindparams(bindparam("org_id", org_id, type_=Uuid()), bindparam("order_id", order_id, type_=Uuid()))
    return int(session.execute(bound).scalar_one())


def tax(session: Session, amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """Return the tax on an amount by ``rowhouse.tax_on``, which is the one place where tax is rounded."""
    found: Decimal = session.execute(select(func.rowhouse.tax_on(amount, rate, currency))).scalar_one()
    return found.quantize(Decimal("0.01"))


def total(session: Session, org_id: UUID, order_id: UUID) -> Totals | None:
    """Return what an order comes to today by ``public.calculate_order_total``; None where there is none to see."""
    query = text("select * from public.calculate_order_total(:org_id, :order_id)").bindparams(
        bindparam("org_id", org_id, type_=Uuid()), bindparam("order_id", order_id, type_=Uuid())
    )
    row = session.execute(query).one_or_none()
    return Totals(*row) if row else None
