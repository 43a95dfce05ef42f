"""An order as its functions make it: numbers, items, totals, states, what is refused and what is noted."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, select

from tests.factories import Factories
from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.models.desk import SET_ITEMS, Books, Desk
from webapp import rls
from webapp.models import Order, OrderStatus
from webapp.rls.errors import CheckViolation, InvalidValue, NotPermitted, Refused, UniqueViolation


@pytest.fixture
def desk(web_engine: Engine, world: World) -> Desk:
    """Return acme's member at work."""
    return Desk(web_engine, world.acme.org, world.acme.member)


@pytest.fixture
def boss(web_engine: Engine, world: World) -> Desk:
    """Return acme's admin at work."""
    return Desk(web_engine, world.acme.org, world.acme.admin)


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def refused(constraint: str, caught: pytest.ExceptionInfo[Refused]) -> object:
    """Check the reason of a refusal and return what it says of it."""
    assert caught.value.constraint == constraint
    return caught.value.detail


def test_they_begin_at_1001_and_count_on_in_each_organisation(
    factories: Factories, world: World, web_engine: Engine, books: Books
) -> None:
    fresh = factories.organization()
    factories.membership(fresh, world.acme.member, "member")
    desk = Desk(web_engine, fresh, world.acme.member)
    assert [books.order(desk.place())["number"] for _ in range(3)] == [1001, 1002, 1003]
    assert [order.number for order in world.globex.orders] == [1001, 1002, 1003]


def test_several_of_one_statement_get_one_each(desk: Desk, world: World) -> None:
    rows = desk.run("insert into orders (org_id) select :org from generate_series(1, 5) returning number")
    assert [row[0] for row in rows] == [1004, 1005, 1006, 1007, 1008]


def test_a_number_that_was_rolled_back_is_given_again(desk: Desk, books: Books) -> None:
    with rls.bind(desk.engine, desk.person.identity).connect() as connection:
        desk.insert(connection)
        connection.rollback()
    assert books.order(desk.place())["number"] == 1004


def test_no_person_gives_one(desk: Desk) -> None:
    with pytest.raises(NotPermitted):
        desk.run("insert into orders (org_id, number) values (:org, 7)")


def test_the_orm_places_an_order_and_reads_what_the_database_gave_it(desk: Desk, world: World) -> None:
    with rls.session_of_work(desk.engine, desk.person.identity) as session:
        session.add(made := Order(org_id=desk.org.id, customer="Brick Lane Builders"))
        session.flush()
        assert (made.number, made.placed_by, made.status) == (1004, world.acme.member.id, OrderStatus.PENDING)
        assert made.item_count == made.total == made.tax_rate == 0
        found = session.scalars(select(Order).where(Order.customer_key >= "brick", Order.customer_key < "bricl")).all()
        assert found == [made]


@pytest.mark.parametrize("column", ["placed_by", "status", "total", "placed_at", "item_count", "tax_rate"])
def test_nobody_writes_what_the_database_decides(column: str, boss: Desk, world: World) -> None:
    order = world.acme.orders[0].id
    for sql in (
        f"insert into orders (org_id, {column}) select org_id, {column} from orders where id = '{order}'",
        f"update orders set {column} = {column} where id = '{order}'",
    ):
        with pytest.raises(NotPermitted):
            boss.run(sql)


def test_one_key_is_one_order(desk: Desk, world: World, web_engine: Engine) -> None:
    key = uuid4()
    desk.place(key=key)
    with pytest.raises(UniqueViolation) as caught:
        desk.place(key=key)
    assert caught.value.constraint == "orders_org_id_request_key_key"
    Desk(web_engine, world.globex.org, world.globex.member).place(key=key)


@pytest.mark.parametrize(
    ("column", "most"), [("customer", 200), ("reference", 100), ("deliver_to", 500), ("note", 2000)]
)
def test_a_text_has_its_length(column: str, most: int, desk: Desk) -> None:
    desk.run(f"insert into orders (org_id, {column}) values (:org, :text)", text="ä" * most)
    with pytest.raises(CheckViolation) as caught:
        desk.run(f"insert into orders (org_id, {column}) values (:org, :text)", text="ä" * (most + 1))
    assert caught.value.constraint == f"orders_{column}_check"


def test_they_are_the_products_as_they_are_today_in_the_order_given(
    desk: Desk, world: World, books: Books, database: Database
) -> None:
    hammer, nails, _ = world.acme.products
    order = desk.place([(nails, 4), (hammer, 1)])
    assert books.items(order) == [
        (nails.id, nails.sku, nails.name, 4, Decimal("9.90"), Decimal("39.60")),
        (hammer.id, hammer.sku, hammer.name, 1, Decimal("9.90"), Decimal("9.90")),
    ]
    database.sql("update products set price = 20, name = 'Mallet', sku = 'M-1' where id = %s", (hammer.id,))
    assert books.items(order)[1][1:3] == (hammer.sku, hammer.name)
    desk.set_items(order, [(hammer, 2), (nails, 4)])
    assert [row[1:] for row in books.items(order)] == [
        ("M-1", "Mallet", 2, Decimal("20.00"), Decimal("40.00")),
        (nails.sku, nails.name, 4, Decimal("9.90"), Decimal("39.60")),
    ]


def test_what_the_caller_says_of_price_or_name_is_not_heard(desk: Desk, world: World, books: Books) -> None:
    order = desk.place()
    forged = {"product_id": str(world.acme.products[0].id), "quantity": 1, "unit_price": 0.01, "name": "Free"}
    desk.run(SET_ITEMS, id=order, items=Jsonb([forged]))
    assert books.items(order)[0][2:5] == (world.acme.products[0].name, 1, Decimal("9.90"))


def test_a_product_that_is_named_twice_is_one_item(desk: Desk, world: World, books: Books) -> None:
    hammer, nails, _ = world.acme.products
    order = desk.place([(hammer, 1), (nails, 1), (hammer, 2)])
    assert [(row[0], row[3]) for row in books.items(order)] == [(hammer.id, 3), (nails.id, 1)]
    assert books.order(order)["item_count"] == 4


def test_items_that_stay_are_the_same_rows(desk: Desk, world: World, database: Database) -> None:
    hammer, nails, _ = world.acme.products
    rows = "select id, xmin from order_items where order_id = %s and product_id = %s"
    order = desk.place([(hammer, 1), (nails, 1)])
    before = database.sql(rows, (order, hammer.id))
    desk.set_items(order, [(hammer, 1)])
    assert database.sql(rows, (order, hammer.id)) == before


def test_the_same_items_again_change_nothing(desk: Desk, world: World, database: Database) -> None:
    order = desk.place([(world.acme.products[0], 1)])
    before = database.snapshot()
    desk.set_items(order, [(world.acme.products[0], 1)])
    assert database.snapshot() == before


@pytest.mark.parametrize("quantity", [0, -1, 1.5, None, 1_000_001, "NaN"])
def test_a_quantity_is_whole_and_between_one_and_a_million(quantity: object, desk: Desk, world: World) -> None:
    hammer, nails, _ = world.acme.products
    given = [{"product_id": str(item.id), "quantity": quantity} for item in (nails, hammer)]
    order = desk.place()
    with pytest.raises(Refused) as caught:
        desk.run(SET_ITEMS, id=order, items=Jsonb([*given, {"product_id": str(hammer.id), "quantity": 5}]))
    assert refused("order_items_quantity", caught) == [str(nails.id), str(hammer.id)]


def test_two_lines_of_one_product_have_their_limit_together(desk: Desk, world: World) -> None:
    hammer = world.acme.products[0]
    order = desk.place([(hammer, 1_000_000)])
    with pytest.raises(Refused) as caught:
        desk.set_items(order, [(hammer, 1_000_000), (hammer, 1)])
    assert refused("order_items_quantity", caught) == [str(hammer.id)]


def test_a_product_must_be_ours_and_for_sale(desk: Desk, world: World) -> None:
    hammer, _, archived = world.acme.products
    foreign, nobody = world.globex.products[0], uuid4()
    with pytest.raises(Refused) as caught:
        desk.place([(archived, 1), (hammer, 1), (foreign, 1), (nobody, 1)])
    assert refused("order_items_product", caught) == [str(archived.id), str(foreign.id), str(nobody)]


def test_an_item_stays_when_its_product_was_archived_meanwhile(
    desk: Desk, world: World, books: Books, database: Database
) -> None:
    hammer, nails, _ = world.acme.products
    order = desk.place([(hammer, 1)])
    database.sql("update products set is_active = false where id = %s", (hammer.id,))
    desk.set_items(order, [(hammer, 2), (nails, 1)])
    assert [row[3] for row in books.items(order)] == [2, 1]
    desk.set_items(order, [(nails, 1)])
    with pytest.raises(Refused) as caught:
        desk.set_items(order, [(nails, 1), (hammer, 1)])
    assert refused("order_items_product", caught) == [str(hammer.id)]


def test_an_order_needs_an_item_and_has_at_most_a_thousand(desk: Desk) -> None:
    order = desk.place()
    with pytest.raises(Refused) as caught:
        desk.set_items(order, [])
    assert refused("orders_empty", caught) is None
    with pytest.raises(Refused) as caught:
        desk.set_items(order, [(uuid4(), 1) for _ in range(1001)])
    assert refused("order_items_count", caught) is None


def test_a_total_that_has_too_many_digits_is_refused(desk: Desk, world: World, database: Database) -> None:
    database.sql("update products set price = 9999999999.99")
    hammer, nails, _ = world.acme.products
    desk.place([(hammer, 1_000_000)])
    with pytest.raises(Refused) as caught:
        desk.place([(hammer, 1_000_000), (nails, 1_000_000)])
    assert refused("orders_total", caught) is None


@pytest.mark.parametrize(
    "given", [{"product_id": "x"}, 7, [{"product_id": "x", "quantity": 1}], [{"quantity": "many"}]]
)
def test_what_is_no_list_of_items_is_an_invalid_value(given: object, desk: Desk) -> None:
    order = desk.place()
    with pytest.raises(InvalidValue):
        desk.run(SET_ITEMS, id=order, items=Jsonb(given))


def test_stock_is_taken_at_processing_and_given_back_at_cancelling(
    desk: Desk, boss: Desk, world: World, books: Books
) -> None:
    hammer, nails, _ = world.acme.products
    order = desk.place([(hammer, 5), (nails, 3)])
    assert books.stock(hammer, nails) == [25, 3]
    desk.set_status(order, "processing")
    assert books.stock(hammer, nails) == [20, 0]
    taken = [(hammer.id, -5, "order"), (nails.id, -3, "order")]
    assert books.moved(order) == taken
    boss.set_status(order, "cancelled")
    assert books.stock(hammer, nails) == [25, 3]
    assert books.moved(order) == [*taken, (nails.id, 3, "cancellation"), (hammer.id, 5, "cancellation")]
    assert books.events(order) == [
        ("placed", desk.person.id),
        ("processing", desk.person.id),
        ("cancelled", boss.person.id),
    ]


def test_what_was_never_taken_is_not_given_back(desk: Desk, world: World, books: Books) -> None:
    order = desk.place([(world.acme.products[0], 5)])
    desk.set_status(order, "cancelled")
    assert (books.stock(world.acme.products[0]), books.moved(order)) == ([25], [])


@pytest.mark.parametrize("path", [(), ("processing",), ("processing", "shipped"),
                                  ("processing", "shipped", "delivered"), ("cancelled",)])  # fmt: skip
def test_one_state_follows_another_and_no_other(
    path: tuple[str, ...], boss: Desk, world: World, books: Books, database: Database
) -> None:
    order = boss.place([(world.acme.products[0], 1)])
    for status in path:
        boss.set_status(order, status)
    here = path[-1] if path else "pending"
    follows = {
        "pending": {"processing", "cancelled"},
        "processing": {"shipped", "cancelled"},
        "shipped": {"delivered"},
    }.get(here, set())
    before = database.snapshot()
    for status in {*OrderStatus} - follows:
        with pytest.raises(Refused) as caught:
            boss.set_status(order, status)
        detail = refused("orders_status", caught)
        assert isinstance(detail, dict)
        assert (detail["status"], UUID(detail["event_by"])) == (here, boss.person.id)
        assert datetime.fromisoformat(detail["event_at"]).utcoffset() is not None
    assert database.snapshot() == before
    assert books.status(order) == here


def test_no_state_is_none(boss: Desk, world: World) -> None:
    with pytest.raises(Refused) as caught:
        boss.set_status(world.acme.orders[0].id, None)
    refused("orders_status", caught)


def test_what_is_short_is_listed_and_nothing_is_taken(
    desk: Desk, world: World, books: Books, database: Database
) -> None:
    hammer, nails, _ = world.acme.products
    order = desk.place([(nails, 4), (hammer, 1)])
    before = database.snapshot()
    with pytest.raises(Refused) as caught:
        desk.set_status(order, "processing")
    assert refused("products_stock", caught) == [
        {"product_id": str(nails.id), "sku": nails.sku, "name": nails.name, "wanted": 4, "available": 3}
    ]
    assert database.snapshot() == before


def test_an_order_without_items_is_not_processed(desk: Desk) -> None:
    order = desk.place()
    with pytest.raises(Refused) as caught:
        desk.set_status(order, "processing")
    refused("orders_empty", caught)
    desk.set_status(order, "cancelled")


def test_items_are_those_of_a_pending_order_only(desk: Desk, boss: Desk, world: World) -> None:
    order = desk.place([(world.acme.products[0], 1)])
    boss.set_status(order, "processing")
    for one in (desk, boss):
        with pytest.raises(Refused) as caught:
            one.set_items(order, [(world.acme.products[0], 2)])
        detail = refused("orders_not_pending", caught)
        assert isinstance(detail, dict)
        assert (detail["status"], detail["event_by"]) == ("processing", str(boss.person.id))


def test_a_member_learns_that_somebody_was_there_before(desk: Desk, boss: Desk, world: World) -> None:
    """Rather than that they may not: they could have, a moment ago."""
    order = desk.place([(world.acme.products[0], 1)])
    boss.set_status(order, "processing")
    for status in ("processing", "cancelled"):
        with pytest.raises(Refused) as caught:
            desk.set_status(order, status)
        refused("orders_status", caught)


def test_stock_is_not_taken_by_itself_for_what_has_taken_it_or_is_not_processing(
    desk: Desk, boss: Desk, world: World, database: Database
) -> None:
    order = desk.place([(world.acme.products[0], 1)])
    with pytest.raises(Refused) as caught:
        desk.take(order)
    refused("orders_status", caught)
    boss.set_status(order, "processing")
    before = database.snapshot()
    with pytest.raises(Refused) as caught:
        boss.take(order)
    refused("orders_status", caught)
    assert database.snapshot() == before


def test_stock_can_be_taken_for_an_order_that_was_brought_in_from_elsewhere(
    boss: Desk, world: World, books: Books, database: Database
) -> None:
    hammer, nails, _ = world.acme.products
    order = boss.place([(hammer, 2), (nails, 3)])
    database.sql("update orders set status = 'processing' where id = %s", (order,))
    assert boss.take(order) == 2
    assert books.stock(hammer, nails) == [23, 0]


def test_details_and_items_that_change_together_are_one_event(desk: Desk, world: World, books: Books) -> None:
    hammer, nails, _ = world.acme.products
    order = desk.place([(hammer, 1)])
    with desk.transaction() as connection:
        desk.say(connection, "update orders set note = 'Ring twice' where org_id = :org and id = :id", id=order)
        desk.say(connection, SET_ITEMS, id=order, items=Jsonb([{"product_id": str(nails.id), "quantity": 1}]))
    desk.run("update orders set note = 'Knock' where org_id = :org and id = :id", id=order)
    assert [event for event, _ in books.events(order)] == ["placed", "changed", "changed"]


def test_details_that_stay_the_same_are_none(desk: Desk, books: Books) -> None:
    order = desk.place(customer="Brick Lane")
    desk.run("update orders set customer = 'Brick Lane', note = '' where org_id = :org and id = :id", id=order)
    assert [event for event, _ in books.events(order)] == ["placed"]


def test_an_organisation_is_deleted_with_its_orders(world: World, web_engine: Engine, database: Database) -> None:
    Desk(web_engine, world.acme.org, world.acme.owner).run("delete from organizations where id = :org")
    for table in ("orders", "order_items", "inventory_movements", "order_events", "products"):
        assert database.sql(f"select org_id from {table} group by org_id") == [(world.globex.org.id,)]


def test_an_order_outlives_the_account_that_placed_it(world: World, database: Database, books: Books) -> None:
    order = world.acme.orders[0].id
    database.admin_sql("delete from auth.users where id = %s", (world.acme.member.id,))
    assert books.order(order)["placed_by"] is None
    assert books.events(order) == [("placed", world.acme.member.id)]
