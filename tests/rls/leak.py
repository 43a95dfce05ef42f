"""The leak run: many clients as many people through two server connections, watched by canaries.

A session-level setting is overwritten by each next request, so that no request ever sees a wrong row. Canaries meet
it: plain clients of the same pool that act as nobody, and must never find themselves to be somebody.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psycopg

from tests.rls.doors import Door
from tests.rls.outcome import Kind, Outcome, Someone
from tests.rls.requests import Requests
from webapp.rls.errors import NotPermitted, Unavailable

_STATE = """
select current_user::text, session_user::text, current_setting('request.jwt.claims', true),
  current_setting('statement_timeout'), current_setting('search_path'),
  current_setting('default_transaction_read_only'),
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
    stops_at: Kind | None = None
    """The kind of fault whose first sight ends the run: a mutant need not be run for longer."""
    may_be_away: bool = False
    """The pooler or the server is killed meanwhile: to be refused is no fault then."""


def run(load: Load) -> tuple[Outcome, Requests]:
    """Run the load to its end, or to the fault that it is looking for, and return what was found."""
    outcome = Outcome(load.seed, load.versions)
    outcome.stops_at = load.stops_at
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
            try:
                with psycopg.connect(load.url, autocommit=True, prepare_threshold=None) as held:
                    while not done.is_set() and not outcome.stop.is_set():
                        probe(held, outcome)
            except psycopg.Error as exc:
                if not load.may_be_away:
                    outcome.fault("error", f"canary: {exc!r}")
                time.sleep(0.1)

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
