"""Changes of many products at once: choose, look, apply, undo."""

from webapp.blueprints.bulk.routes import bp

PART_OF = "products"

__all__ = ["PART_OF", "bp"]
