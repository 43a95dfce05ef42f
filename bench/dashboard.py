"""Measure that the dashboard does not grow slower with the orders, and that keeping its figures makes nobody wait.

    .venv/bin/python -m bench.dashboard [--orders N] [--rounds N] [--writers N] [--seconds N]

First the whole page over HTTP, through gunicorn and the pooler, of an organisation with 5,000 orders and of one with
5,000,000, in turn, A B A B …, as its owner and as a member: the ratio of the medians is to be 1.5 at most. Then orders
placed through the pooler by several people at once, all in one organisation and each in one of their own, in turn too:
nobody waits for another's figures where the ratio is near 1.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

import psycopg
from sqlalchemy import Engine

from bench.servers import gunicorn, port, servers
from tests.factories import Factories, Item, Org, Person
from tests.fixtures.live import Caller, calling
from tests.models.desk import Desk
from webapp import rls

DATABASE: Final = "rowhouse"
MOST: Final = 1.5
FEW: Final = 5_000
PRODUCTS: Final = 400
DAYS: Final = 730
PERIODS: Final = (30, 365)
AT_ONCE: Final = 250_000  # orders of one INSERT

_PRODUCTS: Final = """
insert into public.products (org_id, id, name, sku, price, stock)
select %(org)s, lpad(to_hex(n), 32, '0')::uuid, 'Product ' || n, 'SKU-' || n, 1 + n %% 90, 5 + n
from generate_series(1, %(products)s) n
"""
# Ids, keys and days rise together, so that the indexes are filled from one end. Of 100 orders 1 is pending, 3 are
# cancelled, the others were sold; every third has a second item.
_ORDERS: Final = """
insert into public.orders (org_id, id, number, request_key, placed_by, customer, status, item_count, subtotal, total,
  placed_at, updated_at)
select %(org)s, lpad(to_hex(n), 32, '0')::uuid, n, lpad(to_hex(n), 32, '0')::uuid, %(person)s, 'Customer ' || n %% 5000,
  case when n %% 100 = 0 then 'pending' when n %% 33 = 0 then 'cancelled' when n %% 10 = 0 then 'processing'
    when n %% 7 = 0 then 'shipped' else 'delivered' end::public.order_status,
  1 + (n %% 3 = 0)::integer, price, price, at, at
from generate_series(%(first)s::bigint, %(last)s) n,
  lateral (select now() - (1 - n::float8 / %(orders)s) * %(days)s * interval '1 day' as at,
    ((1 + n %% 97) * (1 + (n %% 3 = 0)::integer))::numeric as price) p
"""
_ITEMS: Final = """
insert into public.order_items (org_id, id, order_id, product_id, position, sku, name, quantity, unit_price)
select %(org)s, lpad(to_hex(2 * n + second), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid,
  lpad(to_hex(1 + (n * (1 + 2 * second)) %% %(products)s), 32, '0')::uuid, 1 + second, 'SKU', 'Product', 1, 1 + n %% 97
from generate_series(%(first)s::bigint, %(last)s) n, generate_series(0, (n %% 3 = 0)::integer) second
where second = 0 or (n * 3) %% %(products)s <> n %% %(products)s
"""


def fill(superuser: psycopg.Connection, org: Org, person: Person, orders: int) -> None:
    """Give an organisation products and orders past the triggers, which is what ``rebuild_sales`` is for."""
    given = {"org": org.id, "person": person.id, "products": PRODUCTS, "orders": orders, "days": DAYS}
    superuser.execute(_PRODUCTS, given)
    for first in range(1, orders + 1, AT_ONCE):
        part = given | {"first": first, "last": min(first + AT_ONCE - 1, orders)}
        superuser.execute(_ORDERS, part)
        superuser.execute(_ITEMS, part)


def load(superuser: psycopg.Connection, orgs: Sequence[tuple[Org, int]], person: Person) -> None:
    """Fill organisations with so many orders each, and bring their figures about."""
    superuser.execute("set session_replication_role = replica; set maintenance_work_mem = '512MB'")
    # Indexes are made at once and afterwards: to fill them row by row would take several times as long.
    indexes = superuser.execute(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i"
        " left join pg_constraint c on c.conindid = i.indexrelid"
        " where i.indrelid = any (array['public.orders', 'public.order_items']::regclass[]) and c.oid is null"
    ).fetchall()
    for name, _ in indexes:
        superuser.execute(f"drop index {name}")
    for org, orders in orgs:
        fill(superuser, org, person, orders)
    for _, definition in indexes:
        superuser.execute(definition)
    superuser.execute("reset session_replication_role; set work_mem = '256MB'")
    for table in ("orders", "order_items"):
        superuser.execute(f"vacuum analyze public.{table}")
    for org, orders in orgs:
        began = time.perf_counter()
        superuser.execute("select rowhouse.rebuild_sales(%s)", (org.id,))
        print(f"figures of {orders:,} orders rebuilt in {time.perf_counter() - began:.1f} s")
    for table in ("sales_daily", "sales_products", "products"):
        superuser.execute(f"vacuum analyze public.{table}")


def milliseconds(caller: Caller, path: str) -> float:
    began = time.perf_counter()
    answer = caller.get(path)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != 200 or "<rect" not in answer.text:
        raise SystemExit(f"{path}: {answer.status_code}")
    return took


def pages(address: str, people: dict[str, Person], orgs: Sequence[tuple[Org, int]], rounds: int) -> None:
    """Ask for the pages of all organisations in turn, and print what each takes."""
    print(f"the whole page over HTTP, {rounds} rounds in turn; medians")
    with ExitStack() as stack:
        for role, person in people.items():
            caller = stack.enter_context(calling(address, person))
            for days in PERIODS:
                paths = [f"/o/{org.slug}/?days={days}" for org, _ in orgs]
                for path in paths * 3:
                    milliseconds(caller, path)
                took: list[list[float]] = [[] for _ in paths]
                for _ in range(rounds):
                    for times, path in zip(took, paths, strict=True):
                        times.append(milliseconds(caller, path))
                few, many = (statistics.median(times) for times in took)
                said = "   ".join(
                    f"{count:>9,} orders {statistics.median(times):6.1f} ms"
                    for times, (_, count) in zip(took, orgs, strict=True)
                )
                verdict = "" if many / few <= MOST else f"   above {MOST}"
                print(f"  {role:7} {days:3} days   {said}   ratio {many / few:.2f}{verdict}")


def placed(desks: Sequence[Desk], items: Sequence[Sequence[Item]], seconds: float) -> float:
    """Return how many orders a second are placed by everybody at once, each in a transaction of its own."""
    counts = [0] * len(desks)
    wrong: list[Exception] = []
    barrier = threading.Barrier(len(desks))

    def work(place: int) -> None:
        barrier.wait()
        ends = time.perf_counter() + seconds
        try:
            while time.perf_counter() < ends:
                desks[place].place([(item, 1) for item in items[place]])
                counts[place] += 1
        except Exception as exc:
            wrong.append(exc)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(desks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    return sum(counts) / seconds


def writers(engine: Engine, factories: Factories, many: int, rounds: int, seconds: float) -> None:
    """Place orders in one organisation and in as many as there are writers, in turn, and print how many."""

    def desks(orgs: Sequence[Org]) -> tuple[list[Desk], list[list[Item]]]:
        made, items = [], []
        for number in range(many):
            org = orgs[number % len(orgs)]
            person = factories.person()
            factories.membership(org, person, "member")
            made.append(Desk(engine, org, person))
            items.append([factories.product(org, stock=1000) for _ in range(2)])
        return made, items

    together, apart = desks([factories.organization()]), desks([factories.organization() for _ in range(many)])
    print(f"orders placed by {many} people at once, {rounds} rounds of {seconds:g} s each, in turn")
    rates: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        rate = (placed(*together, seconds), placed(*apart, seconds))
        if number:  # the first round only warms up
            rates.append(rate)
            print(f"  round {number}: in one organisation {rate[0]:6.1f}/s   in {many} {rate[1]:6.1f}/s")
    one, each = (statistics.median(side) for side in zip(*rates, strict=True))
    ratio = statistics.median(a / b for a, b in rates)
    print(f"  median:  in one organisation {one:6.1f}/s   in {many} {each:6.1f}/s   ratio {ratio:.2f}")


def timed(what: str, act: Callable[[], None]) -> None:
    began = time.perf_counter()
    act()
    print(f"{what} took {time.perf_counter() - began:.0f} s")


def main() -> None:
    """Run the measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4)
    asked = parser.parse_args()

    with ExitStack() as stack:
        running = stack.enter_context(servers())
        factories = running.factories
        orgs = [(factories.organization(slug=slug), count) for slug, count in (("few", FEW), ("many", asked.orders))]
        people = {"owner": factories.person(), "member": factories.person()}
        for org, _ in orgs:
            factories.membership(org, people["owner"], "owner")
            factories.membership(org, people["member"], "member")
        timed(f"making {FEW:,} and {asked.orders:,} orders", lambda: load(running.superuser, orgs, people["member"]))
        held = stack.enter_context(port())
        address = stack.enter_context(gunicorn("wsgi:app", held, running.settings, 1, 2))
        pages(address, people, orgs, asked.rounds)
        engine = rls.create_engine(running.settings["DATABASE_URL"])
        stack.callback(engine.dispose)
        writers(engine, factories, asked.writers, max(3, asked.rounds // 5), asked.seconds)


if __name__ == "__main__":
    main()
