"""Measure what the audit trail costs: bulk changes of products with its triggers, and the same without.

    .venv/bin/python -m bench.audit [--products N] [--rounds N]

Each change is made by a member through Row Level Security, in a transaction of its own, on a server with its usual
settings. With and without take turns on the same rows, A B A B …, and what the last one left behind is vacuumed away
first. Prints the medians and their ratio, which is to be 2 at most.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import Engine, text

from tests.factories import Factories, Org, Person
from webapp import rls
from webapp.ops import embedded
from webapp.ops.migrate import upgrade

MOST: Final = 2.0  # times what the same change costs without triggers
CHANGES: Final = {
    "change all prices by 5 %": "update products set price = round(price * 1.05, 2) where org_id = :org",
    "archive all": "update products set is_active = not is_active where org_id = :org",
    "add as many more": (
        "insert into products (org_id, name, description, price, sku, stock)"
        " select org_id, name, description, price, sku || '-' || cast(:round as text), stock"
        " from products where org_id = :org"
    ),
}
# As long as what shops write.
_FILL: Final = """
insert into public.products (org_id, name, description, price, sku, stock)
select %s, 'Wood screws ' || n || ' x 40 mm, box of 200', 'Zinc plated. ' || repeat('Made for use outdoors. ', 8),
  round((random() * 200)::numeric, 2) + 1, 'AC-' || n, n %% 90
from generate_series(1, %s) n
"""


def measure(
    owner: psycopg.Connection, web: Engine, org: Org, person: Person, sql: str, rounds: int
) -> tuple[float, float]:
    """Return the medians of one change without the triggers and with them, in seconds."""
    took: dict[str, list[float]] = {"disable": [], "enable": []}
    for number in range(rounds + 1):
        for state, times in took.items():
            for event in ("insert", "update"):
                owner.execute(f"alter table public.products {state} trigger products_audit_{event}")
            owner.execute("vacuum analyze public.products")
            began = time.perf_counter()
            with rls.unit_of_work(web, person.identity, limits=rls.Limits(0, 0, 0, 0)) as connection:
                connection.execute(text(sql), {"org": org.id, "round": number} if ":round" in sql else {"org": org.id})
            if number:  # the first round only warms up
                times.append(time.perf_counter() - began)
            owner.execute("alter table public.products disable trigger products_audit_delete")
            owner.execute("delete from public.products where sku ~ '^AC-[0-9]+-'")
    without, with_it = (statistics.median(times) for times in took.values())
    return without, with_it


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        cluster = stack.enter_context(embedded.start(folder))
        upgrade(cluster.urls.direct)
        cluster.set_passwords()
        owner = stack.enter_context(psycopg.connect(cluster.urls.direct, autocommit=True))
        factories = Factories(lambda: owner)
        org, person = factories.organization(), factories.person()
        factories.membership(org, person, "member")
        owner.execute(_FILL, (org.id, asked.products))
        web = rls.create_engine(cluster.urls.web)
        version = owner.execute("show server_version").fetchone()
        assert version
        print(f"PostgreSQL {version[0]}, {asked.products:,} products, {asked.rounds} rounds, in turn")
        for name, sql in CHANGES.items():
            without, with_it = measure(owner, web, org, person, sql, asked.rounds)
            ratio = with_it / without
            print(f"{name:26} without {without * 1000:7.0f} ms   with {with_it * 1000:7.0f} ms   ratio {ratio:.2f}"
                  f"{'' if ratio <= MOST else f'   more than {MOST}'}")  # fmt: skip


if __name__ == "__main__":
    main()
