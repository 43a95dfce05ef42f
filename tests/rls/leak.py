"""The leak run: many clients as many people through two server connections, watched by canaries.

A session-level setting is overwritten by each next request, so that no request ever sees a wrong row. Canaries meet
it: plain clients of the same pool that act as nobody, and must never find themselves to be somebody.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from uuid import UUID

import psycopg
from sqlalchemy import Select, func, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.rls.doors import Door, ShadowTable, claims_of
from webapp.models import Product
from webapp.rls import Identity
from webapp.rls.errors import CommitUnknown, DatabaseError, NotPermitted, Unavailable

Kind = Literal["foreign row", "no identity", "missing row", "canary", "escalation", "error", "lost write"]

_ROLE = literal_column("current_user::text").label("role")
_CLAIMS = func.current_setting("request.jwt.claims", True).label("claims")


@dataclass(frozen=True, slots=True)
class Someone:
    """A person, or nobody, and exactly what they may see."""

    identity: Identity
    orgs: frozenset[UUID]
    visible: frozenset[UUID]
    writable: tuple[tuple[UUID, UUID], ...] = ()

    @property
    def subject(self) -> str | None:
        return claims_of(self.identity.claims).get("sub")


@dataclass
class Outcome:
    """What a run found. Clean when nothing is in ``faults``."""

    seed: int
    versions: str
    requests: int = 0
    statements: int = 0
    probes: int = 0
    away: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.first_fault_stops = False

    def fault(self, kind: Kind, what: str) -> None:
        """Note that something was seen which must never be."""
        with self._lock:
            self.faults[kind] += 1
            if len(self.examples) < 10:
                self.examples.append(f"{kind}: {what}")
        if self.first_fault_stops:
            self.stop.set()

    def count(self, *, requests: int = 0, statements: int = 0, probes: int = 0, away: int = 0, kind: str = "") -> None:
        """Add to the counts of the run."""
        with self._lock:
            self.requests += requests
            self.statements += statements
            self.probes += probes
            self.away += away
            if kind:
                self.kinds[kind] += 1

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, {self.statements} statements, {self.probes} canary probes"
            f" in {self.seconds:.1f} s; seed {self.seed}; {self.versions}; kinds {dict(self.kinds)}; away {self.away}; "
            f"faults {dict(self.faults)}; {self.examples}"
        )


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
            with suppress(DatabaseError, DBAPIError), session.begin_nested():
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


_STATE = """
select current_user::text, session_user::text, current_setting('request.jwt.claims', true),
  current_setting('statement_timeout'), current_setting('search_path'), current_setting('default_transaction_read_only'),
  (select count(*) from pg_catalog.pg_class where relnamespace = pg_my_temp_schema()),
  (select count(*) from pg_catalog.pg_locks where pid = pg_backend_pid() and locktype = 'advisory')
"""
_UNTOUCHED = ("rowhouse_web", "rowhouse_web", "", "0", '"$user", public', "off", 0, 0)


def probe(canary: psycopg.Connection, outcome: Outcome) -> None:
    """Look around as nobody on whatever server connection the pooler hands out."""
    state = canary.execute(_STATE).fetchone() or ()
    found = tuple(value or "" if index == 2 else value for index, value in enumerate(state))
    if found != _UNTOUCHED:
        outcome.fault("canary", f"found itself in {found}")
    for statement, wanted in (
        ("select count(*) from public.products", psycopg.errors.InsufficientPrivilege),
        ("select lastval()", psycopg.errors.ObjectNotInPrerequisiteState),
    ):
        try:
            answer = canary.execute(statement).fetchone()
        except wanted:
            continue
        outcome.fault("canary", f"{statement} answered {answer}")
    outcome.count(probes=1)


@dataclass(frozen=True)
class Load:
    """What is to be run. ``through`` are statements that read organisation ids through views or functions."""

    url: str
    door: Callable[[str], Door]
    people: tuple[Someone, ...]
    requests: int
    seed: int
    versions: str
    clients: int = 16
    canaries: int = 4
    through: tuple[str, ...] = ()
    first_fault_stops: bool = False
    may_be_away: bool = False
    """The pooler or the server is killed meanwhile: to be refused is no fault then."""


def run(load: Load) -> tuple[Outcome, Requests]:
    """Run the load to its end, or to its first fault, and return what was found."""
    outcome = Outcome(load.seed, load.versions)
    outcome.first_fault_stops = load.first_fault_stops
    requests = Requests(load.door(load.url), load.people, outcome)
    kinds: list[Callable[[random.Random, Someone], None]] = [
        requests.read, requests.read, requests.commit_in_the_middle, requests.fail_and_go_on, requests.fail_and_leave,
        requests.savepoint, requests.connection, requests.hang_up, requests.somebody_else, requests.by_key,
        requests.write, requests.write, requests.escalate, requests.stage,
        *(partial(requests.through, statement) for statement in load.through),
    ]  # fmt: skip
    done = threading.Event()

    def client(number: int) -> None:
        rng = random.Random(f"{load.seed}/{number}")
        for _ in range(-(-load.requests // load.clients)):
            if outcome.stop.is_set() or done.is_set():
                return
            kind, who = rng.choice(kinds), rng.choice(load.people)
            name = getattr(kind, "__name__", "through")
            outcome.count(requests=1, kind=name)
            try:
                kind(rng, who)
            except Unavailable as exc:
                outcome.count(away=1)
                if not load.may_be_away:
                    outcome.fault("error", f"{name}: {exc!r}")
            except Exception as exc:
                refused = isinstance(exc, NotPermitted) or getattr(exc, "orig", None)
                outcome.fault("no identity" if refused else "error", f"{name} of {who.subject}: {exc!r}"[:300])

    def canary() -> None:
        while not done.is_set() and not outcome.stop.is_set():
            with _patient(load.may_be_away), psycopg.connect(load.url, autocommit=True, prepare_threshold=None) as held:
                while not done.is_set() and not outcome.stop.is_set():
                    probe(held, outcome)

    started = time.monotonic()
    clients = [threading.Thread(target=client, args=(number,)) for number in range(load.clients)]
    canaries = [threading.Thread(target=canary) for _ in range(load.canaries)]
    try:
        for thread in (*canaries, *clients):
            thread.start()
        for thread in clients:
            thread.join()
    finally:
        done.set()
        for thread in canaries:
            thread.join()
    outcome.seconds = time.monotonic() - started
    return outcome, requests


@contextmanager
def _patient(may_be_away: bool) -> Iterator[None]:
    try:
        yield
    except psycopg.Error:
        if not may_be_away:
            raise
        time.sleep(0.1)
