"""The session that migrates: on the direct connection, alone, and with little patience for locks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, text

from webapp.rls.engine import normalise_url
from webapp.schema.project import VERSION_SCHEMA

ADVISORY_LOCK: Final = int.from_bytes(b"rowhouse", "big")
SETTINGS: Final = {
    # Whoever waits for a table's lock makes everyone who comes later wait too, readers included. So a migration
    # gives up early, and whoever runs it tries again (webapp.ops.migrate does).
    "lock_timeout": "400ms",
    "statement_timeout": "10min",
    # Where an unqualified name lands is not left to the role's or the database's own setting.
    "search_path": "public",
}
OFFLINE_SETTINGS: Final = SETTINGS | {"lock_timeout": "5s"}  # the Supabase command line does not try again
PATIENCE: Final = 60.0  # seconds to wait for another migrator


class PoolerRefused(CommandError):
    """Say that the address is a transaction pooler's."""

    def __init__(self) -> None:
        super().__init__(
            "This address is a transaction pooler's: the lock that keeps two migrators apart would outlive this one "
            "and every session setting would reach strangers. Set DATABASE_URL_DIRECT to the direct connection."
        )


def direct_engine(url: str | URL) -> Engine:
    """Return an engine for the owner's direct connection, without the guard that a request's engine has."""
    return create_engine(
        normalise_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"application_name": "rowhouse migrate", "connect_timeout": 10, "prepare_threshold": None},
    )


@contextmanager
def migrating(connection: Connection, patience: float = PATIENCE) -> Iterator[None]:
    """Make ``connection`` the only migrator for the length of the block.

    Raises CommandError where another one is still at work after ``patience`` seconds. A connection that is inside a
    transaction already stays in it: its owner commits, and the lock is waited for no longer than the block lasts.
    """
    inside = connection.in_transaction()
    if not inside:
        _refuse_transaction_pooler(connection)
    _lock(connection, inside, patience)
    try:
        for name, value in SETTINGS.items():
            connection.execute(
                text("SELECT set_config(:name, :value, :inside)"), {"name": name, "value": value, "inside": inside}
            )
        # CREATE SCHEMA IF NOT EXISTS asks for the privilege to create one even where there is nothing to do.
        if connection.scalar(text("SELECT to_regnamespace(:name) IS NULL"), {"name": VERSION_SCHEMA}):
            connection.exec_driver_sql(f"CREATE SCHEMA {VERSION_SCHEMA}")
        if not inside:
            connection.commit()
        yield
    finally:
        if not inside and not connection.invalidated:
            connection.rollback()
            for name in SETTINGS:
                connection.exec_driver_sql(f"RESET {name}")
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()


def _lock(connection: Connection, inside: bool, patience: float) -> None:
    """Ask again and again rather than wait inside Postgres.

    A waiting statement holds a snapshot, and CREATE INDEX CONCURRENTLY of the migrator that has the lock would wait
    for that snapshot to end: neither would ever finish.
    """
    attempt = "pg_try_advisory_xact_lock" if inside else "pg_try_advisory_lock"
    deadline = time.monotonic() + patience
    while not connection.scalar(text(f"SELECT {attempt}(:key)"), {"key": ADVISORY_LOCK}):
        if time.monotonic() > deadline:
            raise CommandError(
                f"Another migrator has been at work for {patience:.0f} s. Wait for it, or end its session "
                "(application_name 'rowhouse migrate' in pg_stat_activity), and try again."
            )
        if not inside:
            connection.rollback()
        time.sleep(0.1)
    if not inside:
        connection.commit()


def _refuse_transaction_pooler(connection: Connection) -> None:
    """Raise PoolerRefused where two clients share one server process.

    A pooler gives its client a made-up process id. Behind one that pools by session, which is fine, the second
    client gets another process; behind one that pools by transaction it gets the one that the first is not using.
    """
    driver = connection.connection.driver_connection
    told = driver.info.backend_pid if driver is not None else None
    mine = connection.scalar(text("SELECT pg_backend_pid()"))
    connection.rollback()
    if mine == told:
        return
    with connection.engine.connect() as other:
        if other.scalar(text("SELECT pg_backend_pid()")) == mine:
            raise PoolerRefused()
