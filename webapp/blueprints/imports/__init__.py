"""Imports of products: upload a CSV file, say which column is what, see what it would do, and do it."""

from webapp.blueprints.imports.routes import bp

PART_OF = "products"

__all__ = ["PART_OF", "bp"]
