"""Bring a database to the newest schema; when it is there already, know so after one query.

Alembic and SQLAlchemy are imported only where there is something to do: the second start of the product asks one
question of Postgres and goes on.
"""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Final

import psycopg

PATIENCE: Final = 60.0  # seconds over which a migration that could not get a table's lock is tried again

_VERSIONS: Final = Path(__file__).resolve().parents[2] / "migrations" / "versions"
_NUMBERED: Final = re.compile(r"(\d{4})_\w+\.py")
_log = logging.getLogger(__name__)


def head() -> str:
    """Return the newest revision that the code brings; revisions are numbered, so the file names tell."""
    numbers = [match[1] for path in _VERSIONS.iterdir() if (match := _NUMBERED.fullmatch(path.name))]
    if not numbers:
        raise FileNotFoundError(f"There is no migration in {_VERSIONS}. Run Rowhouse from a complete checkout.")
    return max(numbers)


def current(direct_url: str) -> str | None:
    """Return the revision that the database is at, or None where it has none.

    Raises psycopg.OperationalError where the database cannot be reached.
    """
    conninfo = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", direct_url)
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=10, application_name="rowhouse") as connection:
        try:
            row = connection.execute("SELECT version_num FROM rowhouse.alembic_version").fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return None
    return str(row[0]) if row else None


def upgrade(direct_url: str, revision: str = "head", patience: float = PATIENCE) -> bool:
    """Migrate the database to ``revision`` and return whether there was anything to do.

    Each migration is a transaction of its own and waits 0.4 s for a table's lock, so that it stalls nobody for longer.
    One that did not get it is tried again for ``patience`` seconds. What was migrated before it stays.
    """
    if current(direct_url) == (head() if revision == "head" else revision):
        return False
    from alembic import command
    from sqlalchemy.exc import OperationalError

    from webapp.schema.project import configuration

    deadline = time.monotonic() + patience
    while True:
        try:
            command.upgrade(configuration(url=direct_url, metadata=None), revision)
            return True
        except OperationalError as exc:
            if not isinstance(exc.orig, psycopg.errors.LockNotAvailable) or time.monotonic() > deadline:
                raise
            _log.info("a table is in use; the migration is tried again")
            time.sleep(0.5)
