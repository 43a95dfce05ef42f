"""Orders: compose them, move them on from status to status, find and print them."""

from webapp.blueprints.orders import composing
from webapp.blueprints.orders.routes import bp
from webapp.web.navigation import Entry

NAV = Entry("Orders", "orders", "orders.index", place=30)

__all__ = ["NAV", "bp", "composing"]
