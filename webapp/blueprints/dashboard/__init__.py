"""The home of an organisation: how its sales go, what sells best, what runs out, and what happened last."""

from webapp.blueprints.dashboard.routes import bp
from webapp.web.navigation import Entry

NAV = Entry("Dashboard", "dashboard", "dashboard.index", place=10)

__all__ = ["NAV", "bp"]
