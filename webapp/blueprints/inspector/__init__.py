"""The Inspector: the rows of any table as anybody sees them, and why, for administrators of the platform."""

from webapp.blueprints.inspector import saved, writes
from webapp.blueprints.inspector.routes import bp

saved.add_to(bp)
writes.add_to(bp)

__all__ = ["bp"]
