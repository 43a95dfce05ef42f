"""Orders, their items, what happened to them, and the movements of stock."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    Enum,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.audited import Audited, Unaudited
from webapp.models.base import Base, Created, Id
from webapp.models.order_functions import MOST_OF_ONE, ORDER_FUNCTIONS, ORDER_TRIGGERS
from webapp.models.order_processing import PROCESSING_FUNCTIONS
from webapp.models.organizations import Organization
from webapp.rls.policy import Function, Grant, Policy, RowSecurity, Trigger


class OrderStatus(enum.StrEnum):
    """Say how far an order is. ``public.set_order_status`` knows which may follow which."""

    PENDING = "pending"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class OrderEventKind(enum.StrEnum):
    """Say what happened to an order."""

    PLACED = "placed"
    CHANGED = "changed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class MovementReason(enum.StrEnum):
    """Say why a stock went up or down."""

    ORDER = "order"
    CANCELLATION = "cancellation"


def _enum(kind: type[enum.StrEnum], name: str) -> Enum:
    return Enum(kind, name=name, schema="public", values_callable=lambda members: [each.value for each in members])


order_status = _enum(OrderStatus, "order_status")
order_event = _enum(OrderEventKind, "order_event")
movement_reason = _enum(MovementReason, "movement_reason")

_WRITTEN = ("customer", "reference", "deliver_to", "note")
_MAY_READ = "org_id = any ((select rowhouse.member_orgs())::uuid[])"
_MAY_PLACE = "org_id = any ((select rowhouse.writer_orgs())::uuid[]) and placed_by = (select rowhouse.user_id())"
_MAY_CHANGE = f"org_id = any ((select rowhouse.admin_orgs())::uuid[]) or ({_MAY_PLACE} and status = 'pending')"
_MONEY = Numeric(18, 2)


def _read_only(table: str) -> RowSecurity:
    """Return the declaration of a table that members read and that only functions and triggers write."""
    return RowSecurity(
        policies=(Policy(f"{table}_read", "select", ("authenticated",), using=_MAY_READ),),
        grants=(Grant("authenticated", ("select",)), Grant("service_role", ("select",))),
    )


class Order(Base):
    """What a customer ordered.

    A person inserts one with its details alone; items, totals and status come by ``public.set_order_items`` and
    ``public.set_order_status``, which nobody passes by: not even ``service_role`` has a grant. ``number`` is given by a
    trigger: increasing within the organisation, with a gap where a transaction was rolled back. It takes a lock for
    each, so whoever inserts thousands in one transaction gives the numbers. ``item_count`` counts pieces.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("org_id", "number"),
        UniqueConstraint("org_id", "request_key"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("length(customer) <= 200", name="customer"),
        CheckConstraint("length(reference) <= 100", name="reference"),
        CheckConstraint("length(deliver_to) <= 500", name="deliver_to"),
        CheckConstraint("length(note) <= 2000", name="note"),
        CheckConstraint("item_count >= 0", name="item_count"),
        CheckConstraint("subtotal >= 0 and tax >= 0 and total = subtotal + tax", name="total"),
        CheckConstraint("tax_rate >= 0 and tax_rate < 1", name="tax_rate"),
        Index(None, "org_id", "placed_at", "id"),
        # One for each status: enum_eq is not leakproof, so under RLS a condition on the status bounds no index scan,
        # but a predicate that is proved from it does. Whoever asks writes the status as a literal.
        *(
            Index(
                f"orders_{status}_idx",
                "org_id",
                "placed_at",
                "id",
                postgresql_where=text(f"status = '{status}'::order_status"),
            )
            for status in OrderStatus
        ),
        Index(None, "org_id", "customer_key", "placed_at"),
        Index(None, "org_id", "reference_key", "placed_at"),
        {
            "info": RowSecurity(
                policies=(
                    Policy("orders_read", "select", ("authenticated",), using=_MAY_READ),
                    Policy("orders_place", "insert", ("authenticated",), check=_MAY_PLACE),
                    Policy("orders_change", "update", ("authenticated",), using=_MAY_CHANGE, check=_MAY_CHANGE),
                ),
                grants=(
                    Grant("authenticated", ("select",)),
                    Grant("authenticated", ("insert",), ("org_id", "id", "request_key", *_WRITTEN)),
                    Grant("authenticated", ("update",), _WRITTEN),
                    Grant("service_role", ("select",)),
                ),
            ).as_info()
            | Audited(
                ("number", *_WRITTEN, "status", "item_count", "subtotal", "tax_rate", "tax", "total"),
                omitted=("request_key", "placed_by", "placed_at", "updated_at"),
            ).as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    number: Mapped[int] = mapped_column(FetchedValue())
    request_key: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    placed_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL"), server_default=text("rowhouse.user_id()")
    )
    customer: Mapped[str] = mapped_column(server_default=text("''"))
    reference: Mapped[str] = mapped_column(server_default=text("''"))
    deliver_to: Mapped[str] = mapped_column(server_default=text("''"))
    note: Mapped[str] = mapped_column(server_default=text("''"))
    status: Mapped[OrderStatus] = mapped_column(order_status, server_default=text("'pending'"))
    item_count: Mapped[int] = mapped_column(server_default=text("0"))
    subtotal: Mapped[Decimal] = mapped_column(_MONEY, server_default=text("0"))
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 4), server_default=text("0"))
    tax: Mapped[Decimal] = mapped_column(_MONEY, server_default=text("0"))
    total: Mapped[Decimal] = mapped_column(_MONEY, server_default=text("0"))
    placed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    # Searched by their beginnings: under RLS only a range bounds an index scan, and only in this collation is what
    # begins with a text a range.
    customer_key: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("lower(customer)", persisted=True), deferred=True
    )
    reference_key: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("lower(reference)", persisted=True), deferred=True
    )


class OrderItem(Base):
    """A line of an order: a product as it was when the line was written, whatever becomes of the product."""

    __tablename__ = "order_items"
    __table_args__ = (
        UniqueConstraint("org_id", "order_id", "product_id"),
        ForeignKeyConstraint(["org_id", "order_id"], ["orders.org_id", "orders.id"], ondelete="CASCADE"),
        # Deferred, here and below: an organisation is deleted with everything in it, in whatever order.
        ForeignKeyConstraint(
            ["org_id", "product_id"], ["products.org_id", "products.id"], deferrable=True, initially="DEFERRED"
        ),
        CheckConstraint("position > 0", name="position"),
        CheckConstraint(f"quantity >= 1 and quantity <= {MOST_OF_ONE}", name="quantity"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        Index(None, "org_id", "product_id"),
        {
            "info": _read_only("order_items").as_info()
            | Audited(
                ("product_id", "sku", "name", "quantity", "unit_price"), omitted=("position",), parent="order_id"
            ).as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    order_id: Mapped[UUID]
    product_id: Mapped[UUID]
    position: Mapped[int]
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]
    amount: Mapped[Decimal] = mapped_column(_MONEY, Computed("quantity::numeric * unit_price", persisted=True))


class InventoryMovement(Base):
    """A change of one product's stock by an order. Its key makes it impossible to take or give back twice."""

    __tablename__ = "inventory_movements"
    __table_args__ = (
        UniqueConstraint("org_id", "order_id", "product_id", "reason"),
        ForeignKeyConstraint(["org_id", "order_id"], ["orders.org_id", "orders.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["org_id", "product_id"], ["products.org_id", "products.id"], deferrable=True, initially="DEFERRED"
        ),
        CheckConstraint("delta <> 0", name="delta"),
        Index(None, "org_id", "product_id", "created_at", "id"),
        {
            "info": _read_only("inventory_movements").as_info()
            | Audited(("product_id", "delta", "reason"), omitted=("created_at",), parent="order_id").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    product_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    delta: Mapped[int]
    reason: Mapped[MovementReason] = mapped_column(movement_reason)
    created_at: Mapped[Created]


class OrderEvent(Base):
    """Something that happened to an order, in the order of ``at``. ``actor`` may have left since: no key binds it."""

    __tablename__ = "order_events"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "order_id"], ["orders.org_id", "orders.id"], ondelete="CASCADE"),
        Index(None, "org_id", "order_id", "at"),
        {
            "info": _read_only("order_events").as_info()
            | Unaudited("It is a trail itself: written by triggers, changed by nobody.").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    order_id: Mapped[UUID]
    event: Mapped[OrderEventKind] = mapped_column(order_event)
    actor: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


FUNCTIONS: tuple[Function, ...] = (*ORDER_FUNCTIONS, *PROCESSING_FUNCTIONS)
TRIGGERS: tuple[Trigger, ...] = ORDER_TRIGGERS
