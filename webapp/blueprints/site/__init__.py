"""What stands before sign-in: the first page, and the choice between light and dark."""

from webapp.blueprints.site.routes import bp

__all__ = ["bp"]
