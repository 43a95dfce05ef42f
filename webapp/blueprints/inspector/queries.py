"""What the Inspector's pages ask of Rowhouse's own tables: the log of inspections and the saved viewpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.viewpoints import parse_claims
from webapp.models import Inspection, Persona
from webapp.rls.errors import UniqueViolation

ENTRIES: Final = 50  # of a page of the log


class NameTaken(Exception):
    """Say that another persona has this name."""


@dataclass(frozen=True, slots=True)
class Log:
    """Hold a page of the log, newest first, and the ids that begin its neighbours."""

    entries: tuple[Inspection, ...]
    newer: UUID | None
    older: UUID | None


def log(session: Session, *, after: UUID | None = None, before: UUID | None = None) -> Log:
    """Return the entries that are older than ``after``, or newer than ``before``; the newest without either.

    The ids are in the order of time (UUID version 7).
    """
    query = select(Inspection).limit(ENTRIES + 1)
    if before is not None and after is None:
        found = list(session.scalars(query.where(Inspection.id > before).order_by(Inspection.id)))
        page = found[:ENTRIES][::-1]
        return Log(tuple(page), page[0].id if page and len(found) > ENTRIES else None, page[-1].id if page else None)
    if after is not None:
        query = query.where(Inspection.id < after)
    found = list(session.scalars(query.order_by(Inspection.id.desc())))
    page = found[:ENTRIES]
    return Log(
        tuple(page),
        page[0].id if page and after is not None else None,
        page[-1].id if len(found) > ENTRIES else None,
    )


def personas(session: Session) -> tuple[Persona, ...]:
    """Return the saved viewpoints by name."""
    return tuple(session.scalars(select(Persona).order_by(Persona.name)))


def persona(session: Session, persona_id: UUID) -> Persona | None:
    """Return the saved viewpoint of that id, or None."""
    return session.get(Persona, persona_id)


def save(session: Session, name: str, seen_as: Viewpoint) -> Persona:
    """Save a viewpoint under a name. Raises NameTaken."""
    kind, _, _ = seen_as.spec.partition(":")
    claims = parse_claims(seen_as.identity.claims) if kind == "claims" else None
    made = Persona(name=name, viewpoint="claims" if claims is not None else seen_as.spec)
    if claims is not None:  # None would be JSON's null, which is something
        made.claims = claims
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except UniqueViolation as exc:
        raise NameTaken from exc
    return made


def rename(session: Session, found: Persona, name: str) -> None:
    """Give a saved viewpoint another name. Raises NameTaken."""
    try:
        with session.begin_nested():
            found.name = name
            session.flush()
    except UniqueViolation as exc:
        raise NameTaken from exc
