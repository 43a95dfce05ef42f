"""Who looks at the page and through which organisation: one query, as the person, under RLS."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, bindparam, cast, func, select
from sqlalchemy.orm import Session

from webapp.models import Membership, Organization, Profile, Role

SWITCHER = 100  # organisations that the switcher lists; the one of the URL is always among them


@dataclass(frozen=True, slots=True)
class Viewer:
    """Hold what a page shows of the person who looks at it."""

    id: UUID
    email: str
    name: str
    is_platform_admin: bool

    @property
    def initials(self) -> str:
        """Return the first letters of the first word and the last one of the name, or of the e-mail address."""
        words = (self.name or self.email).replace("@", " ").split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@dataclass(frozen=True, slots=True)
class OrgContext:
    """Hold an organisation as the viewer belongs to it."""

    id: UUID
    slug: str
    name: str
    currency: str
    tax_rate: Decimal
    role: Role

    @property
    def can_write(self) -> bool:
        """Tell whether to show what changes something; the gate and the policies decide all the same."""
        return self.role.reaches(Role.MEMBER)

    @property
    def can_admin(self) -> bool:
        """Tell whether to show what only admins and owners do; the gate and the policies decide all the same."""
        return self.role.reaches(Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Context:
    """Hold the answer to "who is here": ``alive`` is false once the session was signed out or revoked."""

    alive: bool
    viewer: Viewer | None = None
    orgs: tuple[OrgContext, ...] = ()

    def org(self, slug: str | None) -> OrgContext | None:
        """Return the organisation of that slug, or None where the viewer is not in it."""
        return next((org for org in self.orgs if org.slug == slug), None)


def _question() -> Select[Any]:
    person, slug = bindparam("person", type_=Uuid()), bindparam("slug", type_=Text())
    mine = (
        select(
            Organization.id,
            Organization.slug,
            Organization.name,
            Organization.currency,
            Organization.tax_rate,
            Membership.role.label("role"),
        )
        .join(Membership, Membership.org_id == Organization.id)
        .where(Membership.user_id == person)
        .order_by((Organization.slug == slug).desc(), Organization.name, Organization.id)
        .limit(SWITCHER)
        .subquery()
    )
    # The tax rate as text: JSON has no decimals, only floats.
    row = func.jsonb_build_array(
        mine.c.id, mine.c.slug, mine.c.name, mine.c.currency, cast(mine.c.tax_rate, Text()), mine.c.role
    )
    # The person as one value: each mention of profiles would ask its policy again.
    profile = func.jsonb_build_array(Profile.full_name, Profile.email)
    return select(
        func.rowhouse.session_alive().label("alive"),
        select(profile).where(Profile.id == person).scalar_subquery().label("profile"),
        select(func.jsonb_agg(row)).select_from(mine).scalar_subquery().label("orgs"),
    )


_QUESTION = _question()  # built once: that costs more than a millisecond, and every request asks it


def load(session: Session, user_id: UUID, slug: str | None, *, is_platform_admin: bool) -> Context:
    """Ask the database who this is. One round trip, and the one that notices a session that has ended."""
    row = session.execute(_QUESTION, {"person": user_id, "slug": (slug or "").replace("\0", "")}).one()
    if not row.alive or row.profile is None:
        return Context(alive=False)
    name, email = row.profile
    viewer = Viewer(user_id, email, name, is_platform_admin)
    orgs = sorted(
        (OrgContext(UUID(o[0]), o[1], o[2], o[3], Decimal(o[4]), Role(o[5])) for o in row.orgs or []),
        key=lambda o: o.name.casefold(),
    )
    return Context(True, viewer, tuple(orgs))
