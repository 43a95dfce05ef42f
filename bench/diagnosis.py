"""Measure what noting costs where nothing is wrong: an engine that is listened to, and one that is not.

    .venv/bin/python -m bench.diagnosis [--rounds N]

Each transaction is a member's, through Row Level Security: twenty rows are read and changed one by one, which is more
than any page does, and no template is rendered. With and without take turns, A B B A …, in one process, of which only
its own time counts: waiting for the server would hide the difference. Prints the medians, the median of the ratios of
neighbours, and what one call of the listener takes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import timeit
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, select, update

from tests.factories import Factories, Item, Org, Person
from webapp import rls
from webapp.models import Product
from webapp.ops import embedded
from webapp.ops.migrate import upgrade
from webapp.web import diagnosis

EACH: Final = 20
CALLS: Final = 200_000


class _Cursor:
    rowcount = 1


def work(engine: Engine, org: Org, person: Person, item: Item, stock: int) -> float:
    """Run one transaction, and return the seconds of this process's own time that it took."""
    mine = (Product.org_id == org.id, Product.id == item.id)
    began = time.process_time()
    with rls.session_of_work(engine, person.identity) as session:
        for number in range(EACH):
            session.execute(select(Product.stock).where(*mine)).one()
            session.execute(
                update(Product).where(*mine).values(stock=stock + number).execution_options(synchronize_session=False)
            )
    return time.process_time() - began


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
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
        item = factories.product(org, "Wood screws")
        plain, noted = (rls.create_engine(cluster.urls.web) for _ in range(2))
        diagnosis.listen(noted)
        took: dict[Engine, list[float]] = {plain: [], noted: []}
        for number in range(rounds + 5):
            for engine in (plain, noted) if number % 2 else (noted, plain):
                seconds = work(engine, org, person, item, number)
                if number >= 5:  # the first few only warm up
                    took[engine].append(seconds)
    without, with_it = (statistics.median(took[engine]) * 1000 for engine in (plain, noted))
    ratio = statistics.median(b / a for a, b in zip(took[plain], took[noted], strict=True))
    none: Any = None
    cursor = _Cursor()
    call = timeit.timeit(lambda: diagnosis._met(none, cursor, "", (), none, False), number=CALLS) / CALLS
    print(f"{rounds} transactions of {2 * EACH} statements each, in turn")
    print(f"without {without:.2f} ms   with {with_it:.2f} ms   ratio {ratio:.3f}   a call {call * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
