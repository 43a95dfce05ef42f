"""The prologue: each transaction begins with its identity, by whatever door it was begun."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from webapp.rls.connection import GuardedConnection, Statement
from webapp.rls.errors import IdentityChanged, IdentityMissing, is_gone, translate
from webapp.rls.identity import ROLES, Identity
from webapp.rls.policy import quote_always

OPTION: Final = "rowhouse_transaction"
Isolation = Literal["READ COMMITTED", "REPEATABLE READ"]
_SNAPSHOT: Final = re.compile(r"[0-9A-Fa-f-]{1,64}")  # as pg_export_snapshot() names them
RETRY_PAUSE = 0.15  # seconds
QUICK = 1.0  # seconds; what took longer to fail would do so again, and the visitor has waited enough


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold the timeouts of a transaction, in milliseconds; 0 means none.

    They go into the prologue because ALTER ROLE … SET does not apply on SET ROLE, and a pooler refuses the
    startup parameter ``options``.
    """

    statement: int = 8_000
    lock: int = 3_000
    idle: int = 10_000
    transaction: int = 30_000


@dataclass(frozen=True, slots=True)
class Transaction:
    """Hold all that a transaction begins with.

    ``snapshot`` names what another transaction exported (pg_export_snapshot): both see the same rows then, which asks
    for REPEATABLE READ.
    """

    identity: Identity
    read_only: bool = False
    limits: Limits = Limits()
    isolation: Isolation = "READ COMMITTED"
    snapshot: str = ""

    def __post_init__(self) -> None:
        if self.snapshot and not _SNAPSHOT.fullmatch(self.snapshot):
            raise ValueError(f"{self.snapshot!r} is no snapshot.")


def prologue(wanted: Transaction, server_version: int) -> tuple[Statement, ...]:
    """Return the statements that begin a transaction. ``server_version`` is libpq's number, such as 180006.

    The claims are the value of a parameter: Postgres shows the text of a statement in pg_stat_activity to every session
    of the same login. SET takes no parameters, so that it must be set_config(); the role alone is set by SET LOCAL,
    which Citus passes on to its workers (docs/adr/0009).

    What decides who somebody is and what a statement means is set whole, and not only where we use it: a setting that
    somebody left on the pooler's connection for its session would hold for the next transactions on it.
    """
    begin, become, settings = _texts(
        wanted.identity.role, wanted.isolation, wanted.read_only, wanted.limits, server_version
    )
    # Before the first query, which settles what the transaction sees.
    seen = (Statement(f"SET TRANSACTION SNAPSHOT '{wanted.snapshot}'".encode()),) if wanted.snapshot else ()
    return Statement(begin), *seen, Statement(become), Statement(settings, (wanted.identity.claims.encode(),))


@lru_cache(maxsize=256)
def _texts(
    role: str, isolation: Isolation, read_only: bool, limits: Limits, server_version: int
) -> tuple[bytes, bytes, bytes]:
    """Return the prologue's texts. The usual roles need no quoting, and "none" must have none: it is a word of SQL."""
    settings = {
        "request.jwt.claims": "$1",
        # auth.uid() and its sisters read these, which older PostgREST set, before the claims.
        "request.jwt.claim": "''",
        "request.jwt.claim.sub": "''",
        "request.jwt.claim.role": "''",
        "request.jwt.claim.email": "''",
        "search_path": "'public'",
        "row_security": "'on'",
        "statement_timeout": f"'{limits.statement:d}'",
        "lock_timeout": f"'{limits.lock:d}'",
        "idle_in_transaction_session_timeout": f"'{limits.idle:d}'",
    }
    if server_version >= 170000:
        settings["transaction_timeout"] = f"'{limits.transaction:d}'"
    calls = ", ".join(f"pg_catalog.set_config('{name}', {value}, true)" for name, value in settings.items())
    return (
        f"BEGIN ISOLATION LEVEL {isolation} {'READ ONLY' if read_only else 'READ WRITE'}".encode(),
        f"SET LOCAL ROLE {role if role in ROLES else quote_always(role)}".encode(),
        f"SELECT pg_catalog.num_nulls({calls})".encode(),  # set_config() alone would send the claims back
    )


def begin(connection: Connection) -> None:
    """Begin the transaction of ``connection`` as its identity (SQLAlchemy's engine event ``begin``).

    SQLAlchemy fires it when a transaction truly begins: again after each commit, never for a savepoint. A pooler
    that accepts the client and then finds no server fails here, before anything was done, so this is tried twice
    on two connections. Raises IdentityMissing or Unavailable.
    """
    wanted = connection.get_execution_options().get(OPTION)
    if not isinstance(wanted, Transaction):
        raise IdentityMissing()
    for attempt in (1, 2):
        driver = connection.connection.driver_connection
        if not isinstance(driver, GuardedConnection):
            raise IdentityMissing()
        began = time.monotonic()
        try:
            driver.begin_as(wanted.identity, prologue(wanted, driver.info.server_version))
        except psycopg.Error as exc:
            connection.invalidate(exc)
            if attempt == 2 or not is_gone(exc) or time.monotonic() - began > QUICK:
                raise (translate(exc) or exc) from exc
            time.sleep(RETRY_PAUSE)
        else:
            return


def bind(
    engine: Engine,
    identity: Identity,
    *,
    read_only: bool = False,
    limits: Limits = Limits(),
    isolation: Isolation = "READ COMMITTED",
    snapshot: str = "",
) -> Engine:
    """Return ``engine`` for one identity; every connection of it begins its transactions so.

    Raises IdentityChanged for an engine that already has another identity.
    """
    wanted = Transaction(identity, read_only, limits, isolation, snapshot)
    held = engine.get_execution_options().get(OPTION)
    if held is not None and held != wanted:
        raise IdentityChanged()
    return engine.execution_options(**{OPTION: wanted})


@contextmanager
def unit_of_work(
    engine: Engine, identity: Identity, *, read_only: bool = False, limits: Limits = Limits()
) -> Iterator[Connection]:  # fmt: skip
    """Run one transaction as ``identity`` outside a request: committed at the end, rolled back by an exception."""
    with bind(engine, identity, read_only=read_only, limits=limits).begin() as connection:
        yield connection


@contextmanager
def session_of_work(
    engine: Engine, identity: Identity, *, read_only: bool = False, limits: Limits = Limits()
) -> Iterator[Session]:  # fmt: skip
    """Run one Session as ``identity`` outside a request: committed at the end, rolled back by an exception."""
    with Session(bind(engine, identity, read_only=read_only, limits=limits)) as session, session.begin():
        yield session
