"""The log of inspections: an entry stands, committed, before the first row of somebody else is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from webapp import rls
from webapp.inspector.desk import Desk
from webapp.inspector.viewpoint import Viewpoint

MASKED: Final = "•••"
_RECORD: Final = text(
    "select rowhouse.record_inspection(:action, :viewpoint, :viewed_as, :role, :schema, :table,"
    " cast(:key as jsonb), :command)"
)
_FINISH: Final = text("select rowhouse.finish_inspection(:id, :rows)")
_OPERATOR: Final = rls.Identity.service("the log of inspections, from the command line")


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold what is to be recorded: for what the Inspector is used, as whom, and on what.

    ``action`` is a word of small letters, with hyphens; ``key`` has the columns of the row's key and their values.
    """

    action: str
    viewpoint: Viewpoint | None = None
    schema: str | None = None
    table: str | None = None
    key: Mapping[str, Any] | None = None
    command: str | None = None


def write(transaction: Session | Connection, desk: Desk, entry: Entry) -> UUID:
    """Write the entry in a transaction that may write, and return its id. The caller commits before anything is read.

    The database decides who it was. Raises NotPermitted for whoever is no administrator of the platform.
    """
    seen = entry.viewpoint
    found: UUID = transaction.execute(
        _RECORD,
        {
            "action": entry.action,
            "viewpoint": seen.spec if seen else None,
            "viewed_as": _label(seen) if seen else None,
            "role": seen.identity.role if seen else None,
            "schema": entry.schema,
            "table": entry.table,
            "key": _key(desk, entry.key),
            "command": entry.command,
        },
    ).scalar_one()
    return found


def complete(transaction: Session | Connection, entry_id: UUID, rows: int) -> None:
    """Say how many rows the answer had, once. Raises NotPermitted for another's entry, Refused for a finished one."""
    transaction.execute(_FINISH, {"id": entry_id, "rows": min(rows, 2_147_483_647)})


def record_as_operator(desk: Desk, entry: Entry) -> UUID:
    """Write the entry of the command line, committed, and return its id."""
    with rls.unit_of_work(desk.engine, _OPERATOR, limits=desk.limits) as connection:
        return write(connection, desk, entry)


def complete_as_operator(desk: Desk, entry_id: UUID, rows: int) -> None:
    """Say how many rows the answer had that the command line gave."""
    with rls.unit_of_work(desk.engine, _OPERATOR, limits=desk.limits) as connection:
        complete(connection, entry_id, rows)


def _label(viewpoint: Viewpoint) -> str:
    return f"{viewpoint.name} ({viewpoint.detail.rstrip('.')})" if viewpoint.detail else viewpoint.name


def _key(desk: Desk, key: Mapping[str, Any] | None) -> str | None:
    """Return the key as JSON: what a page masks is no clearer in the log, and NUL is nothing that jsonb can hold."""
    if key is None:
        return None
    shown = {name: MASKED if desk.is_masked(name) else value for name, value in key.items()}
    return json.dumps(shown, default=str, ensure_ascii=True).replace("\\u0000", "\\ufffd")
