"""Mapped classes with their policies beside them; importing this package registers every table."""

from webapp.models.base import Base, new_id
from webapp.models.functions import FUNCTIONS, TRIGGERS
from webapp.models.organizations import Membership, Organization, Role
from webapp.models.products import LOW_STOCK, Product
from webapp.models.profiles import Profile
from webapp.rls.policy import FUNCTIONS_KEY, TRIGGERS_KEY

Base.metadata.info[FUNCTIONS_KEY] = FUNCTIONS
Base.metadata.info[TRIGGERS_KEY] = TRIGGERS

__all__ = ["LOW_STOCK", "Base", "Membership", "Organization", "Product", "Profile", "Role", "new_id"]
