"""What a person shows of themselves."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Created
from webapp.rls.policy import Grant, Policy, RowSecurity


class Profile(Base):
    """One row per row of ``auth.users``, made by a trigger; the foreign key to it stands in the migration, since
    schema ``auth`` is not ours to map."""

    __tablename__ = "profiles"
    __table_args__ = (
        CheckConstraint("length(full_name) <= 120", name="full_name"),
        {
            "info": RowSecurity(
                policies=(
                    Policy(
                        "profiles_read",
                        "select",
                        ("authenticated",),
                        using=(
                            "id = (select rowhouse.user_id()) or id = any ((select rowhouse.fellow_members())::uuid[])"
                        ),
                    ),
                    Policy(
                        "profiles_change",
                        "update",
                        ("authenticated",),
                        using="id = (select rowhouse.user_id())",
                        check="id = (select rowhouse.user_id())",
                    ),
                ),
                grants=(
                    Grant("authenticated", ("select",)),
                    Grant("authenticated", ("update",), ("full_name",)),
                    Grant("service_role", ("select", "insert", "update", "delete")),
                ),
            ).as_info()
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    full_name: Mapped[str] = mapped_column(server_default=text("''"))
    avatar_path: Mapped[str | None]
    created_at: Mapped[Created]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
