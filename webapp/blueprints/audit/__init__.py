"""The audit trail: who changed what and when, for the administrators of an organisation."""

from webapp.blueprints.audit.routes import bp
from webapp.models import Role
from webapp.web.navigation import Entry

NAV = Entry("Audit", "audit", "audit.index", place=80, role=Role.ADMIN)

__all__ = ["NAV", "bp"]
