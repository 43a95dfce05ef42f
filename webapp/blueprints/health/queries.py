"""What readiness asks of the database."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def schema_revision(session: Session) -> str | None:
    """Return the revision that the database's schema is at; any identity may ask."""
    return session.scalar(select(func.rowhouse.schema_revision()))
