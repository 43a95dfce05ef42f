"""Keep partitions of the audit trail ready for the months to come."""

from __future__ import annotations

import re
from typing import Final

import psycopg

MONTHS_AHEAD: Final = 12
_MAKE: Final = "select rowhouse.make_audit_partitions((now() at time zone 'UTC')::date, %s)"


def make_partitions(direct_url: str, months: int = MONTHS_AHEAD) -> int:
    """Make the partitions of this month and the next ``months``, where they are missing; return how many were made.

    Writing goes on meanwhile. Only where nobody has done this for a year do rows stand in the default partition; they
    are moved, and writers wait for that. Raises psycopg.errors.LockNotAvailable where somebody reads the trail for
    longer than two seconds: nothing was done then, and nothing is lost by doing it later.
    """
    conninfo = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", direct_url)
    with psycopg.connect(conninfo, connect_timeout=10, application_name="rowhouse audit") as connection:
        connection.execute("set local lock_timeout = '2s'")
        row = connection.execute(_MAKE, (months,)).fetchone()
    return int(row[0]) if row else 0
