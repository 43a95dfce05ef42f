"""Mapped classes with their policies beside them; importing this package registers every table."""

from webapp.models.base import Base, new_id
from webapp.models.functions import FUNCTIONS, TRIGGERS
from webapp.models.organizations import Membership, Organization, Role
from webapp.models.products import LOW_STOCK, Product
from webapp.models.profiles import Profile

Base.metadata.info["rowhouse.functions"] = FUNCTIONS
Base.metadata.info["rowhouse.triggers"] = TRIGGERS

__all__ = ["LOW_STOCK", "Base", "Membership", "Organization", "Product", "Profile", "Role", "new_id"]
