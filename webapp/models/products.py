"""The catalogue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, FetchedValue, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.audited import Audited
from webapp.models.base import Base, Created, Id
from webapp.models.organizations import Organization
from webapp.rls.policy import Grant, Policy, RowSecurity

LOW_STOCK: Final = 10  # pieces; an active product with no more than this is low on stock

NAME: Final = 200  # characters, as the table checks them
SKU: Final = 64
DESCRIPTION: Final = 10_000

# The words of a product: runs of letters and digits, so that "nut/bolt" is two and AC-1309 is no negative number.
_SEARCHED = (
    "to_tsvector('simple'::regconfig,"
    " regexp_replace((((name || ' ') || sku) || ' ') || description, '[^[:alnum:]]+', ' ', 'g'))"
)
_WRITTEN = ("name", "description", "price", "sku", "stock", "is_active")
_MAY_READ = "org_id = any ((select rowhouse.member_orgs())::uuid[])"
_MAY_WRITE = "org_id = any ((select rowhouse.writer_orgs())::uuid[])"


class Product(Base):
    """A thing that an organisation sells. Archived, ``is_active = false``: no policy lets a person delete one."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("org_id", "sku"),
        CheckConstraint("length(btrim(name)) between 1 and 200", name="name"),
        CheckConstraint("length(description) <= 10000", name="description"),
        CheckConstraint("length(btrim(sku)) between 1 and 64", name="sku"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("price < 'NaN'", name="price_is_a_number"),
        CheckConstraint("stock >= 0", name="stock"),
        Index(None, "org_id", "name_key", "id"),
        Index(None, "org_id", "price", "id"),
        Index(None, "org_id", "stock", "id"),
        Index(None, "org_id", "updated_at", "id"),
        {
            "info": RowSecurity(
                policies=(
                    Policy("products_read", "select", ("authenticated",), using=_MAY_READ),
                    Policy("products_create", "insert", ("authenticated",), check=_MAY_WRITE),
                    Policy("products_change", "update", ("authenticated",), using=_MAY_WRITE, check=_MAY_WRITE),
                ),
                grants=(
                    Grant("authenticated", ("select",)),
                    Grant("authenticated", ("insert",), ("org_id", "id", *_WRITTEN)),
                    Grant("authenticated", ("update",), _WRITTEN),
                    Grant("service_role", ("select", "insert", "update", "delete")),
                ),
            ).as_info()
            | Audited(("sku", "name", "description", "price", "stock", "is_active", "image_path")).as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default=text("''"))
    price: Mapped[Decimal]
    sku: Mapped[str]
    stock: Mapped[int] = mapped_column(server_default=text("0"))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    # Set by nobody yet, so no role may name it: FetchedValue keeps the ORM from writing a NULL into every INSERT.
    image_path: Mapped[str | None] = mapped_column(FetchedValue())
    created_at: Mapped[Created]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    # Names are sorted without regard to capitals. A column rather than an index on lower(name): under RLS a condition
    # on an expression bounds no index scan, since lower() is not leakproof.
    name_key: Mapped[str] = mapped_column(Computed("lower(name)", persisted=True), deferred=True)
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(_SEARCHED, persisted=True),
        deferred=True,
        deferred_raiseload=True,
    )
