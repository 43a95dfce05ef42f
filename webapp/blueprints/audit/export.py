"""What the file of an audit trail holds: one line for each entry, with the record before and after it as JSON."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, cast, select, text

from webapp.blueprints.audit.filters import Wanted
from webapp.blueprints.audit.queries import matching
from webapp.models.audit import AuditEntry
from webapp.web.csv_export import cell, moment

# Whoever changes anything is a member, or was one, which the trail has kept.
_PEOPLE: Final = text("""
select p.id, p.name
from rowhouse.audit_people(:org, array(
  select m.user_id from public.memberships m where m.org_id = :org
  union
  select e.record_id from public.audit_log e where e.org_id = :org and e.table_name = 'memberships'
)) p
""")


def rows(org_id: UUID, wanted: Wanted) -> Select[Any]:
    """Return the query for all entries that ``wanted`` narrows the trail to, newest first."""
    people = _PEOPLE.bindparams(org=org_id).columns(id=Uuid(), name=Text()).subquery("people")
    columns: list[Any] = [
        moment(AuditEntry.at).label("At"),
        cell(people.c.name).label("Who"),
        AuditEntry.user_id.label("Who (id)"),
        cast(AuditEntry.action, Text).label("Action"),
        AuditEntry.table_name.label("Table"),
        AuditEntry.record_id.label("Record"),
        AuditEntry.parent_id.label("Part of"),
        AuditEntry.old_data.label("Before"),
        AuditEntry.new_data.label("After"),
    ]
    return (
        select(*columns)
        .select_from(AuditEntry)
        .outerjoin(people, people.c.id == AuditEntry.user_id)
        .where(*matching(AuditEntry, org_id, wanted))
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    )
