"""The catalogue: find, make, change, archive and restore the products of an organisation."""

from webapp.blueprints.products.routes import bp
from webapp.web.navigation import Entry

NAV = Entry("Products", "products", "products.index", place=20)

__all__ = ["NAV", "bp"]
