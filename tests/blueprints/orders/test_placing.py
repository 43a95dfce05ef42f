"""Placing an order: once, at the prices that were seen, whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

from tests.blueprints.orders.conftest import LIST, Desk, lines_of, value
from tests.factories import Factories, Item
from tests.fixtures.application import ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import parse
from tests.fixtures.world import World


def placed(database: Database, key: str) -> int:
    return int(database.sql("select count(*) from public.orders where request_key = %s", (key,))[0][0])


def test_placing_leads_to_the_order_with_all_that_was_written(
    desk: Desk, hammer: Item, nails: Item, database: Database
) -> None:
    words = {"customer": " Brick  Lane ", "reference": "PO 7", "deliver_to": "Row 14\r\nAmsterdam", "note": "Ring"}
    key = value(desk.client.page(f"{LIST}new"), "request_key")
    answer = desk.place([(nails, "1,000"), (hammer, "2")], request_key=key, **words)
    assert answer.status_code == 303
    page = desk.client.page(answer.headers["Location"])
    text = page.text(page.first("body"))
    for told in ("Order 1004", "Brick Lane", "PO 7", "Row 14 Amsterdam", "Ring", "Placed order 1004.", "€9,919.80"):
        assert told in text
    columns = "customer, reference, deliver_to, note, item_count, total, status, number"
    (row,) = database.sql(f"select {columns} from public.orders where request_key = %s", (key,))
    assert row == ("Brick Lane", "PO 7", "Row 14\nAmsterdam", "Ring", 1002, Decimal("9919.80"), "pending", 1004)
    items = "select i.quantity from public.order_items i join public.orders o on o.id = i.order_id"
    assert database.sql(f"{items} where o.request_key = %s order by i.position", (key,)) == [(1000,), (2,)]


def test_sent_twice_it_places_one_order_and_both_end_at_its_page(desk: Desk, hammer: Item, database: Database) -> None:
    key = str(uuid4())
    answers = [desk.place([(hammer, "2")], request_key=key, customer="Ada") for _ in range(3)]
    assert len({(answer.status_code, answer.headers["Location"]) for answer in answers}) == 1
    assert answers[0].status_code == 303
    assert placed(database, key) == 1


def test_sent_twice_at_the_same_moment_it_places_one_order(
    client_for: ClientFor, world: World, hammer: Item, database: Database
) -> None:
    desks = [Desk(client_for(world.acme.member)) for _ in range(3)]
    assert all(desk.client.token for desk in desks)
    key = str(uuid4())
    with ThreadPoolExecutor(len(desks)) as pool:
        answers = list(pool.map(lambda desk: desk.place([(hammer, "2")], request_key=key), desks))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert placed(database, key) == 1


def test_a_used_form_with_other_content_is_kept_and_gets_a_fresh_key(
    desk: Desk, hammer: Item, nails: Item, database: Database
) -> None:
    key = str(uuid4())
    there = desk.place([(hammer, "2")], request_key=key).headers["Location"]
    answer = desk.place([(hammer, "2"), (nails, "1")], request_key=key)
    assert answer.status_code == 422
    body = answer.get_data(as_text=True)
    assert f'This form has placed <a href="{there}">order 1004</a> already' in body
    page = parse(body)
    assert [line[0] for line in lines_of(page)] == [str(hammer.id), str(nails.id)]
    fresh = value(page, "request_key")
    assert desk.place([(hammer, "2"), (nails, "1")], request_key=fresh).status_code == 303
    assert (placed(database, key), placed(database, fresh)) == (1, 1)


def test_a_key_that_another_organisation_used_is_free_here(
    desk: Desk, client_for: ClientFor, world: World, hammer: Item, database: Database
) -> None:
    (key,) = database.sql("select request_key from public.orders where id = %s", (world.globex.orders[0].id,))[0]
    assert desk.place([(hammer, "1")], request_key=str(key)).status_code == 303
    assert placed(database, str(key)) == 2


def test_a_price_that_changed_since_is_shown_before_anything_is_placed(
    desk: Desk, hammer: Item, database: Database
) -> None:
    key = str(uuid4())
    database.sql("update public.products set price = 12.50 where id = %s", (hammer.id,))
    answer = desk.place([(hammer, "2")], request_key=key, customer="Ada")
    assert answer.status_code == 409
    page = parse(answer.get_data(as_text=True))
    (note,) = (element for element in page.all("div") if element.get("id") == "prices")
    assert f"{hammer.name}: €9.90 €12.50" in page.text(note)
    assert lines_of(page) == [(str(hammer.id), "2", "12.50")]
    assert (value(page, "customer"), value(page, "request_key")) == ("Ada", key)
    assert placed(database, key) == 0
    assert desk.place([(hammer, "2")], request_key=key, price="12.50").status_code == 303
    assert database.sql("select total from public.orders where request_key = %s", (key,)) == [(Decimal("25.00"),)]


def test_a_price_that_the_form_does_not_say_is_shown_first(desk: Desk, hammer: Item) -> None:
    for price in ("", "nonsense", "NaN"):
        assert desk.place([(hammer, "2")], price=price).status_code == 409


def test_what_is_wrong_is_said_all_at_once_and_what_was_typed_stays(
    desk: Desk, hammer: Item, ladder: Item, database: Database
) -> None:
    key = str(uuid4())
    answer = desk.place([(hammer, "two"), (ladder, "1")], request_key=key, reference="x" * 101)
    assert answer.status_code == 422
    page = parse(answer.get_data(as_text=True))
    (errors,) = (element for element in page.all("div") if element.get("id") == "errors")
    for told in (
        f"{hammer.name}: Write a whole number, such as 12.",
        f"{ladder.name}: This is not on sale any more. Remove the line.",
        "Reference: Use 100 characters at most; these are 101.",
    ):
        assert told in page.text(errors)
    assert [line[1] for line in lines_of(page)] == ["two", "1"]
    assert value(page, "reference") == "x" * 101
    assert placed(database, key) == 0


def test_an_order_without_lines_is_not_placed(desk: Desk, database: Database) -> None:
    answer = desk.place([], customer="Ada")
    assert answer.status_code == 422
    assert "Add what is ordered first" in answer.get_data(as_text=True)


def test_another_organisations_product_is_as_absent_as_none(desk: Desk, hammer: Item, world: World) -> None:
    answer = desk.place([(hammer, "1"), (world.globex.products[0], "1")])
    body = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "not in the catalogue any more" in body
    assert world.globex.marker not in body
    assert lines_of(parse(body)) == [(str(hammer.id), "1", "9.90")]


def test_a_form_without_a_good_key_is_kept_and_gets_one(desk: Desk, hammer: Item) -> None:
    answer = desk.place([(hammer, "1")], request_key="damaged")
    assert answer.status_code == 422
    page = parse(answer.get_data(as_text=True))
    assert desk.place([(hammer, "1")], request_key=value(page, "request_key")).status_code == 303


def test_an_order_that_comes_to_more_than_can_be_written_down_is_refused(
    desk: Desk, world: World, factories: Factories
) -> None:
    dear = [factories.product(world.acme.org, price=Decimal("9999999999.99")) for _ in range(2)]
    answer = desk.place([(item, "1000000") for item in dear], price="9999999999.99")
    assert answer.status_code == 422
    assert "The order comes to more than can be written down." in answer.get_data(as_text=True)


def test_a_fault_between_the_order_and_its_items_leaves_nothing(
    desk: Desk, hammer: Item, ladder: Item, database: Database
) -> None:
    """The ladder goes off sale after the page has looked: the function refuses, and the order goes with it."""
    database.sql("update public.products set is_active = true where id = %s", (ladder.id,))
    key = str(uuid4())
    assert desk.client.token
    database.sql(
        "create function public.sell_out() returns trigger language plpgsql security definer as $$ begin"
        " update public.products set is_active = false where name like '%%ladder'; return new; end $$"
    )
    database.sql("create trigger sell_out after insert on public.orders for each row execute function sell_out()")
    try:
        answer = desk.place([(hammer, "1"), (ladder, "1")], request_key=key)
    finally:
        database.sql("drop trigger sell_out on public.orders")
        database.sql("drop function public.sell_out()")
    assert answer.status_code == 422
    assert "A product went off sale at this moment." in answer.get_data(as_text=True)
    assert placed(database, key) == 0
