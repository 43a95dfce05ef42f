"""Measure an import of products, and the export of them all: how long it takes, and how much memory the worker needs.

    .venv/bin/python -m bench.imports [--lines N …]

One gunicorn worker behind PgBouncer takes a file of each size, through the pages that people use. Its memory is the
most that it held at once (VmHWM, set back before each file), beside what it held before. Another person looks at the
list of products all the while, a few times a second: what they wait is printed as well. After the files of each size
the whole list is taken along as one.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from tests.fixtures.cluster import Bouncer, Postgres
from tests.fixtures.database import NAME, Database
from tests.fixtures.live import Live
from webapp.ops import demo
from webapp.ops.migrate import upgrade

HEADER = "SKU,Name,Description,Price,Currency,Stock,Status,Created,Changed\n"
LINE = (
    'BENCH-{0},"Cordless drill {0}, two batteries","Two batteries of 2.0 Ah, a charger, a case and twelve bits; number '
    '{0} of a long list.",{1}.50,EUR,{2},active,2026-11-21T09:30:00Z,2026-11-21T09:30:00Z\n'
)
PRODUCTS, IMPORT = "/o/acme/products/", "/o/acme/products/import"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def file_of(lines: int, folder: Path, added: int) -> Path:
    """Write a file of ``lines`` products; ``added`` is put on their prices, so that another file changes them."""
    path = folder / f"{lines}-{added}.csv"
    with path.open("w") as file:
        file.write(HEADER)
        for number in range(lines):
            file.write(LINE.format(f"{lines}-{number}", number % 1000 + added, number % 77))
    return path


class Person:
    """Somebody who imports."""

    def __init__(self, address: str, email: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=900)
        self.post("/signin", self.token("/signin"), email=email, password=demo.PASSWORD)

    def token(self, path: str) -> str:
        """Return the token of the forms of a page."""
        found = _TOKEN.search(self.http.get(path).raise_for_status().text)
        assert found, f"{path} has no form"
        return found[1]

    def post(self, path: str, token: str, file: Path | None = None, **fields: str) -> str:
        """Send a form and return where it leads."""
        files = {"file": (file.name, file.open("rb"), "text/csv")} if file else None
        answer = self.http.post(path, data={"csrf_token": token, **fields}, files=files)
        assert answer.status_code == 303, f"{path}: {answer.status_code}"
        return answer.headers["Location"]


@contextmanager
def watching(person: Person) -> Iterator[list[float]]:
    """Look at the list of products until the block ends; yield the milliseconds that each look took."""
    waits: list[float] = []
    over = threading.Event()

    def look() -> None:
        while True:
            began = time.perf_counter()
            person.http.get(PRODUCTS).raise_for_status()
            waits.append((time.perf_counter() - began) * 1000)
            if over.wait(0.2):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def memory(pid: int, what: str) -> float:
    """Return the megabytes that a process holds (VmRSS), or held at most (VmHWM)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def timed(act: Callable[[], str]) -> tuple[float, str]:
    """Return how many seconds ``act`` took, and what it returned."""
    began = time.perf_counter()
    result = act()
    return time.perf_counter() - began, result


def measure(person: Person, other: Person, pid: int, file: Path, lines: int, what: str) -> None:
    """Import one file and print what it took, under the name ``what``; without one, only import it."""
    token = person.token(IMPORT)
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory(pid, "VmRSS")
    with watching(other) as waits:
        upload, path = timed(lambda: person.post(IMPORT, token, file))
        columns = {"sku": "0", "name": "1", "description": "2", "price": "3", "stock": "5", "is_active": "6"}
        check, _ = timed(lambda: person.post(f"{path}/check", token, None, **columns))
        apply, _ = timed(lambda: person.post(f"{path}/apply", token, mode="all"))
    page = person.http.get(path).raise_for_status().text
    figures = re.findall(r'class="figure">([\d,.]+)<', page)
    if not what:
        return
    print(
        f"{lines:>8,} lines, {what:<9} {file.stat().st_size / 2**20:5.1f} MB   upload {upload:5.2f} s   "
        f"check {check:6.2f} s   apply {apply:6.2f} s   "
        f"memory {before:6.1f} MB, at most {memory(pid, 'VmHWM'):6.1f} MB   "
        f"others wait {statistics.median(waits):5.0f} ms, at most {max(waits):5.0f} ms   "
        f"(made, changed, as they were, left out: {' '.join(figures)})",
        flush=True,
    )


def export(person: Person, pid: int) -> None:
    """Take all products along as a file and print what that took."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before, began = memory(pid, "VmRSS"), time.perf_counter()
    size = lines = 0
    with person.http.stream("GET", f"{PRODUCTS}export.csv") as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            size += len(piece)
            lines += piece.count(b"\n")
    print(
        f"{lines:>8,} lines, export    {size / 2**20:5.1f} MB   {time.perf_counter() - began:12.2f} s   "
        f"memory {before:6.1f} MB, at most {memory(pid, 'VmHWM'):6.1f} MB",
        flush=True,
    )


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, nargs="+", default=[2_000, 200_000])
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        postgres = Postgres(folder)
        stack.callback(postgres.close)
        postgres.initialise()
        database = Database(NAME, postgres, Bouncer(folder, postgres))
        upgrade(database.direct_url)
        postgres.set_passwords()
        demo.seed(database.direct_url)
        database.bouncer.start()
        stack.callback(database.bouncer.close)
        live = Live(folder, database, workers=1, threads=4, LOG_LEVEL="ERROR")
        live.start()
        stack.callback(live.close)
        (pid,) = live.workers()
        person, other = Person(live.url, "owner@acme.test"), Person(live.url, "viewer@acme.test")
        print(f"PostgreSQL {database.version}, one gunicorn worker of 4 threads")
        measure(person, other, pid, file_of(100, folder, 0), 100, "")  # which loads the code
        for lines in asked.lines:
            for added, what in ((0, "new"), (1, "changed"), (1, "unchanged")):
                measure(person, other, pid, file_of(lines, folder, added), lines, what)
            export(person, pid)


if __name__ == "__main__":
    main()
