"""Organisations and who belongs to them."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.audited import Audited
from webapp.models.base import Base, Created, Id
from webapp.rls.policy import Grant, Policy, RowSecurity


class Role(enum.StrEnum):
    """Rank what a member may do; each rank may do what the ones before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Return the place among the roles, from 0 for a viewer up."""
        return list(Role).index(self)

    def reaches(self, needed: Role) -> bool:
        """Tell whether this role may do what ``needed`` may."""
        return self.rank >= needed.rank


member_role = Enum(Role, name="member_role", schema="public", values_callable=lambda roles: [r.value for r in roles])


class Organization(Base):
    """A tenant. Made by ``public.create_organization``, which makes its first owner in the same statement."""

    __tablename__ = "organizations"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) between 2 and 48", name="slug"),
        CheckConstraint("length(btrim(name)) between 1 and 120", name="name"),
        CheckConstraint("tax_rate >= 0 and tax_rate < 1", name="tax_rate"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        {
            "info": RowSecurity(
                policies=(
                    Policy(
                        "organizations_read",
                        "select",
                        ("authenticated",),
                        using="id = any ((select rowhouse.member_orgs())::uuid[])",
                    ),
                    Policy(
                        "organizations_change",
                        "update",
                        ("authenticated",),
                        using="id = any ((select rowhouse.admin_orgs())::uuid[])",
                        check="id = any ((select rowhouse.admin_orgs())::uuid[])",
                    ),
                    Policy(
                        "organizations_delete",
                        "delete",
                        ("authenticated",),
                        using="id = any ((select rowhouse.owner_orgs())::uuid[])",
                    ),
                ),
                grants=(
                    Grant("authenticated", ("select", "delete")),
                    Grant("authenticated", ("update",), ("name", "slug", "tax_rate", "currency")),
                    Grant("service_role", ("select", "insert", "update", "delete")),
                ),
            ).as_info()
            | Audited(("slug", "name", "tax_rate", "currency"), org="id").as_info(),
        },
    )

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 4), server_default=text("0"))
    currency: Mapped[str] = mapped_column(String(3), server_default=text("'EUR'"))
    created_at: Mapped[Created]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Membership(Base):
    """A person's place in an organisation.

    Its policies never read ``memberships`` themselves, which would recurse (42P17): they ask the SECURITY DEFINER
    functions, as every other table's do.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        Index(None, "user_id", "org_id"),
        {
            "info": RowSecurity(
                policies=(
                    Policy(
                        "memberships_read",
                        "select",
                        ("authenticated",),
                        using="org_id = any ((select rowhouse.member_orgs())::uuid[])",
                    ),
                ),
                grants=(
                    Grant("authenticated", ("select",)),
                    Grant("service_role", ("select", "insert", "update", "delete")),
                ),
            ).as_info()
            | Audited(("role",), omitted=("created_at",), record="user_id").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(member_role)
    created_at: Mapped[Created]
