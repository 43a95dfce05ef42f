"""Mapped classes with their policies beside them; importing this package registers every table."""

from webapp.models import audit, audited, bulk, functions, imports, orders, sales
from webapp.models.base import Base, new_id
from webapp.models.bulk import ChangeKind, ProductChange, ProductChangeItem
from webapp.models.orders import (
    InventoryMovement,
    MovementReason,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderItem,
    OrderStatus,
)
from webapp.models.organizations import Membership, Organization, Role
from webapp.models.products import LOW_STOCK, Product
from webapp.models.profiles import Profile
from webapp.rls.policy import FUNCTIONS_KEY, TRIGGERS_KEY

_MODULES = (functions, orders, audit, sales, imports, bulk)
Base.metadata.info[FUNCTIONS_KEY] = (
    *(function for module in _MODULES for function in module.FUNCTIONS),
    *audited.functions_of(Base.metadata),
)
Base.metadata.info[TRIGGERS_KEY] = (
    *(trigger for module in _MODULES for trigger in module.TRIGGERS),
    *audited.triggers_of(Base.metadata),
)

__all__ = [
    "LOW_STOCK",
    "Base",
    "ChangeKind",
    "InventoryMovement",
    "Membership",
    "MovementReason",
    "Order",
    "OrderEvent",
    "OrderEventKind",
    "OrderItem",
    "OrderStatus",
    "Organization",
    "Product",
    "ProductChange",
    "ProductChangeItem",
    "Profile",
    "Role",
    "new_id",
]
