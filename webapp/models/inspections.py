"""What the Inspector keeps: who looked at what as whom, and the viewpoints that administrators have saved.

Both tables stand in schema ``rowhouse``, which no API exposes. The functions by which people are looked up stand in
``inspected_people``.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Created, Id
from webapp.models.profiles import Profile
from webapp.rls.policy import Function, Grant, Policy, RowSecurity, Trigger

_ADMINS = ("authenticated",)
_IS_ADMIN = "(select rowhouse.is_platform_admin())"


class InspectionAction(enum.StrEnum):
    """Name what the Inspector was used for.

    The database takes any such word, so that a later use needs no migration before it can be recorded.
    """

    BROWSE = "browse"
    WHY = "why"
    WHAT_IF = "what-if"
    TRIAL = "trial"
    COMPARE = "compare"
    COUNTS = "counts"
    PEOPLE = "people"
    PERSONAS = "personas"
    PREVIEW = "preview"
    LOG = "log"


class Inspection(Base):
    """One use of the Inspector: who it was, and as whom they looked at what.

    No foreign key: the log outlives the people and the tables in it. ``actor`` is missing where somebody used the
    command line. ``viewpoint`` is the machine's name of who was looked through, ``viewed_as`` the one for people;
    both are missing where nobody was. ``rows`` is missing where no answer was given.
    """

    __tablename__ = "inspections"
    __table_args__ = (
        CheckConstraint("action ~ '^[a-z][a-z-]{1,30}$'", name="action"),
        CheckConstraint(
            "length(viewpoint) <= 50000 and length(viewed_as) <= 500 and length(role) <= 63"
            " and length(actor_name) <= 500 and length(command) <= 20",
            name="words",
        ),
        CheckConstraint("rows >= 0", name="rows"),
        Index(None, "actor", "id"),
        {
            "schema": "rowhouse",
            "info": RowSecurity(
                policies=(Policy("inspections_read", "select", _ADMINS, using=_IS_ADMIN),),
                grants=(Grant("authenticated", ("select",)), Grant("service_role", ("select",))),
            ).as_info(),
        },
    )

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    actor: Mapped[UUID | None]
    actor_name: Mapped[str]
    viewpoint: Mapped[str | None]
    viewed_as: Mapped[str | None]
    role: Mapped[str | None]
    action: Mapped[str]
    schema_name: Mapped[str | None]
    table_name: Mapped[str | None]
    record_key: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    command: Mapped[str | None]
    rows: Mapped[int | None]


class Persona(Base):
    """A saved viewpoint, shared by the administrators of the platform.

    ``viewpoint`` is a name such as ``user:<id>``; of custom claims it is the word ``claims``, and they stand beside.
    """

    __tablename__ = "personas"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("length(name) between 1 and 80 and name = btrim(name)", name="name"),
        CheckConstraint("length(viewpoint) between 1 and 400", name="viewpoint"),
        CheckConstraint(
            "(viewpoint = 'claims') = (claims is not null)"
            " and (claims is null or jsonb_typeof(claims) = 'object' and length(claims::text) <= 20000)",
            name="claims",
        ),
        {
            "schema": "rowhouse",
            "info": RowSecurity(
                policies=(
                    Policy("personas_read", "select", _ADMINS, using=_IS_ADMIN),
                    Policy(
                        "personas_create",
                        "insert",
                        _ADMINS,
                        check=f"{_IS_ADMIN} and created_by = (select rowhouse.user_id())",
                    ),
                    Policy("personas_rename", "update", _ADMINS, using=_IS_ADMIN, check=_IS_ADMIN),
                    Policy("personas_delete", "delete", _ADMINS, using=_IS_ADMIN),
                ),
                grants=(
                    Grant("authenticated", ("select", "delete")),
                    Grant("authenticated", ("insert",), ("id", "name", "viewpoint", "claims")),
                    Grant("authenticated", ("update",), ("name",)),
                    Grant("service_role", ("select",)),
                ),
            ).as_info(),
        },
    )

    id: Mapped[Id]
    name: Mapped[str]
    viewpoint: Mapped[str]
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_by: Mapped[UUID | None] = mapped_column(
        ForeignKey(Profile.id, ondelete="SET NULL"), server_default=text("rowhouse.user_id()")
    )
    created_at: Mapped[Created]


# The claim alone would do for a token that was verified, but whoever can run SQL of their own can write claims; so the
# account has to say the same. Taking it away holds from the next statement on.
IS_PLATFORM_ADMIN = Function(
    "rowhouse.is_platform_admin()",
    """create or replace function rowhouse.is_platform_admin() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(auth.jwt() -> 'app_metadata' -> 'rowhouse_admin' = 'true'::jsonb, false)
    and rowhouse.session_alive()
    and exists (
      select from auth.users u
      where u.id = auth.uid() and u.raw_app_meta_data -> 'rowhouse_admin' = 'true'::jsonb
    )
$$""",
    ("authenticated", "service_role"),
)

# Who acts, as the two functions below record it: the person, or the command line by its login. A person has to be
# signed in: whoever is only looked through writes nothing. The role is what Postgres knows, and no claim.
INSPECTING = Function(
    "rowhouse.inspecting()",
    """create or replace function rowhouse.inspecting(out actor uuid, out actor_name text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('role') = 'service_role' then
    actor_name := 'command line (' || session_user || ')';
  elsif (auth.jwt() ->> 'session_id') is not null and rowhouse.is_platform_admin() then
    actor := auth.uid();
    select coalesce(nullif(btrim(p.full_name), '') || ' (' || p.email || ')', p.email) into actor_name
    from public.profiles p
    where p.id = actor;
    actor_name := left(coalesce(actor_name, actor::text), 500);
  else
    raise exception 'not an administrator of the platform' using errcode = '42501';
  end if;
end
$$""",
)

RECORD_INSPECTION = Function(
    "rowhouse.record_inspection(text, text, text, text, text, text, jsonb, text)",
    """create or replace function rowhouse.record_inspection(
  p_action text, p_viewpoint text, p_viewed_as text, p_role text, p_schema text, p_table text, p_key jsonb,
  p_command text
) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into rowhouse.inspections
    (actor, actor_name, action, viewpoint, viewed_as, role, schema_name, table_name, record_key, command)
  select who.actor, who.actor_name, p_action, p_viewpoint, left(p_viewed_as, 500), p_role, p_schema, p_table,
    -- A key can be as long as any text; the log names the row, and is no second place to keep it.
    case when length(p_key::text) <= 8000 then p_key
      when p_key is not null then jsonb_build_object('too_long', length(p_key::text)) end,
    p_command
  from rowhouse.inspecting() who
  returning id into v_id;
  return v_id;
end
$$""",
    ("authenticated", "service_role"),
)

FINISH_INSPECTION = Function(
    "rowhouse.finish_inspection(uuid, integer)",
    """create or replace function rowhouse.finish_inspection(p_id uuid, p_rows integer) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor uuid;
  v_name text;
  v_rows integer;
begin
  select who.actor, who.actor_name into v_actor, v_name from rowhouse.inspecting() who;
  if p_rows is null then
    raise exception 'say how many rows' using errcode = '22004';
  end if;
  select i.rows into v_rows
  from rowhouse.inspections i
  where i.id = p_id and i.actor is not distinct from v_actor and (v_actor is not null or i.actor_name = v_name)
  for update;
  if not found then
    raise exception 'no inspection of yours' using errcode = '42501';
  elsif v_rows is not null then
    raise exception 'finished already' using errcode = 'P0001', constraint = 'inspections_finished';
  end if;
  update rowhouse.inspections i set rows = p_rows where i.id = p_id;
end
$$""",
    ("authenticated", "service_role"),
)

# Not even an owner's slip changes an entry, save for the number of rows, once.
REFUSE_INSPECTION_CHANGE = Function(
    "rowhouse.refuse_inspection_change()",
    """create or replace function rowhouse.refuse_inspection_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.rows is null and to_jsonb(new) - 'rows' = to_jsonb(old) - 'rows' then
    return new;
  end if;
  raise exception 'an entry of the log of inspections is never changed' using errcode = '42501';
end
$$""",
)

FUNCTIONS: tuple[Function, ...] = (
    IS_PLATFORM_ADMIN,
    INSPECTING,
    RECORD_INSPECTION,
    FINISH_INSPECTION,
    REFUSE_INSPECTION_CHANGE,
)
# ALWAYS: also where session_replication_role is replica, which Supabase lets its owner set.
TRIGGERS: tuple[Trigger, ...] = (
    Trigger(
        "inspections_append_only",
        "rowhouse.inspections",
        """create trigger inspections_append_only before update or delete on rowhouse.inspections
for each row execute function rowhouse.refuse_inspection_change();
alter table rowhouse.inspections enable always trigger inspections_append_only""",
    ),
    Trigger(
        "inspections_no_truncate",
        "rowhouse.inspections",
        """create trigger inspections_no_truncate before truncate on rowhouse.inspections
for each statement execute function rowhouse.refuse_inspection_change();
alter table rowhouse.inspections enable always trigger inspections_no_truncate""",
    ),
)
