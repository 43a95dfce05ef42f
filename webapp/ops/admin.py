"""Who administers the platform: a claim that only the owner of the database can give."""

from __future__ import annotations

import re

import psycopg


class UnknownAccount(Exception):
    """Say that no account has the e-mail address."""


def set_admin(direct_url: str, email: str, value: bool) -> None:
    """Set ``app_metadata.rowhouse_admin`` of an account. Raises UnknownAccount.

    Taking it away ends the account's sessions as well: their access tokens still carry the claim.
    """
    conninfo = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", direct_url)
    with psycopg.connect(conninfo, connect_timeout=10, application_name="rowhouse admin") as connection:
        row = connection.execute(
            "update auth.users set raw_app_meta_data = coalesce(raw_app_meta_data, '{}'::jsonb)"
            " || jsonb_build_object('rowhouse_admin', %s::boolean) where email = lower(%s) returning id",
            (value, email.strip()),
        ).fetchone()
        if row is None:
            raise UnknownAccount(f"There is no account {email}. Let the person sign up first.")
        if not value:
            connection.execute("delete from auth.sessions where user_id = %s", row)
