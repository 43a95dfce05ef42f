"""People at work on a running server: they create products, look at them, and remember what they were told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from tests.factories import Person
from tests.fixtures.live import Caller, calling
from tests.fixtures.world import House
from webapp.models import new_id


@dataclass
class Diary:
    """What happened to whom, and when."""

    acknowledged: list[UUID] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def note(self, response: httpx.Response, began: float, made: UUID | None = None) -> None:
        """Write down one answer; an answer that no visitor should get is wrong."""
        now = time.monotonic()
        status = response.status_code
        with self._lock:
            self.statuses[status] += 1
            self.slowest = max(self.slowest, now - began)
            if status == 503:
                # What may have been saved is not to be sent again by itself.
                unknown = "tell whether" in response.text
                again = response.headers.get("Retry-After", "").isdigit()
                if again == unknown or "<h1" not in response.text:
                    self.wrong.append(f"503 of the wrong kind, Retry-After {again}: {response.text[:200]}")
            elif status in (200, 303):
                self.served.append(now)
                if made is not None and status == 303:
                    self.acknowledged.append(made)
            else:
                self.wrong.append(f"{response.request.method} {response.request.url}: {status}")

    def fail(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)

    def served_after(self, moment: float) -> float:
        """Return the seconds from ``moment`` to the first answer that was no error."""
        return min((when - moment for when in self.served if when > moment), default=float("inf"))


def _write(caller: Caller, house: House, diary: Diary) -> None:
    made = new_id()
    fields = {"id": str(made), "name": f"Chaos {made}", "sku": str(made), "price": "1.00", "stock": "1"}
    began = time.monotonic()
    diary.note(caller.submit(f"/o/{house.org.slug}/products/", fields), began, made)


def _read(caller: Caller, house: House, diary: Diary) -> None:
    began = time.monotonic()
    diary.note(caller.get(f"/o/{house.org.slug}/products/"), began)


@contextmanager
def traffic(url: str, house: House, *, writers: int = 4, readers: int = 2) -> Iterator[Diary]:
    """Run people against the server for as long as the block lasts, and yield what they write down."""
    diary, over = Diary(), threading.Event()
    people: list[Person] = [house.member, house.admin, house.owner]

    def work(number: int) -> None:
        try:
            with calling(url, people[number % 3]) as caller:
                ready.wait(30)
                while not over.is_set():
                    (_write if number < writers else _read)(caller, house, diary)
        except Exception as exc:
            diary.fail(f"{type(exc).__name__}: {exc}")

    ready = threading.Barrier(writers + readers + 1)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers + readers)]
    for thread in threads:
        thread.start()
    ready.wait(30)
    try:
        yield diary
    finally:
        over.set()
        for thread in threads:
            thread.join()
