"""An order on its way: who may move it on, what stands against it, and what its page says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.blueprints.orders.conftest import LIST, buttons
from tests.factories import Factories, Item, Sale
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World


def move(client: Client, order: Sale, to: str, expected: int = 303) -> Page | None:
    """Press one of the buttons of an order's page; return the page that answers, if one does."""
    answer = client.submit(f"{LIST}{order.id}/status", {"to": to})
    assert answer.status_code == expected, answer.status
    return parse(answer.get_data(as_text=True)) if expected != 303 else None


def stock(database: Database, item: Item) -> int:
    return int(database.sql("select stock from public.products where id = %s", (item.id,))[0][0])


def status(database: Database, order: Sale) -> str:
    return str(database.sql("select status from public.orders where id = %s", (order.id,))[0][0])


def refused(page: Page | None) -> str:
    assert page is not None
    (note,) = (element for element in page.all("div") if element.get("id") == "refused")
    return page.text(note)


@pytest.fixture
def pending(world: World) -> Sale:
    """Return an order of the member: 2 hammers and 1 box of nails."""
    return world.acme.orders[0]


def test_an_order_shows_all_that_is_known_of_it(member: Client, pending: Sale, world: World, hammer: Item) -> None:
    page = member.page(f"{LIST}{pending.id}")
    text = page.text(page.first("main"))
    for told in (
        "Order 1001", "Pending", "ACME-ONLY Builders", "ACME-ONLY PO 7", "ACME-ONLY by the gate", hammer.name,
        hammer.sku, "€19.80", "Total, 3 items€29.70", "Member of Acme placed the order",
    ):  # fmt: skip
        assert told in text


def test_an_order_goes_its_way_and_its_page_tells_it(
    admin: Client, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    before = stock(database, hammer), stock(database, nails)
    for to, button in (("processing", "Mark as shipped"), ("shipped", "Mark as delivered"), ("delivered", "Print")):
        move(admin, pending, to)
        page = admin.page(f"{LIST}{pending.id}")
        assert button in buttons(page)
        (now,) = (page.text(step) for step in page.all("li") if step.get("aria-current") == "step")
        assert now.startswith(to.capitalize())
    assert (stock(database, hammer), stock(database, nails)) == (before[0] - 2, before[1] - 1)
    text = page.text(page.first("main"))
    assert "Admin of Acme began processing; stock of 2 products taken" in text
    assert "Admin of Acme marked the order as delivered" in text


def test_each_is_offered_what_they_may_do(
    world: World, client_for: ClientFor, factories: Factories, pending: Sale
) -> None:
    org, other = world.acme.org, world.both
    theirs = factories.order(org, other, [(world.acme.products[0], 1)])
    processing, shipped = world.acme.orders[1], factories.order(org, other, status="shipped")
    always = {"Print", "Order again"}
    owns = always | {"Change", "Cancel order", "Start processing"}
    expected = {
        world.acme.member: {pending: owns, theirs: always, processing: always, shipped: always},
        world.acme.admin: {
            pending: owns, theirs: owns, processing: always | {"Cancel order", "Mark as shipped"},
        },
        world.acme.viewer: {pending: {"Print"}, theirs: {"Print"}, processing: {"Print"}, shipped: {"Print"}},
    }  # fmt: skip
    for person, orders in expected.items():
        client = client_for(person)
        for order, offered in orders.items():
            assert buttons(client.page(f"{LIST}{order.id}")) == offered, (person.name, order.number)


def test_what_is_not_offered_is_refused(
    member: Client, world: World, factories: Factories, database: Database, pending: Sale
) -> None:
    theirs = factories.order(world.acme.org, world.both, [(world.acme.products[0], 1)])
    before = database.snapshot()
    for order, to in ((theirs, "processing"), (theirs, "cancelled"), (world.acme.orders[1], "shipped")):
        page = move(member, order, to, 403)
        assert page is not None
        assert "An order is changed by the person who placed it" in page.text(page.first("main"))
    assert database.snapshot() == before


def test_too_little_in_stock_names_each_product_with_what_there_is(
    member: Client, world: World, factories: Factories, hammer: Item, nails: Item, database: Database
) -> None:
    order = factories.order(world.acme.org, world.acme.member, [(nails, 7), (hammer, 2)])
    before = database.snapshot()
    page = move(member, order, "processing", 409)
    text = refused(page)
    assert "too little in stock of 1 product." in text
    assert f"{nails.name} ({nails.sku}): 7 ordered, 3 in stock" in text
    assert hammer.name not in text
    assert page is not None
    links = [link.get("href") for link in page.all("a")]
    assert f"/o/acme/products/{nails.id}" in links
    assert f"{LIST}{order.id}/edit" in links
    assert database.snapshot() == before


def test_the_second_to_process_is_told_who_was_first(
    member: Client, admin: Client, pending: Sale, hammer: Item, database: Database
) -> None:
    move(admin, pending, "processing")
    taken = stock(database, hammer)
    text = refused(move(member, pending, "processing", 409))
    assert text.startswith("Admin of Acme began processing just now.")
    assert "Your click changed nothing" in text
    assert stock(database, hammer) == taken


def test_the_second_click_of_the_same_person_ends_where_the_first_did(
    admin: Client, pending: Sale, hammer: Item, database: Database
) -> None:
    before = stock(database, hammer)
    for _ in range(3):
        move(admin, pending, "processing")
    assert stock(database, hammer) == before - 2


def test_many_who_process_at_once_take_the_stock_once(
    client_for: ClientFor, world: World, pending: Sale, hammer: Item, database: Database
) -> None:
    clients = [client_for(person) for person in (world.acme.member, world.acme.admin, world.acme.owner)]
    assert all(client.token for client in clients)
    before = stock(database, hammer)
    path = f"{LIST}{pending.id}/status"
    with ThreadPoolExecutor(len(clients)) as pool:
        codes = list(pool.map(lambda client: client.submit(path, {"to": "processing"}).status_code, clients))
    assert sorted(codes) == [303, 409, 409]
    assert stock(database, hammer) == before - 2


def test_cancelling_gives_back_what_was_taken_and_says_so(
    admin: Client, pending: Sale, hammer: Item, database: Database
) -> None:
    before = stock(database, hammer)
    move(admin, pending, "processing")
    assert "3 items go back into stock." in admin.get(f"{LIST}{pending.id}").get_data(as_text=True)
    move(admin, pending, "cancelled")
    assert stock(database, hammer) == before
    page = admin.page(f"{LIST}{pending.id}")
    text = page.text(page.first("main"))
    assert "Admin of Acme cancelled the order; stock of 2 products given back" in text
    (way,) = (found for found in page.all("ol") if found.get("class") == "steps")
    assert [page.text(next(step.iter("strong"))) for step in way.iter("li")] == ["Pending", "Processing", "Cancelled"]
    assert buttons(page) == {"Print", "Order again"}


def test_a_step_that_does_not_follow_tells_how_the_order_stands(
    admin: Client, world: World, database: Database
) -> None:
    delivered = world.acme.orders[2]
    text = refused(move(admin, delivered, "cancelled", 409))
    assert text.startswith("Admin of Acme marked the order as delivered")
    assert status(database, delivered) == "delivered"


@pytest.mark.parametrize("to", ["", "pending", "lost", "processing'"])
def test_a_status_that_no_button_leads_to_is_refused(
    member: Client, pending: Sale, database: Database, to: str
) -> None:
    assert "press one of the buttons" in refused(move(member, pending, to, 422))
    assert status(database, pending) == "pending"


def test_an_order_without_items_is_not_processed(
    member: Client, world: World, factories: Factories, database: Database
) -> None:
    order = factories.order(world.acme.org, world.acme.member)
    assert "Start processing" not in buttons(member.page(f"{LIST}{order.id}"))
    assert "There is nothing in this order." in refused(move(member, order, "processing", 409))


def test_the_tax_rate_of_today_is_told_before_it_counts(
    member: Client, world: World, pending: Sale, database: Database
) -> None:
    database.sql("update public.organizations set tax_rate = 0.2 where id = %s", (world.acme.org.id,))
    told = "the total will be €35.64 when the order is processed"
    assert told in member.get(f"{LIST}{pending.id}").get_data(as_text=True)
    move(member, pending, "processing")
    assert "€35.64" in member.get(f"{LIST}{pending.id}").get_data(as_text=True)


def test_who_has_left_is_not_named(member: Client, world: World, factories: Factories) -> None:
    order = factories.order(world.acme.org, world.both, [(world.acme.products[0], 1)])
    assert "Lena Between placed the order" in _text(member, order)
    factories.remove(world.acme.org, world.both)
    assert "A former member placed the order" in _text(member, order)


def test_another_organisations_order_is_as_absent_as_none(member: Client, world: World) -> None:
    theirs = world.globex.orders[0]
    for path in ("", "/edit", "/print"):
        assert member.get(f"{LIST}{theirs.id}{path}").status_code == 404
    move(member, theirs, "cancelled", 404)


def test_the_paper_has_the_order_and_no_frame(member: Client, pending: Sale, hammer: Item) -> None:
    page = member.page(f"{LIST}{pending.id}/print")
    text = page.text(page.first("main"))
    for told in ("Acme Hardware", "Order 1001", "ACME-ONLY Builders", hammer.name, "Total, 3 items€29.70", "UTC, by"):
        assert told in text
    assert list(page.all("nav")) == []


def _text(client: Client, order: Sale) -> str:
    page = client.page(f"{LIST}{order.id}")
    return page.text(page.first("main"))
