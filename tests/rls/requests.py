"""The kinds of request that the leak run is made of, each checking everything that it sees."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.rls.doors import Door, ShadowTable, claims_of
from tests.rls.outcome import Outcome, Someone
from webapp.models import Product
from webapp.rls.errors import CommitUnknown, DatabaseError, InvalidValue, NotPermitted

_ROLE: ColumnElement[str] = literal_column("current_user::text").label("role")
_CLAIMS = func.current_setting("request.jwt.claims", True).label("claims")


def _rows() -> Select[Any]:
    return select(Product.org_id, Product.id, _ROLE, _CLAIMS)


class Requests:
    """The kinds of request, each checking everything that it sees."""

    def __init__(self, door: Door, people: tuple[Someone, ...], outcome: Outcome) -> None:
        self._door = door
        self._people = people
        self._outcome = outcome
        self.increments: Counter[tuple[UUID, UUID]] = Counter()
        self.unsure: Counter[tuple[UUID, UUID]] = Counter()
        self._lock = threading.Lock()

    def look(self, session: Any, who: Someone) -> None:
        """Read everything that ``who`` can read, and who the server says that they are."""
        self._outcome.count(statements=2)
        role, claims = session.execute(select(_ROLE, _CLAIMS)).one()
        self._is(who, role, claims)
        if who.identity.role != "authenticated":
            return
        rows = session.execute(_rows()).all()
        for row in rows:
            self._is(who, row.role, row.claims)
            if row.org_id not in who.orgs:
                self._outcome.fault("foreign row", f"{who.subject} read {row.id} of {row.org_id}")
        if who.visible - {row.id for row in rows}:
            self._outcome.fault("missing row", f"{who.subject} saw {len(rows)} rows of {len(who.visible)}")

    def _is(self, who: Someone, role: str, claims: str | None) -> None:
        wanted = "rowhouse_web" if who.identity.role == "none" else who.identity.role
        if role != wanted or claims_of(claims).get("sub") != who.subject:
            self._outcome.fault("no identity", f"{who.subject} as {wanted} ran as {role} with {claims!r}")

    def read(self, rng: random.Random, who: Someone) -> None:
        with self._door.session(who.identity) as session:
            self.look(session, who)

    def commit_in_the_middle(self, rng: random.Random, who: Someone) -> None:
        with self._door.session(who.identity) as session:
            self.look(session, who)
            session.commit()
            self.look(session, who)

    def fail_and_go_on(self, rng: random.Random, who: Someone) -> None:
        with self._door.session(who.identity) as session:
            with suppress(DatabaseError, DBAPIError):
                session.execute(text("select 1 / 0"))
            session.rollback()
            self.look(session, who)

    def fail_and_leave(self, rng: random.Random, who: Someone) -> None:
        with self._door.session(who.identity) as session:
            self.look(session, who)
            with suppress(DatabaseError, DBAPIError):
                session.execute(text("select nothing from nowhere"))

    def savepoint(self, rng: random.Random, who: Someone) -> None:
        with self._door.session(who.identity) as session:
            with suppress(InvalidValue, DBAPIError), session.begin_nested():
                self.look(session, who)
                if rng.random() < 0.5:
                    session.execute(text("select 1 / 0"))
            self.look(session, who)

    def connection(self, rng: random.Random, who: Someone) -> None:
        with self._door.connect(who.identity) as connection:
            self.look(connection, who)

    def hang_up(self, rng: random.Random, who: Someone) -> None:
        """Leave in the middle of a transaction without a word, as a killed worker does."""
        with suppress(DatabaseError, DBAPIError), self._door.session(who.identity) as session:
            self.look(session, who)
            connection = session.connection().connection
            if connection.driver_connection is not None:
                connection.driver_connection.pgconn.finish()

    def somebody_else(self, rng: random.Random, who: Someone) -> None:
        other = rng.choice(self._people)
        with self._door.session(who.identity) as session:
            self.look(session, who)
            with self._door.become(session, other.identity) as theirs:
                self.look(theirs, other)
            self.look(session, who)

    def by_key(self, rng: random.Random, who: Someone) -> None:
        """Ask for rows by their keys, one's own and everybody's: the identity map must not answer for RLS."""
        keys = [key for person in self._people for key in person.writable]
        with self._door.session(who.identity) as session:
            for key in rng.sample(keys, 4) if who.identity.role == "authenticated" else ():
                found = session.get(Product, key)
                if found is not None and key[0] not in who.orgs:
                    self._outcome.fault("foreign row", f"{who.subject} was given {key} by its key")

    def write(self, rng: random.Random, who: Someone) -> None:
        foreign = [key for person in self._people for key in person.writable if key[0] not in who.orgs]
        key = rng.choice(who.writable) if who.writable else None
        with self._door.session(who.identity) as session:
            try:
                if foreign and self._add_one(session, rng.choice(foreign)):
                    self._outcome.fault("foreign row", f"{who.subject} changed a row of another tenant")
            except NotPermitted:
                session.rollback()
            if key is None:
                return
            if self._add_one(session, key) != 1:
                self._outcome.fault("missing row", f"{who.subject} could not change {key}")
                return
            try:
                session.commit()
            except CommitUnknown:
                with self._lock:
                    self.unsure[key] += 1
                raise
            with self._lock:
                self.increments[key] += 1

    def _add_one(self, session: Session, key: tuple[UUID, UUID]) -> int:
        changed = session.execute(
            update(Product)
            .where(Product.org_id == key[0], Product.id == key[1])
            .values(stock=Product.stock + 1)
            .execution_options(synchronize_session=False)
        )
        return int(changed.rowcount)  # type: ignore[attr-defined]  # a CursorResult, as of every UPDATE

    def escalate(self, rng: random.Random, who: Someone) -> None:
        """Do what an injected statement would: become the role that bypasses RLS."""
        with self._door.session(who.identity) as session:
            with suppress(DatabaseError, DBAPIError):
                session.execute(text("select set_config('role', 'service_role', true)"))
                self._outcome.fault("escalation", f"{who.subject} became service_role")
            session.rollback()

    def stage(self, rng: random.Random, who: Someone) -> None:
        """Import through a temporary table, where the door does so; Postgres must refuse it."""
        if isinstance(self._door, ShadowTable) and who.identity.role == "authenticated":
            with self._door.session(who.identity) as session, suppress(NotPermitted):
                self._door.stage(session)

    def through(self, statement: str, rng: random.Random, who: Someone) -> None:
        """Read the ids of organisations through a view or a function."""
        if who.identity.role != "authenticated":
            return
        with self._door.session(who.identity) as session:
            for (org_id,) in session.execute(text(statement)):
                if org_id not in who.orgs:
                    self._outcome.fault("foreign row", f"{who.subject} read {org_id} by {statement}")
