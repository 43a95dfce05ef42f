"""The whole application through two server connections: no answer has a word of another tenant."""

from __future__ import annotations

import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from uuid import uuid4

import httpx
import psycopg

from tests.factories import Person
from tests.fixtures.cluster import Bouncer
from tests.fixtures.database import Database
from tests.fixtures.live import Caller, MakeLive, calling
from tests.fixtures.world import House, World
from tests.rls.leak import probe
from tests.rls.outcome import Outcome

SEED = secrets.randbelow(10**9)
CLIENTS, REQUESTS, AT_LENGTH = 16, 800, 20_000


class Visits:
    """What people ask of the application, with the status that each answer must have."""

    def __init__(self, outcome: Outcome, rng: random.Random, mine: House | None, theirs: House, writes: bool) -> None:
        self._outcome, self._rng, self._mine, self._theirs, self._writes = outcome, rng, mine, theirs, writes
        self.statuses: Counter[int] = Counter()

    def expect(self, response: httpx.Response, *wanted: int) -> None:
        self._outcome.count(requests=1)
        self.statuses[response.status_code] += 1
        asked = str(response.request.url)
        if response.status_code not in wanted:
            self._outcome.fault("error", f"{response.request.method} {asked}: {response.status_code}")
        for secret in self._theirs.secrets:
            if secret in response.text and secret not in asked:
                self._outcome.fault("foreign row", f"{asked} told of {secret}")

    def one(self, caller: Caller) -> None:
        """Do one thing at random."""
        self._rng.choice([self.look, self.look, self.search, self.take, self.peep, self.write, self.err, self.leave])(
            caller
        )

    @property
    def _own(self) -> str:
        return f"/o/{self._mine.org.slug}" if self._mine else "/o"

    def look(self, caller: Caller) -> None:
        if self._mine is None:
            self.expect(caller.get("/"), 200)
            return
        response = caller.get(f"{self._own}/products/")
        self.expect(response, 200)
        if response.status_code == 200 and self._mine.marker not in response.text:
            self._outcome.fault("missing row", f"{self._own} shows none of its products")
        self.expect(caller.get(f"{self._own}/products/{self._rng.choice(self._mine.products).id}"), 200)

    def search(self, caller: Caller) -> None:
        self.expect(caller.get(f"{self._own}/products/?q=ONLY"), 200 if self._mine else 303)

    def take(self, caller: Caller) -> None:
        """Take the list along as a file, to its end or not; where several do so already, one is told to wait."""
        path = f"{self._own}/products/export.csv"
        if self._mine is None:
            self.expect(caller.get(path), 404)
        elif self._rng.random() < 0.5:
            self.expect(caller.get(path), 200, 503)
        else:
            with caller.http.stream("GET", path):
                pass

    def peep(self, caller: Caller) -> None:
        """Ask for what is the other's, below one's own address and below theirs."""
        product = self._theirs.products[0].id
        for path in (f"/o/{self._theirs.org.slug}/products/", f"/o/{self._theirs.org.slug}/products/{product}"):
            self.expect(caller.get(path), 404 if self._mine else 303)
        if self._mine:
            self.expect(caller.get(f"{self._own}/products/{product}"), 404)
            self.expect(caller.submit(f"{self._own}/products/{product}/archive"), 404 if self._writes else 403)

    def write(self, caller: Caller) -> None:
        if self._mine:
            path = f"{self._own}/products/{self._mine.products[1].id}/{self._rng.choice(['archive', 'restore'])}"
            self.expect(caller.submit(path), 303 if self._writes else 403)

    def err(self, caller: Caller) -> None:
        """Send what fails: a form with nothing in it, and a SKU that is taken, which the database refuses."""
        if self._mine and self._writes:
            self.expect(caller.submit(f"{self._own}/products/"), 422)
            taken = {"id": str(uuid4()), "name": "x", "sku": self._mine.products[0].sku, "price": "1", "stock": "1"}
            self.expect(caller.submit(f"{self._own}/products/", taken), 422)
        self.expect(caller.get("/nothing/here"), 404)

    def leave(self, caller: Caller) -> None:
        """Go away before the answer has been read."""
        with caller.http.stream("GET", f"{self._own}/products/"):
            pass


def test_no_answer_tells_of_another_tenant(
    world: World,
    database: Database,
    narrow_bouncer: Bouncer,
    make_live: MakeLive,
    at_length: bool,
    record_property: Callable[[str, object], None],
) -> None:
    address = narrow_bouncer.url("rowhouse_web", database.name)
    signin = narrow_bouncer.url("rowhouse_signin", database.name)
    live = make_live(workers=2, threads=8, DATABASE_URL=address, SIGNIN_DATABASE_URL=signin)
    outcome = Outcome(SEED, f"PostgreSQL {database.version}, {narrow_bouncer.version}")
    people: list[tuple[Person | None, House | None, House]] = [
        (getattr(mine, role), mine, theirs)
        for mine, theirs in ((world.acme, world.globex), (world.globex, world.acme))
        for role in ("viewer", "member", "admin", "owner")
    ]
    people.append((None, None, world.acme))
    done = threading.Event()
    statuses: list[Counter[int]] = []

    def client(number: int) -> None:
        rng = random.Random(f"{SEED}/{number}")
        person, mine, theirs = people[number % len(people)]
        writes = mine is not None and person is not mine.viewer
        visits = Visits(outcome, rng, mine, theirs, writes)
        with calling(live.url, person) as caller:
            while outcome.requests < (AT_LENGTH if at_length else REQUESTS):
                visits.one(caller)
        statuses.append(visits.statuses)

    def canary() -> None:
        with psycopg.connect(address, autocommit=True, prepare_threshold=None) as held:
            while not done.is_set():
                probe(held, outcome)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as exc:
            outcome.fault("error", f"{type(exc).__name__}: {exc}")

    clients = [threading.Thread(target=guarded, args=(lambda n=n: client(n),)) for n in range(CLIENTS)]
    watcher = threading.Thread(target=guarded, args=(canary,))
    for thread in (watcher, *clients):
        thread.start()
    for thread in clients:
        thread.join()
    done.set()
    watcher.join()
    record_property("leak run over HTTP", f"{outcome}; statuses {dict(sum(statuses, Counter()))}")
    assert not outcome.faults, str(outcome)
    assert outcome.requests >= REQUESTS
    assert outcome.probes > 50
