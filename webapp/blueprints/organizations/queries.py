"""What the organisation pages ask of the database."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.rls.errors import UniqueViolation


class SlugTaken(Exception):
    """Say that another organisation has this slug."""


def create(session: Session, *, name: str, slug: str, currency: str) -> None:
    """Make an organisation with the caller as its first owner (``public.create_organization``). Raises SlugTaken."""
    try:
        with session.begin_nested():
            session.execute(select(func.public.create_organization(name, slug, currency)))
    except UniqueViolation as exc:
        if exc.constraint == "organizations_slug_key":
            raise SlugTaken from exc
        raise
