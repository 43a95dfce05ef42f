"""The ways in: transactions as the person who is looked through and as the one who sees all, of the same moment.

Who sees all is the service role, which has BYPASSRLS. The two transactions share one snapshot, so that a row cannot
change between being read by the one and being judged as the other. Both are READ ONLY; a trial is not, and is always
rolled back.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from webapp import rls
from webapp.rls.connection import GuardedConnection

ROLES: Final = frozenset({"anon", "authenticated"})
MASKS: Final = ("password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "credential", "otp")
LIMITS: Final = rls.Limits(statement=5_000, lock=1_000, idle=10_000, transaction=20_000)
SEER: Final = rls.Identity.service("the Inspector reads the rows that somebody else cannot see")

# Each look holds one of the pooler's servers while it waits for the next. Many at once would hold all of them, and none
# would go on until the pooler turns them away.
TOGETHER: Final = 3
WAIT: Final = 4.0  # seconds, less than the pooler's query_wait_timeout

# They end the answer and say nothing of the row: cancelled, and what is_gone() knows.
_CANCELLED = frozenset({"57014", "25P04", "55P03"})

Query = str | sql.Composed | sql.SQL


class TooSlow(Exception):
    """Say that Postgres was stopped before it had an answer, because of a time limit."""


class Busy(Exception):
    """Say that as many look at this moment as a process lets, and that none of them was done in time."""


class Eye:
    """Ask the database as one identity, in one transaction, with SQL whose names psycopg has quoted."""

    def __init__(self, driver: GuardedConnection, identity: rls.Identity, parser: str = "") -> None:
        self._driver = driver
        self.identity = identity
        self._parser = parser
        self._stopped = ""

    @property
    def server_version(self) -> int:
        """Return the server's version as libpq's number, such as 180006."""
        return self._driver.info.server_version

    def rows(self, query: Query, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Raises psycopg.Error, and TooSlow in its place where a time limit ended it."""
        cursor = self.run(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def run(
        self, query: Query, parameters: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement, in which % is written %%, and return its cursor. Raises as ``rows`` does."""
        statement = sql.SQL(query) if isinstance(query, str) else query
        try:
            return self._driver.execute(statement, parameters if parameters is not None else ())
        except psycopg.Error as exc:
            if exc.sqlstate in _CANCELLED:
                self._stopped = str(exc.diag.message_primary)
                raise TooSlow(self._stopped) from exc
            if rls.errors.is_gone(exc):
                # transaction_timeout ends the whole session, and whoever goes on finds no connection.
                raise TooSlow(self._stopped) if self._stopped else rls.errors.Unavailable(exc.sqlstate) from exc
            raise

    def rows_by_plan(self, query: sql.Composed, argument: sql.Composable) -> list[tuple[Any, ...]]:
        """Return the rows of a query with one parameter, ``$1``, of type text[], as ``rows`` does.

        Names in it are looked up as the one who sees all, and only then is it run as this person. So does Postgres with
        a policy: its names were looked up by whoever created it, and a person needs no USAGE on the schemas in it. The
        role is given back by the savepoint, whatever happens. Raises LookupError where nobody sees all, or even they
        may not look up the names.
        """
        if not self._parser:
            raise LookupError("Nobody here sees all.")
        # It outlives the transaction where what gives it back is not reached. Under a name of its own it is then in the
        # way of nobody who gets the pooler's connection next.
        plan = sql.Identifier(f"inspector_look_{secrets.token_hex(6)}")
        self.run("savepoint plan")
        try:
            self.run(sql.SQL("set local role {}").format(sql.Identifier(self._parser)))
            self.run(sql.SQL("prepare {} (pg_catalog.text[]) as ").format(plan) + query, ())
        except psycopg.Error as exc:
            raise LookupError(str(exc.diag.message_primary)) from exc
        finally:
            self.run("rollback to savepoint plan")
            self.run("release savepoint plan")
        try:
            with self.savepoint():
                return self.rows(sql.SQL("execute {} ({})").format(plan, argument), ())
        finally:
            self.run(sql.SQL("deallocate {}").format(plan))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run the block so that an error in it leaves the transaction alive; the error goes on."""
        self.run("savepoint look")
        try:
            yield
        except (psycopg.Error, TooSlow):
            self.run("rollback to savepoint look")
            self.run("release savepoint look")
            raise
        else:
            self.run("release savepoint look")


@dataclass(frozen=True, slots=True)
class Look:
    """Hold the transactions of one look: one for each person, and the one who sees all, or None where nobody does."""

    people: tuple[Eye, ...]
    seer: Eye | None

    @property
    def person(self) -> Eye:
        """Return the first person's transaction."""
        return self.people[0]

    @property
    def any_eye(self) -> Eye:
        """Return a transaction that can read the catalog."""
        return self.seer or self.person


@dataclass(frozen=True, slots=True)
class Desk:
    """Open looks on one database.

    ``roles`` are those that may be looked through; the operator decides, and no claim. ``sees_hidden`` tells whether
    the login may become the service role: without it, hidden rows stay hidden. Columns whose names contain a word of
    ``masks`` are never shown.
    """

    engine: Engine
    sees_hidden: bool = True
    roles: frozenset[str] = ROLES
    masks: tuple[str, ...] = MASKS
    limits: rls.Limits = field(default=LIMITS)
    places: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(TOGETHER), compare=False, repr=False
    )

    def is_masked(self, column: str) -> bool:
        """Tell whether the values of a column of this name are withheld."""
        name = re.sub(r"[^a-z0-9]+", "_", column.lower())
        return any(word in name for word in self.masks)

    @property
    def _parser(self) -> str:
        return SEER.role if self.sees_hidden else ""

    def admits(self, identity: rls.Identity) -> bool:
        """Tell whether the operator allows to look through this identity's role."""
        return identity.role in self.roles

    @contextmanager
    def look(self, *identities: rls.Identity) -> Iterator[Look]:
        """Open one READ ONLY transaction for each identity, and one that sees all, all of the same moment.

        Raises ValueError for a role that the operator does not allow, Busy where too many look already, and
        rls.errors.DatabaseError where Postgres refuses the role or cannot be reached.
        """
        for identity in identities:
            if not self.admits(identity):
                allowed = ", ".join(sorted(self.roles))
                raise ValueError(f"The role {identity.role!r} may not be looked through; these may: {allowed}.")
        if not self.places.acquire(timeout=WAIT):
            raise Busy("Others are using the Inspector, and none was done in time. Try again in a moment.")
        with ExitStack() as stack:
            stack.callback(self.places.release)
            wanted = [SEER] * self.sees_hidden + list(identities)
            eyes: list[Eye] = []
            snapshot = ""
            for identity in wanted:
                eyes.append(stack.enter_context(self._eye(identity, read_only=True, snapshot=snapshot)))
                if not snapshot and len(wanted) > 1:
                    snapshot = str(eyes[0].rows("select pg_catalog.pg_export_snapshot()")[0][0])
            yield Look(tuple(eyes[1:]), eyes[0]) if self.sees_hidden else Look(tuple(eyes), None)

    @contextmanager
    def seeing(self) -> Iterator[Eye]:
        """Open one READ ONLY transaction as the one who sees all, for what concerns no row of a table in question.

        Raises ValueError where nobody does: ask ``sees_hidden`` first.
        """
        if not self.sees_hidden:
            raise ValueError("This login cannot become the service role.")
        with self._eye(SEER, read_only=True, snapshot="") as eye:
            yield eye

    @contextmanager
    def trial(self, identity: rls.Identity) -> Iterator[Eye]:
        """Open a transaction that may write, as ``identity``, and roll it back whatever happens."""
        if not self.admits(identity):
            raise ValueError(f"The role {identity.role!r} may not be looked through.")
        bound = rls.bind(self.engine, identity, limits=self.limits)
        with _rolled_back(bound, identity, self._parser) as eye:
            yield eye

    @contextmanager
    def _eye(self, identity: rls.Identity, *, read_only: bool, snapshot: str) -> Iterator[Eye]:
        bound = rls.bind(
            self.engine,
            identity,
            read_only=read_only,
            limits=self.limits,
            isolation="REPEATABLE READ",
            snapshot=snapshot,
        )
        with _rolled_back(bound, identity, self._parser) as eye:
            yield eye


@contextmanager
def _rolled_back(bound: Engine, identity: rls.Identity, parser: str) -> Iterator[Eye]:
    with bound.connect() as connection:
        transaction = connection.begin()
        try:
            yield Eye(_driver(connection), identity, parser)
        finally:
            # A connection that broke has raised already what the caller needs to know.
            try:
                transaction.rollback()
            except (DBAPIError, rls.errors.DatabaseError, psycopg.Error):
                connection.invalidate()


def _driver(connection: Connection) -> GuardedConnection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, GuardedConnection):
        raise rls.errors.IdentityMissing()
    return driver
