"""Mapped classes with their policies beside them; importing this package registers every table."""

from webapp.models import audit, audited, bulk, functions, imports, inspected_people, inspections, orders, sales
from webapp.models.base import Base, new_id
from webapp.models.bulk import ChangeKind, ProductChange, ProductChangeItem
from webapp.models.inspections import Inspection, InspectionAction, Persona
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

_MODULES = (functions, orders, audit, sales, imports, bulk, inspections, inspected_people)
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
    "Inspection",
    "InspectionAction",
    "InventoryMovement",
    "Membership",
    "MovementReason",
    "Order",
    "OrderEvent",
    "OrderEventKind",
    "OrderItem",
    "OrderStatus",
    "Organization",
    "Persona",
    "Product",
    "ProductChange",
    "ProductChangeItem",
    "Profile",
    "Role",
    "new_id",
]
