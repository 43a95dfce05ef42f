"""Small jobs that no answer waits for: one at a time in each process, few, and dropped where there are too many."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

T = TypeVar("T")
WAITING: Final = 8
PER_MINUTE: Final = 30


class Afterwards(Generic[T]):
    """Do jobs in a thread of its own, which lives while there are any.

    At most ``waiting`` wait for their turn, and ``per_minute`` are taken in a minute; ``dropped`` counts the others.
    The thread is a daemon: a process that ends does not wait for it, and what was not done by then is lost.
    """

    def __init__(
        self, *, waiting: int = WAITING, per_minute: int = PER_MINUTE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._rate, self._clock = waiting, per_minute, clock
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Callable[[], T], Future[T]]] = deque()
        self._thread: threading.Thread | None = None
        self._left, self._counted = float(per_minute), clock()
        self._dropped = 0

    def submit(self, job: Callable[[], T]) -> Future[T] | None:
        """Have ``job`` done, and return its future; None where it was dropped. Never waits for a job."""
        with self._lock:
            if len(self._jobs) >= self._most or not self._take():
                self._dropped += 1
                return None
            future: Future[T] = Future()
            self._jobs.append((job, future))
            # After a fork no thread of the parent's is alive in the child, and a first job starts the child's own.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="afterwards", daemon=True)
                self._thread.start()
            return future

    def dropped(self) -> int:
        """Return how many were dropped since this was last asked."""
        with self._lock:
            count, self._dropped = self._dropped, 0
            return count

    def _take(self) -> bool:
        """Take one from the bucket, which fills up again within a minute."""
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._counted) * self._rate / 60)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job, future = self._jobs.popleft()
            if not future.set_running_or_notify_cancel():
                continue  # whoever asked has given up, before it began
            try:
                result = job()
            except BaseException as exc:
                future.set_exception(exc)
            else:
                future.set_result(result)
