"""The audit trail: who changed what in which organisation, written by triggers and never changed.

``webapp.models.audited`` says how a table declares what is kept of it, and makes the triggers. Here is the table that
they write, partitioned by month, and what keeps everybody from changing it.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base
from webapp.rls.policy import Function, Grant, Policy, RowSecurity, Trigger


class AuditAction(enum.StrEnum):
    """Say what was done to a row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


audit_action = Enum(
    AuditAction, name="audit_action", schema="public", values_callable=lambda actions: [a.value for a in actions]
)


class AuditEntry(Base):
    """One change of one row.

    No foreign key: the trail outlives the organisation and the people in it. ``user_id`` is missing where an operator
    changed the row. ``at`` is when the transaction began, so that what was done together is told together, and
    ``written_at`` when the statement wrote its rows, which tells what came first. Partitions stand in schema
    ``rowhouse_audit``, which nobody may use, so they are reached through this table and its policy alone.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        # Who and what go along in the key, and have no index of their own: each of those cost as much as the row
        # itself when thousands of products are changed, and reading past others' entries in the key is quick.
        PrimaryKeyConstraint("org_id", "at", "id", postgresql_include=["user_id", "table_name"]),
        Index(None, "org_id", "record_id", "at"),
        Index(None, "org_id", "parent_id", "at", postgresql_where=text("parent_id is not null")),
        Index(None, "org_id", "table_name", "at", postgresql_where=text("table_name <> 'products'")),
        {
            "postgresql_partition_by": "RANGE (at)",
            "info": RowSecurity(
                policies=(
                    Policy(
                        "audit_log_read",
                        "select",
                        ("authenticated",),
                        using="org_id = any ((select rowhouse.admin_orgs())::uuid[])",
                    ),
                ),
                grants=(Grant("authenticated", ("select",)), Grant("service_role", ("select",))),
            ).as_info(),
        },
    )

    org_id: Mapped[UUID]
    at: Mapped[datetime]
    id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    written_at: Mapped[datetime]
    record_id: Mapped[UUID]
    parent_id: Mapped[UUID | None]
    user_id: Mapped[UUID | None]
    table_name: Mapped[str]
    action: Mapped[AuditAction] = mapped_column(audit_action)
    old_data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    new_data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


# Not even an owner's slip changes an entry. Who owns the table can of course take the trigger away: that is DDL, which
# is logged by the server where log_statement says so, and which no login of the application can run.
REFUSE_CHANGE = Function(
    "rowhouse.refuse_audit_change()",
    """create or replace function rowhouse.refuse_audit_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'an entry of the audit trail is never changed' using errcode = '42501';
end
$$""",
)

# A partition is made beside its table and attached: that lets others go on writing, where CREATE TABLE … PARTITION OF
# would not. What had to go to the default partition is moved without an UPDATE or a DELETE, which the trigger refuses:
# the partition is detached, its rows are written again, and it is dropped, which keeps writers out until the end of
# the transaction. It comes to that only where nobody has run this for a year.
MAKE_PARTITIONS = Function(
    "rowhouse.make_audit_partitions(date, integer)",
    """create or replace function rowhouse.make_audit_partitions(p_from date, p_ahead integer) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
declare
  v_default regclass;
  v_stranded boolean := false;
  v_months timestamptz[];
  v_made integer := 0;
  v_bounds text;
  v_name text;
begin
  perform pg_advisory_xact_lock(hashtextextended('rowhouse.make_audit_partitions', 0));
  v_default := to_regclass('rowhouse_audit.audit_log_default');
  if v_default is not null then
    execute format('select exists (select from %s)', v_default) into v_stranded;
  end if;
  if v_stranded then
    alter table public.audit_log detach partition rowhouse_audit.audit_log_default;
    alter table rowhouse_audit.audit_log_default rename to audit_log_stranded;
    v_default := null;
    execute 'select array_agg(distinct date_trunc(''month'', s.at)) from rowhouse_audit.audit_log_stranded s'
    into v_months;
  end if;
  for v_name, v_bounds in
    select 'audit_log_' || to_char(m.first, 'YYYY_MM'),
      format('for values from (%L) to (%L)', m.first, m.first + interval '1 month')
    from (
      select date_trunc('month', p_from::timestamptz) + make_interval(months => ahead)
      from generate_series(0, p_ahead) ahead
      union
      select unnest(v_months)
    ) m (first)
    where to_regclass('rowhouse_audit.audit_log_' || to_char(m.first, 'YYYY_MM')) is null
    union all
    select 'audit_log_default', 'default' where v_default is null
  loop
    execute format('create table rowhouse_audit.%I (like public.audit_log including defaults)', v_name);
    execute format('revoke all on table rowhouse_audit.%I from public, anon, authenticated, service_role', v_name);
    execute format('alter table rowhouse_audit.%I enable row level security, force row level security', v_name);
    execute format(
      'create trigger audit_log_no_truncate before truncate on rowhouse_audit.%I'
      ' for each statement execute function rowhouse.refuse_audit_change()', v_name
    );
    execute format('alter table rowhouse_audit.%I enable always trigger audit_log_no_truncate', v_name);
    execute format('alter table public.audit_log attach partition rowhouse_audit.%I %s', v_name, v_bounds);
    v_made := v_made + 1;
  end loop;
  if v_stranded then
    execute 'insert into public.audit_log select * from rowhouse_audit.audit_log_stranded';
    drop table rowhouse_audit.audit_log_stranded;
  end if;
  return v_made;
end
$$""",
)

# A person who has left is nobody's fellow member any more, so their profile is out of an administrator's sight; what
# they did stays theirs by name. Nobody is named who does not stand in the trail of that organisation.
AUDIT_PEOPLE = Function(
    "rowhouse.audit_people(uuid, uuid[])",
    """create or replace function rowhouse.audit_people(p_org_id uuid, p_ids uuid[])
returns table (id uuid, name text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.id,
    coalesce(nullif(btrim(p.full_name), ''), case when m.user_id is not null then p.email end, 'Former member')
  from public.profiles p
  left join public.memberships m on m.org_id = p_org_id and m.user_id = p.id
  where p_org_id = any (rowhouse.admin_orgs())
    and p.id = any (p_ids)
    and (
      exists (select from public.audit_log e where e.org_id = p_org_id and e.user_id = p.id)
      or exists (
        select from public.audit_log e
        where e.org_id = p_org_id and e.record_id = p.id and e.table_name = 'memberships'
      )
      or m.user_id is not null
    )
$$""",
    ("authenticated", "service_role"),
)

AUDIT_HISTORY = Function(
    "public.get_audit_history(uuid, text, uuid, integer, timestamptz, uuid)",
    """create or replace function public.get_audit_history(
  p_org_id uuid, p_table text, p_record_id uuid, p_limit integer,
  p_before timestamptz default null, p_before_id uuid default null
)
returns table (
  at timestamptz, id uuid, written_at timestamptz, table_name text, record_id uuid, parent_id uuid,
  action public.audit_action, user_id uuid, user_name text, old_data jsonb, new_data jsonb
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with found as (
    (
      select e.* from public.audit_log e
      where e.org_id = p_org_id and e.record_id = p_record_id and e.table_name = p_table
        and (e.at, e.id) < (
          coalesce(p_before, 'infinity'), coalesce(p_before_id, '00000000-0000-0000-0000-000000000000')
        )
      order by e.at desc, e.id desc
      limit least(p_limit, 1000)
    )
    union all
    (
      select e.* from public.audit_log e
      where e.org_id = p_org_id and e.parent_id = p_record_id
        and (e.at, e.id) < (
          coalesce(p_before, 'infinity'), coalesce(p_before_id, '00000000-0000-0000-0000-000000000000')
        )
      order by e.at desc, e.id desc
      limit least(p_limit, 1000)
    )
    order by at desc, id desc
    limit least(p_limit, 1000)
  )
  select f.at, f.id, f.written_at, f.table_name, f.record_id, f.parent_id, f.action, f.user_id, who.name,
    f.old_data, f.new_data
  from found f
  left join rowhouse.audit_people(p_org_id, array(select distinct f.user_id from found f)) who on who.id = f.user_id
  order by f.at desc, f.id desc
$$""",
    ("authenticated", "service_role"),
)

FUNCTIONS: tuple[Function, ...] = (REFUSE_CHANGE, MAKE_PARTITIONS, AUDIT_PEOPLE, AUDIT_HISTORY)
# ALWAYS: also where session_replication_role is replica, which Supabase lets its owner set. A trigger for each row is
# copied to every partition; one for each statement is not, so make_audit_partitions gives each partition its own
# against TRUNCATE.
TRIGGERS: tuple[Trigger, ...] = (
    Trigger(
        "audit_log_append_only",
        "public.audit_log",
        """create trigger audit_log_append_only before update or delete on public.audit_log
for each row execute function rowhouse.refuse_audit_change();
alter table public.audit_log enable always trigger audit_log_append_only""",
    ),
    Trigger(
        "audit_log_no_truncate",
        "public.audit_log",
        """create trigger audit_log_no_truncate before truncate on public.audit_log
for each statement execute function rowhouse.refuse_audit_change();
alter table public.audit_log enable always trigger audit_log_no_truncate""",
    ),
)
