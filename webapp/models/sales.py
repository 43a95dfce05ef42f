"""The figures of the dashboard, kept beside the orders that they are of: reading them costs the same at any number."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.audited import Unaudited
from webapp.models.base import Base, Id
from webapp.models.orders import OrderStatus, order_status
from webapp.models.organizations import Organization
from webapp.models.sales_counting import COUNTING_FUNCTIONS, COUNTING_TRIGGERS
from webapp.models.sales_reading import READING_FUNCTIONS
from webapp.rls.policy import Function, Grant, Policy, RowSecurity, Trigger

_SUM: Final = Numeric()  # sums of the former have no bound of their own


def _read_only(table: str) -> dict[str, Any]:
    """Return what lets members read and nobody write: the triggers do that, as the owner."""
    policy = Policy(
        f"{table}_read",
        "select",
        ("authenticated",),
        using="org_id = any ((select rowhouse.member_orgs())::uuid[])",
    )
    grants = (Grant("authenticated", ("select",)), Grant("service_role", ("select",)))
    unaudited = Unaudited("It follows from the orders, whose changes are kept.")
    return {"info": RowSecurity(policies=(policy,), grants=grants).as_info() | unaudited.as_info()}


class SalesDay(Base):
    """The orders of one status that were placed on one day (UTC), as far as they are folded in; none is left out, the
    cancelled ones included."""

    __tablename__ = "sales_daily"
    __table_args__ = (_read_only("sales_daily"),)

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    status: Mapped[OrderStatus] = mapped_column(order_status, primary_key=True)
    orders: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[Decimal] = mapped_column(_SUM)
    items: Mapped[int] = mapped_column(BigInteger)


class SalesDayDelta(Base):
    """What one statement added to a day, or took from it, and nobody has folded in yet."""

    __tablename__ = "sales_daily_deltas"
    __table_args__ = (_read_only("sales_daily_deltas"),)

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    day: Mapped[date]
    status: Mapped[OrderStatus] = mapped_column(order_status)
    orders: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[Decimal] = mapped_column(_SUM)
    items: Mapped[int] = mapped_column(BigInteger)


class SalesTotal(Base):
    """All orders of one status, whatever their day: what the tabs of a list say. The sum of its days."""

    __tablename__ = "sales_totals"
    __table_args__ = (_read_only("sales_totals"),)

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    status: Mapped[OrderStatus] = mapped_column(order_status, primary_key=True)
    orders: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[Decimal] = mapped_column(_SUM)
    items: Mapped[int] = mapped_column(BigInteger)


class SalesProduct(Base):
    """What sold orders placed in one month (UTC) have of one product.

    No foreign key leads to the product: a product whose sales come to nothing may be deleted, and what is left of its
    zeros must then keep nobody from placing an order.
    """

    __tablename__ = "sales_products"
    __table_args__ = (Index(None, "org_id", "month", "revenue"), _read_only("sales_products"))

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(BigInteger)
    revenue: Mapped[Decimal] = mapped_column(_SUM)


class SalesProductDelta(Base):
    """What one statement added to a product's month, or took from it, and nobody has folded in yet."""

    __tablename__ = "sales_products_deltas"
    __table_args__ = (_read_only("sales_products_deltas"),)

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    month: Mapped[date]
    product_id: Mapped[UUID]
    quantity: Mapped[int] = mapped_column(BigInteger)
    revenue: Mapped[Decimal] = mapped_column(_SUM)


FUNCTIONS: tuple[Function, ...] = (*COUNTING_FUNCTIONS, *READING_FUNCTIONS)
TRIGGERS: tuple[Trigger, ...] = COUNTING_TRIGGERS
