"""Measure the products page (50 rows) behind PgBouncer, in requests per second, beside the limit.

    .venv/bin/python -m bench.products [--rounds N] [--seconds N] [--connections N]

Both are served by gunicorn with the same workers and threads through the same pooler, and loaded by wrk in turn,
A B A B …, so that a machine that slows down slows both. Prints each round, the medians, and their ratio.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.servers import gunicorn, port, servers
from webapp.ops import demo

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "rowhouse"
EMAIL, PATH = "owner@acme.test", "/o/acme/products/"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_WRONG = re.compile(r"(Non-2xx or 3xx responses|Socket errors):?\s*(.+)")


def sign_in(address: str) -> str:
    """Return the Cookie header of a signed-in owner."""
    with httpx.Client(base_url=address) as client:
        token = _TOKEN.search(client.get("/signin").text)
        assert token, "the sign-in page has no token"
        form = {"email": EMAIL, "password": demo.PASSWORD, "csrf_token": token[1]}
        answer = client.post("/signin", data=form)
        assert answer.status_code == 303, answer.text
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def load(wrk: str, url: str, seconds: int, connections: int, cookie: str = "") -> float:
    """Return requests per second of one round. Raises RuntimeError where an answer was an error."""
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", *(("-H", f"Cookie: {cookie}") if cookie else ()), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if wrong := _WRONG.search(said):
        raise RuntimeError(f"{url}: {wrong[0]}")
    found = _RATE.search(said)
    assert found, said
    return float(found[1])


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    asked = parser.parse_args()
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; on Debian: apt-get install wrk")

    with ExitStack() as stack:
        running = stack.enter_context(servers())
        demo.seed(running.direct)
        owner = running.owner
        owner.execute("grant select on public.products to rowhouse_web")  # the limit has no role but its login
        owner.execute("create policy limit_reads on public.products for select to rowhouse_web using (true)")
        row = owner.execute("select id from public.organizations where slug = 'acme'").fetchone()
        assert row
        settings, web = running.settings, running.settings["DATABASE_URL"]
        ports = [stack.enter_context(port()) for _ in range(2)]
        page = stack.enter_context(gunicorn("wsgi:app", ports[0], settings, asked.workers, asked.threads))
        cookie = sign_in(page)
        size = len(httpx.get(page + PATH, headers={"Cookie": cookie}).raise_for_status().content)
        limits = {"LIMIT_DATABASE_URL": web, "LIMIT_ORG": str(row[0]), "LIMIT_PADDING": str(max(0, size // 50 - 200))}
        bare = stack.enter_context(gunicorn("bench.limit:app", ports[1], limits, asked.workers, asked.threads))
        bare_size = len(httpx.get(bare).raise_for_status().content)
        print(f"{asked.workers} workers x {asked.threads} threads, wrk with "
              f"{asked.connections} connections, {asked.rounds} rounds of {asked.seconds} s each, in turn")  # fmt: skip
        print(f"page: {size} bytes; limit: {bare_size} bytes")
        load(wrk, page + PATH, 1, asked.connections, cookie)
        load(wrk, bare, 1, asked.connections)
        pages, bares = [], []
        for number in range(1, asked.rounds + 1):
            pages.append(load(wrk, page + PATH, asked.seconds, asked.connections, cookie))
            bares.append(load(wrk, bare, asked.seconds, asked.connections))
            print(f"round {number}: page {pages[-1]:8.1f}/s   limit {bares[-1]:8.1f}/s   "
                  f"ratio {pages[-1] / bares[-1]:.3f}")  # fmt: skip
        ratio = statistics.median(p / b for p, b in zip(pages, bares, strict=True))
        print(f"median:  page {statistics.median(pages):8.1f}/s   limit {statistics.median(bares):8.1f}/s   "
              f"ratio {ratio:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
