"""The catalogue: find, make, change, archive and restore the products of an organisation."""

from webapp.blueprints.products.routes import bp

__all__ = ["bp"]
