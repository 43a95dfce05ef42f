"""Who administers the platform: a claim that only the owner of the database can give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg


class UnknownAccount(Exception):
    """Say that no account has the e-mail address."""


class SeveralAccounts(Exception):
    """Say that more than one account has the e-mail address: single sign-on allows that."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Hold the account that was changed, so that whoever did it can see whether it is the one they meant."""

    id: UUID
    email: str
    created_at: datetime


def set_admin(direct_url: str, email: str, value: bool) -> Changed:
    """Set ``app_metadata.rowhouse_admin`` of an account. Raises UnknownAccount or SeveralAccounts.

    Taking it away ends the account's sessions as well: their access tokens still carry the claim.
    """
    conninfo = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", direct_url)
    with psycopg.connect(conninfo, connect_timeout=10, application_name="rowhouse admin") as connection:
        rows = connection.execute(
            "update auth.users set raw_app_meta_data = coalesce(raw_app_meta_data, '{}'::jsonb)"
            " || jsonb_build_object('rowhouse_admin', %s::boolean)"
            " where email = lower(%s) and deleted_at is null returning id, email, created_at",
            (value, email.strip()),
        ).fetchall()
        if not rows:
            raise UnknownAccount(f"There is no account {email}. Let the person sign up first.")
        if len(rows) > 1:
            raise SeveralAccounts(
                f"{len(rows)} accounts have the address {email}, so nothing was changed. "
                "Remove the ones that are not meant, then try again."
            )
        if not value:
            connection.execute("delete from auth.sessions where user_id = %s", (rows[0][0],))
    return Changed(*rows[0])
