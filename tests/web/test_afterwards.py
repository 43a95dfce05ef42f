"""Jobs that no answer waits for: one at a time, few, and none that is dropped goes uncounted."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest

from webapp.web.afterwards import Afterwards


def ended(afterwards: Afterwards[int]) -> bool:
    until = time.monotonic() + 5
    while afterwards._thread is not None and time.monotonic() < until:
        time.sleep(0.001)
    return afterwards._thread is None


def test_jobs_are_done_in_turn_one_at_a_time_and_the_thread_ends_with_them() -> None:
    afterwards: Afterwards[int] = Afterwards()
    under_way, most, done = 0, 0, []

    def job(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(0.002)
        under_way -= 1
        done.append(number)
        return number

    futures = [afterwards.submit(lambda number=number: job(number)) for number in range(8)]  # type: ignore[misc]
    assert [future.result(5) for future in futures if future] == list(range(8)) == done
    assert most == 1
    assert ended(afterwards)
    again = afterwards.submit(lambda: 9)
    assert again is not None
    assert again.result(5) == 9


def test_what_does_not_fit_is_dropped_and_counted_once() -> None:
    afterwards: Afterwards[int] = Afterwards(waiting=2)
    started, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        started.set()
        return int(go_on.wait(5))

    first = afterwards.submit(slow)
    assert started.wait(5)
    waiting = [afterwards.submit(lambda: 2) for _ in range(2)]
    assert [afterwards.submit(lambda: 3) for _ in range(3)] == [None, None, None]
    go_on.set()
    assert [future.result(5) for future in (first, *waiting) if future] == [1, 2, 2]
    assert (afterwards.dropped(), afterwards.dropped()) == (3, 0)


def test_only_so_many_are_taken_in_a_minute() -> None:
    now = [100.0]
    afterwards: Afterwards[int] = Afterwards(waiting=1_000, per_minute=30, clock=lambda: now[0])

    def taken(tries: int) -> int:
        return sum(afterwards.submit(lambda: 1) is not None for _ in range(tries))

    assert taken(50) == 30
    now[0] += 10  # a sixth of a minute
    assert taken(50) == 5
    now[0] += 3_600  # no more than a minute's worth is saved up
    assert taken(50) == 30
    assert afterwards.dropped() == 85


def test_a_job_that_fails_spoils_no_other() -> None:
    afterwards: Afterwards[int] = Afterwards()

    def fail() -> int:
        raise RuntimeError("broken")

    failing, fine = afterwards.submit(fail), afterwards.submit(lambda: 1)
    assert isinstance(failing, Future)
    assert isinstance(fine, Future)
    with pytest.raises(RuntimeError):
        failing.result(5)
    assert fine.result(5) == 1
