"""Many people at the order desk at once: nothing is taken twice or falls below zero, nobody waits for a number."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from tests.factories import Factories, Item, Org
from tests.fixtures.database import Database
from tests.fixtures.servers import until
from tests.models.desk import SET_ITEMS, SET_STATUS, Books, Desk, items, together
from webapp import rls
from webapp.rls.errors import LockTimeout, Refused, UniqueViolation

IMPATIENT = rls.Limits(lock=150)
ASLEEP = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


@pytest.fixture
def org(factories: Factories) -> Org:
    """Return an organisation without an order."""
    return factories.organization()


def desks(engine: Engine, factories: Factories, org: Org, count: int) -> list[Desk]:
    """Return ``count`` administrators of ``org``, each at a desk."""
    people = [factories.person(f"Person {number}") for number in range(count)]
    for person in people:
        factories.membership(org, person, "admin")
    return [Desk(engine, org, person) for person in people]


def balanced(database: Database, product: Item, began: int) -> int:
    """Check that a product's stock is what it began with and all that moved, and return it."""
    (row,) = database.sql(
        "select p.stock, (select coalesce(sum(m.delta), 0) from inventory_movements m where m.product_id = p.id)"
        " from products p where p.id = %s",
        (product.id,),
    )
    assert row[0] == began + row[1] >= 0
    return int(row[0])


def test_a_new_order_does_not_wait_for_one_that_is_not_committed(
    web_engine: Engine, factories: Factories, org: Org, books: Books
) -> None:
    (one,) = desks(web_engine, factories, org, 1)
    other = Desk(web_engine, org, one.person, IMPATIENT)
    product = factories.product(org, stock=5)
    with one.transaction() as connection:
        first = one.insert(connection)
        one.say(connection, SET_ITEMS, id=first, items=items([(product, 1)]))
        second = other.place([(product, 1)])
        third = other.place([(product, 1)])
    assert [books.order(order)["number"] for order in (first, second, third)] == [1001, 1002, 1003]


def test_a_gap_is_left_by_what_was_rolled_back_and_no_number_is_given_twice(
    web_engine: Engine, factories: Factories, org: Org, books: Books
) -> None:
    (one,) = desks(web_engine, factories, org, 1)
    with rls.bind(web_engine, one.person.identity).connect() as connection:
        one.insert(connection)
        second = one.place()
        connection.rollback()
    assert [books.order(order)["number"] for order in (second, one.place())] == [1002, 1003]


def test_numbers_that_are_asked_for_at_once_are_all_different_and_without_a_gap(
    web_engine: Engine, factories: Factories, org: Org, database: Database
) -> None:
    people = desks(web_engine, factories, org, 6)

    def place_ten(desk: Desk) -> None:
        for _ in range(10):
            desk.place()

    assert together(*((lambda desk=desk: place_ten(desk)) for desk in people)) == [None] * 6
    numbers = [row[0] for row in database.sql("select number from orders order by number")]
    assert numbers == list(range(1001, 1061))


def test_a_number_that_was_taken_between_two_looks_is_not_given_again(
    spare_database: Callable[[], Database],
) -> None:
    """Somebody looks for the highest number, and is slow: the next one is taken and committed by then."""
    database = spare_database()
    (body,) = database.admin_sql("select pg_get_functiondef('rowhouse.number_order()'::regprocedure)")[0]
    loop = "while not pg_try_advisory"
    pause = "perform pg_sleep(coalesce(nullif(current_setting('test.pause', true), ''), '0')::float);"
    assert loop in body
    database.admin_sql(body.replace(loop, f"{pause} {loop}"))
    engine, factories = rls.create_engine(database.web_url), Factories(database.owner)
    (desk,) = desks(engine, factories, factories.organization(), 1)

    def slowly() -> None:
        with desk.transaction() as connection:
            desk.say(connection, "select set_config('test.pause', '0.3', true)")
            desk.insert(connection)

    outcome: list[object] = []
    slow = threading.Thread(target=lambda: outcome.extend(together(slowly)))
    slow.start()
    until(lambda: database.admin_sql(ASLEEP) == [(1,)], "the slow one to have looked")
    desk.place()
    slow.join()
    assert outcome == [None]
    assert database.sql("select number from orders order by number") == [(1001,), (1002,)]
    engine.dispose()


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_the_same_submission_waits_for_the_first_and_is_the_same_order(
    ends: str, web_engine: Engine, factories: Factories, org: Org, database: Database
) -> None:
    (desk,) = desks(web_engine, factories, org, 1)
    key = uuid4()
    outcome: list[object] = []
    with rls.bind(web_engine, desk.person.identity).connect() as connection:
        desk.insert(connection, key=key)
        second = threading.Thread(target=lambda: outcome.extend(together(lambda: desk.place(key=key))))
        second.start()
        until(lambda: database.admin_sql(WAITING) == [(1,)], "the second to wait")
        getattr(connection, ends)()
    second.join()
    assert isinstance(outcome[0], UniqueViolation) == (ends == "commit")
    assert database.sql("select count(*) from orders") == [(1,)]


def test_of_many_who_process_one_order_one_does_and_the_others_learn_who(
    web_engine: Engine, factories: Factories, org: Org, database: Database, books: Books
) -> None:
    people = desks(web_engine, factories, org, 6)
    product = factories.product(org, stock=100)
    order = people[0].place([(product, 7)])
    outcomes = together(*((lambda desk=desk: desk.set_status(order, "processing")) for desk in people))
    (winner,) = (desk for desk, outcome in zip(people, outcomes, strict=True) if outcome is None)
    for outcome in outcomes:
        if outcome is not None:
            assert isinstance(outcome, Refused)
            assert (outcome.constraint, outcome.detail["status"]) == ("orders_status", "processing")
            assert outcome.detail["event_by"] == str(winner.person.id)
    assert balanced(database, product, 100) == 93
    assert books.moved(order) == [(product.id, -7, "order")]
    assert books.events(order) == [("placed", people[0].person.id), ("processing", winner.person.id)]


def test_of_many_who_cancel_one_order_one_does_and_stock_is_given_back_once(
    web_engine: Engine, factories: Factories, org: Org, database: Database
) -> None:
    people = desks(web_engine, factories, org, 6)
    product = factories.product(org, stock=100)
    order = people[0].place([(product, 7)])
    people[0].set_status(order, "processing")
    outcomes = together(*((lambda desk=desk: desk.set_status(order, "cancelled")) for desk in people))
    assert sorted(str(getattr(outcome, "constraint", outcome)) for outcome in outcomes) == [
        "None", *["orders_status"] * 5
    ]  # fmt: skip
    assert balanced(database, product, 100) == 100


def test_many_orders_for_the_last_pieces_take_no_more_than_there_are(
    web_engine: Engine, factories: Factories, org: Org, database: Database
) -> None:
    people = desks(web_engine, factories, org, 8)
    drills, bits = factories.product(org, stock=10), factories.product(org, stock=1000)
    orders = [
        desk.place([(drills, 3), (bits, 1)] if number % 2 else [(bits, 1), (drills, 3)])
        for number, desk in enumerate(people)
    ]
    outcomes = together(
        *(
            (lambda desk=desk, order=order: desk.set_status(order, "processing"))
            for desk, order in zip(people, orders, strict=True)
        )
    )
    short = [outcome for outcome in outcomes if outcome is not None]
    assert [getattr(outcome, "constraint", outcome) for outcome in short] == ["products_stock"] * 5
    assert all(outcome.detail[0]["available"] < 3 for outcome in short)
    assert (balanced(database, drills, 10), balanced(database, bits, 1000)) == (1, 997)
    assert database.sql("select status::text, count(*) from orders group by 1 order by 1") == [
        ("pending", 5), ("processing", 3)
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["processing", "cancelled"])
def test_products_are_locked_in_the_order_of_their_ids(
    status: str, web_engine: Engine, factories: Factories, org: Org, database: Database
) -> None:
    """Whoever waits for the first holds no other one, so no two can wait for each other, bulk changes included.

    The planner is kept from reading products by an index, which would bring them in that order by chance.
    """
    (desk,) = desks(web_engine, factories, org, 1)
    products = sorted((factories.product(org, stock=10) for _ in range(3)), key=lambda item: item.id)
    order = desk.place([(product, 1) for product in reversed(products)])
    if status == "cancelled":
        desk.set_status(order, "processing")
    for table, key in (("products", "id"), ("inventory_movements", "product_id")):
        database.admin_sql(f"vacuum full {table}")  # so that a row that is written again is the last one
        database.sql(f"update {table} set {key} = {key} where {key} = %s", (products[0].id,))

    def bring() -> None:
        with desk.transaction() as connection:
            for kind in ("nestloop", "mergejoin", "indexscan", "indexonlyscan", "bitmapscan"):
                desk.say(connection, f"set local enable_{kind} = off")
            desk.say(connection, SET_STATUS, id=order, status=status)

    outcome: list[object] = []
    with desk.transaction() as connection:
        lock = "select from products where org_id = :org and id = :id for no key update"
        desk.say(connection, lock, id=products[0].id)
        waiting = threading.Thread(target=lambda: outcome.extend(together(bring)))
        waiting.start()
        until(lambda: database.admin_sql(WAITING) == [(1,)], "the lock to be waited for")
        for product in products[1:]:
            desk.say(connection, f"{lock} nowait", id=product.id)
    waiting.join()
    assert outcome == [None]


def test_stock_that_somebody_sold_meanwhile_is_not_sold_again(
    web_engine: Engine, factories: Factories, org: Org, database: Database, books: Books
) -> None:
    """Processing waits for whoever holds the product, and then sees what they left."""
    one, two = desks(web_engine, factories, org, 2)
    product = factories.product(org, stock=5)
    order = one.place([(product, 5)])
    outcome: list[object] = []
    with two.transaction() as connection:
        two.say(connection, "update products set stock = 4 where org_id = :org")
        waiting = threading.Thread(target=lambda: outcome.extend(together(lambda: one.set_status(order, "processing"))))
        waiting.start()
        until(lambda: database.admin_sql(WAITING) == [(1,)], "processing to wait")
    waiting.join()
    assert isinstance(outcome[0], Refused)
    assert outcome[0].detail == [
        {"product_id": str(product.id), "sku": product.sku, "name": product.name, "wanted": 5, "available": 4}
    ]
    assert (books.status(order), books.stock(product)) == ("pending", [4])


def test_composing_and_processing_the_same_order_come_one_after_the_other(
    web_engine: Engine, factories: Factories, org: Org, books: Books
) -> None:
    one, two = desks(web_engine, factories, org, 2)
    impatient = Desk(web_engine, org, two.person, IMPATIENT)
    product = factories.product(org, stock=50)
    order = one.place([(product, 5)])
    with one.transaction() as connection:
        one.say(connection, SET_ITEMS, id=order, items=items([(product, 9)]))
        with pytest.raises(LockTimeout):
            impatient.set_status(order, "processing")
    two.set_status(order, "processing")
    assert (books.stock(product), books.moved(order)) == ([41], [(product.id, -9, "order")])


def test_a_step_that_another_one_holds_up_gives_up_in_time(
    web_engine: Engine, factories: Factories, org: Org, books: Books
) -> None:
    one, two = desks(web_engine, factories, org, 2)
    product = factories.product(org, stock=50)
    order = one.place([(product, 5)])
    with one.transaction() as connection:
        one.say(connection, SET_STATUS, id=order, status="processing")
        with pytest.raises(LockTimeout):
            Desk(web_engine, org, two.person, IMPATIENT).set_status(order, "cancelled")
    assert (books.status(order), books.stock(product)) == ("processing", [45])


def test_whatever_people_do_at_once_stock_and_movements_agree(
    web_engine: Engine, factories: Factories, org: Org, database: Database
) -> None:
    """Six people place, change, process and cancel orders for three products at random, all at once."""
    seed = random.randrange(10**9)
    people = desks(web_engine, factories, org, 6)
    products = [factories.product(org, stock=20) for _ in range(3)]
    orders = [people[0].place([(product, 1)]) for product in products]

    def work(desk: Desk, rng: random.Random) -> None:
        for _ in range(12):
            lines = [(product, rng.randint(1, 4)) for product in rng.sample(products, rng.randint(1, 3))]
            order = rng.choice(orders)
            doing = rng.choice(["place", "items", "processing", "processing", "cancelled"])
            try:
                if doing == "place":
                    orders.append(desk.place(lines))
                elif doing == "items":
                    desk.set_items(order, lines)
                else:
                    desk.set_status(order, doing)
            except Refused:
                continue

    outcomes = together(*((lambda desk=desk: work(desk, random.Random(f"{seed}/{desk.person.id}"))) for desk in people))
    assert outcomes == [None] * 6, f"seed {seed}"
    for product in products:
        balanced(database, product, 20)
    assert (
        database.sql(
            """select o.id from orders o
        left join (select order_id, sum(quantity) as quantity, sum(amount) as amount from order_items group by 1) i
          on i.order_id = o.id
        left join (select order_id, sum(delta) as delta, count(*) filter (where reason = 'order') as taken
          from inventory_movements group by 1) m on m.order_id = o.id
        where (o.item_count, o.total) is distinct from (i.quantity, i.amount)
          or case o.status when 'processing' then m.delta is distinct from -i.quantity
            when 'pending' then m.taken is not null else coalesce(m.delta, 0) <> 0 end"""
        )
        == []
    ), f"seed {seed}"
