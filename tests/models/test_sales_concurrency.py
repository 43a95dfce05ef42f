"""Keeping figures makes nobody wait and nobody fail, and what somebody takes back is not counted."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from tests.factories import Factories, Item, Org
from tests.fixtures.database import Database
from tests.models.desk import SET_ITEMS, Desk, items, together
from tests.models.sales import differences, waiting
from webapp import rls
from webapp.models.sales_counting import FOLD_AT
from webapp.rls.errors import LockTimeout, NotPermitted, Refused

IMPATIENT, PATIENT = rls.Limits(lock=150), rls.Limits(lock=20_000)
NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def org(factories: Factories) -> Org:
    """Return an organisation without an order."""
    return factories.organization()


@pytest.fixture
def wares(factories: Factories, org: Org) -> list[Item]:
    return [factories.product(org, stock=100_000) for _ in range(4)]


def desk(engine: Engine, factories: Factories, org: Org) -> Desk:
    """Return somebody who may do everything to orders and waits for nobody."""
    person = factories.person()
    factories.membership(org, person, "admin")
    return Desk(engine, org, person, IMPATIENT)


def place(at: Desk, connection: Connection, wares: list[Item], count: int) -> None:
    """Place orders in a transaction that is there."""
    for _ in range(count):
        at.say(connection, SET_ITEMS, id=at.insert(connection), items=items([(wares[0], 2)]))


def unfolded(database: Database, org: Org) -> int:
    return waiting(database.owner(), org.id)[0]


def test_nobody_waits_for_a_transaction_that_has_folded(
    web_engine: Engine, database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    slow, quick = (desk(web_engine, factories, org) for _ in range(2))
    with slow.transaction() as connection:
        place(slow, connection, wares, FOLD_AT)
        folded = slow.say(connection, "select count(*) from public.sales_daily where org_id = :org")
        assert folded[0][0] > 0, "the first transaction has not folded"
        for _ in range(FOLD_AT):
            order = quick.place([(wares[1], 1)])
            quick.set_status(order, "processing")
        assert unfolded(database, org) > FOLD_AT, "nobody else can have folded"
        assert differences(database.owner(), org.id) == {}
    assert differences(database.owner(), org.id) == {}
    quick.place([(wares[1], 1)])
    assert unfolded(database, org) < FOLD_AT, "the next one folds what stands there"
    assert differences(database.owner(), org.id) == {}


def test_a_fold_that_is_taken_back_has_folded_nothing(
    web_engine: Engine, database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    """The first to notice that much stands unfolded fails at the end, as where stock is short."""
    first, second = (desk(web_engine, factories, org) for _ in range(2))
    for _ in range(FOLD_AT // 2 - 1):
        first.place([(wares[0], 1)])
    before = unfolded(database, org)

    def fail() -> None:
        with first.transaction() as connection:
            place(first, connection, wares, 2)
            assert first.say(connection, "select count(*) from public.sales_daily_deltas")[0][0] < before
            first.say(connection, SET_ITEMS, id=first.insert(connection), items=items([]))

    with pytest.raises(Refused):
        fail()
    assert unfolded(database, org) == before
    second.place([(wares[0], 1)])
    assert unfolded(database, org) < before
    assert differences(database.owner(), org.id) == {}


def test_the_figures_are_right_at_every_moment_of_a_rush(
    web_engine: Engine, database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    """Four people place, process and cancel as fast as they can, a fifth looks all the time.

    They take the same products from stock, and so they wait for one another: it is the figures that are looked at.
    """
    people = [replace(desk(web_engine, factories, org), limits=PATIENT) for _ in range(4)]
    done = threading.Event()

    def work(at: Desk, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(20):
            order = at.place([(ware, chance.randint(1, 5)) for ware in chance.sample(wares, chance.randint(1, 4))])
            for status in chance.choice([(), ("cancelled",), ("processing", "cancelled"), ("processing", "shipped")]):
                at.set_status(order, status)

    def work_all() -> list[object]:
        try:
            return together(*(partial(work, at, seed) for seed, at in enumerate(people)))
        finally:
            done.set()

    def look() -> int:
        looks = 0
        with database.postgres.connect(database.name, "postgres") as reader:
            while not done.is_set():
                assert differences(reader, org.id) == {}
                looks += 1
        return looks

    outcomes, looks = together(work_all, look)
    assert outcomes == [None] * len(people)
    assert isinstance(looks, int), looks
    assert looks > 0
    assert differences(database.owner(), org.id) == {}
    assert unfolded(database, org) < 2 * FOLD_AT


def test_an_order_placed_with_an_old_snapshot_is_not_failed_by_a_fold(
    database: Database, factories: Factories, org: Org
) -> None:
    """It sees enough to be folded, which somebody else has folded since."""
    person = factories.person()
    for _ in range(FOLD_AT - 1):
        factories.order(org, person)
    with psycopg.connect(database.direct_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select 1")
        factories.order(org, person)
        assert unfolded(database, org) == 0
        old.execute("insert into public.orders (org_id, number) values (%s, 9001)", (org.id,))
    assert unfolded(database, org) == 1
    assert differences(database.owner(), org.id) == {}


def test_two_orders_that_change_places_change_what_was_sold(
    database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    """Day by day all figures stay, and yet it is another product that was sold."""
    person = factories.person()
    factories.order(org, person, [(wares[0], 1)], placed_at=NOON)
    factories.order(org, person, [(wares[1], 1)], placed_at=NOON, status="delivered")
    swapped = "case status when 'pending' then 'delivered' else 'pending' end::public.order_status"
    database.sql(f"update public.orders set status = {swapped} where org_id = %s", (org.id,))
    assert differences(database.owner(), org.id) == {}


def test_what_stands_unfolded_is_folded_by_whoever_makes_it_enough(
    database: Database, factories: Factories, org: Org
) -> None:
    person = factories.person()
    counts = []
    for _ in range(FOLD_AT + 1):
        factories.order(org, person)
        counts.append(unfolded(database, org))
    assert counts == [*range(1, FOLD_AT), 0, 1]


def falsify(database: Database, org: Org, product: UUID) -> None:
    """Make the figures wrong in every way that there is."""
    for statement in (
        "update public.sales_daily set total = total + 1, orders = orders - 1 where org_id = %(org)s",
        "insert into public.sales_daily values (%(org)s, '1999-12-31', 'shipped', 7, 7, 7)",
        "delete from public.sales_daily_deltas where org_id = %(org)s",
        "update public.sales_totals set items = 99 where org_id = %(org)s",
        "delete from public.sales_products where org_id = %(org)s",
        "insert into public.sales_products_deltas values (%(org)s, %(org)s, '1999-12-01', %(product)s, 1, 1)",
    ):
        database.sql(statement, {"org": org.id, "product": product})


def test_rebuilding_mends_whatever_happened_and_waits_for_nobody(
    web_engine: Engine, database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    at, other = desk(web_engine, factories, org), desk(web_engine, factories, org)
    for _ in range(3):
        at.set_status(at.place([(wares[0], 1), (wares[1], 2)]), "processing")
    factories.fold_sales(org)
    at.place([(wares[0], 1)])
    falsify(database, org, wares[0].id)
    assert differences(database.owner(), org.id).keys() == {"days", "totals", "products"}
    with other.transaction() as connection:
        place(other, connection, wares, 2)
        database.sql("select set_config('lock_timeout', '150ms', false)")
        database.sql("select rowhouse.rebuild_sales(%s)", (org.id,))
        database.sql("reset lock_timeout")
        assert differences(database.owner(), org.id) == {}
    assert differences(database.owner(), org.id) == {}
    assert database.sql("select count(*) from public.sales_daily where orders = 0")[0][0] == 0


def test_an_order_that_goes_takes_its_figures_along(
    database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    person = factories.person()
    kept, gone = (factories.order(org, person, [(wares[0], 3), (wares[1], 1)], status="shipped") for _ in range(2))
    database.sql("delete from public.orders where id = %s", (gone.id,))
    assert differences(database.owner(), org.id) == {}
    assert database.sql("select sum(quantity) from public.sales_products_deltas")[0][0] == 4
    assert database.sql("select id from public.orders") == [(kept.id,)]


@pytest.mark.parametrize("folded", [True, False])
def test_an_organisation_with_orders_can_be_deleted(
    folded: bool, web_engine: Engine, database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    owner = factories.person()
    factories.membership(org, owner, "owner")
    other = factories.organization()
    for place_of in (org, other):
        ware = factories.product(place_of)
        for _ in range(FOLD_AT - 1):
            factories.order(place_of, owner, [(ware, 1)], status="processing")
        if folded:
            factories.fold_sales(place_of)
    factories.order(org, owner, [(wares[0], 1)])
    Desk(web_engine, org, owner).run("delete from organizations where id = :org")
    for table in ("orders", "sales_daily", "sales_daily_deltas", "sales_totals", "sales_products"):
        left = database.sql(f"select distinct org_id from public.{table}")
        assert left in ([(other.id,)], []), table
    assert differences(database.owner(), other.id) == {}


@pytest.mark.parametrize(
    "call", ["rowhouse.fold_sales(:org, 1)", "rowhouse.rebuild_sales(:org)", "rowhouse.count_made_orders()"]
)
def test_nobody_folds_or_rebuilds_but_the_owner_of_the_database(
    call: str, web_engine: Engine, factories: Factories, org: Org
) -> None:
    with pytest.raises(NotPermitted):
        desk(web_engine, factories, org).run(f"select {call}")


def test_an_item_for_an_order_that_is_being_processed_waits_for_what_becomes_of_it(
    web_engine: Engine, database: Database, factories: Factories, org: Org, wares: list[Item]
) -> None:
    at = desk(web_engine, factories, org)
    order = at.place([(wares[0], 1)])
    add = (
        "insert into public.order_items (org_id, order_id, product_id, position, sku, name, quantity, unit_price)"
        " values (%s, %s, %s, 2, '', '', 5, 2)"
    )
    with psycopg.connect(database.direct_url) as adding:
        adding.execute(add, (org.id, order, wares[1].id))
        with pytest.raises(LockTimeout):
            at.set_status(order, "processing")
    at.set_status(order, "processing")
    assert differences(database.owner(), org.id) == {}
