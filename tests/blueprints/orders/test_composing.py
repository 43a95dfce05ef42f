"""Composing an order: each button sends the form and gets it back, and nothing is written."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.blueprints.orders.conftest import LIST, Desk, lines_of, value
from tests.factories import Factories, Item
from tests.fixtures.database import Database
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World
from webapp.blueprints.orders import lines

ORDERS = "select count(*) from public.orders"


def offered(page: Page) -> list[str]:
    """Return the names of the products that a search offers."""
    options = [button for button in page.all("button") if button.get("class") == "option"]
    return [page.text(next(option.iter("span"))) for option in options]


def said(page: Page) -> dict[str, str]:
    """Return what just happened and what the order comes to, as the script is told."""
    (state,) = (element for element in page.all("div") if element.get("id") == "order-state")
    return {name.removeprefix("data-"): text for name, text in state.items() if name.startswith("data-")}


def test_an_empty_form_says_what_to_do(desk: Desk) -> None:
    page = desk.client.page(f"{LIST}new")
    assert lines_of(page) == []
    assert "Nothing in this order yet" in page.text(page.first("main"))


def test_a_search_offers_what_is_on_sale(desk: Desk, hammer: Item) -> None:
    assert offered(desk.compose("find", q="hamm")) == [hammer.name]
    assert offered(desk.compose("find", q="ladder")) == []
    assert len(offered(desk.compose("find", q=""))) == 2


def test_a_search_offers_eight_and_says_that_there_are_more(desk: Desk, world: World, factories: Factories) -> None:
    for number in range(9):
        factories.product(world.acme.org, f"Bolt {number}")
    page = desk.compose("find", q="bolt")
    assert offered(page) == [f"Bolt {number}" for number in range(8)]
    assert "There are more." in page.text(page.first("main"))


def test_the_product_of_that_very_sku_is_offered_first(desk: Desk, world: World, factories: Factories) -> None:
    factories.product(world.acme.org, "A thing that mentions B-10", sku="A-1")
    factories.product(world.acme.org, "Bolt", sku="B-10")
    assert offered(desk.compose("find", q="b-10")) == ["Bolt", "A thing that mentions B-10"]


def test_what_is_named_so_is_offered_before_what_is_only_described_so(
    desk: Desk, world: World, factories: Factories
) -> None:
    factories.product(world.acme.org, "Anvil", description="Not for screws")
    factories.product(world.acme.org, "Wood screws", sku="WS-1")
    assert offered(desk.compose("find", q="screw")) == ["Wood screws", "Anvil"]
    assert offered(desk.compose("find", q="ws wood")) == ["Wood screws"]


@pytest.mark.parametrize("verb", ["enter", "find"])
def test_a_number_that_no_line_can_have_is_said_and_nothing_is_added(desk: Desk, hammer: Item, verb: str) -> None:
    page = desk.compose(verb, q=f"{hammer.sku}*0")
    assert lines_of(page) == []
    assert value(page, "q") == f"{hammer.sku}*0"
    assert "a whole number from 1 to 1,000,000" in page.text(page.first("main"))


def test_what_stands_in_the_search_is_not_dropped_when_the_order_is_placed(
    desk: Desk, hammer: Item, database: Database
) -> None:
    before = database.sql(ORDERS)
    form = {"request_key": str(uuid4()), "item": str(hammer.id), "quantity": "1", "price": "9.90", "q": "nails *3"}
    answer = desk.client.submit(LIST, form)
    assert answer.status_code == 422
    page = parse(answer.get_data(as_text=True))
    assert "“nails *3” stands in the search" in page.text(page.first("main"))
    assert value(page, "q") == "nails *3"
    assert len(lines_of(page)) == 1
    assert database.sql(ORDERS) == before


def test_adding_a_product_makes_a_line_and_empties_the_search(desk: Desk, hammer: Item) -> None:
    page = desk.compose(f"add:{hammer.id}", q="hamm *6")
    assert lines_of(page) == [(str(hammer.id), "6", "9.90")]
    assert value(page, "q") == ""
    assert said(page) | {"total": ""} == {
        "said": f"Added 6 × {hammer.name}.",
        "added": str(hammer.id),
        "items": "6 items,",
        "total": "",
    }


def test_enter_adds_the_product_of_that_sku(desk: Desk, hammer: Item) -> None:
    assert lines_of(desk.compose("enter", q=hammer.sku.lower())) == [(str(hammer.id), "1", "9.90")]


def test_enter_adds_the_only_product_that_is_found(desk: Desk, hammer: Item) -> None:
    assert lines_of(desk.compose("enter", q="hammer *2")) == [(str(hammer.id), "2", "9.90")]


def test_enter_shows_the_choice_where_more_than_one_is_found(desk: Desk, world: World) -> None:
    page = desk.compose("enter", q=world.acme.marker)
    assert lines_of(page) == []
    assert len(offered(page)) == 2
    assert said(page)["added"] == ""


def test_enter_in_another_field_keeps_the_form(desk: Desk, hammer: Item) -> None:
    page = desk.compose("enter", [(hammer, "3")], customer="Ada", note="at\nnoon", q="")
    assert lines_of(page) == [(str(hammer.id), "3", "9.90")]
    assert (value(page, "customer"), value(page, "note")) == ("Ada", "at\nnoon")


def test_a_step_changes_one_line(desk: Desk, hammer: Item, nails: Item) -> None:
    for do, then in (("more", "4"), ("less", "2")):
        page = desk.compose(f"{do}:{hammer.id}", [(hammer, "3"), (nails, "1")])
        assert [line[1] for line in lines_of(page)] == [then, "1"]


def test_removing_takes_one_line_out(desk: Desk, hammer: Item, nails: Item) -> None:
    page = desk.compose(f"remove:{hammer.id}", [(hammer, "3"), (nails, "1")])
    assert lines_of(page) == [(str(nails.id), "1", "9.90")]


def test_the_total_runs_with_the_tax_of_the_organisation(
    desk: Desk, world: World, hammer: Item, nails: Item, database: Database
) -> None:
    database.sql("update public.organizations set tax_rate = 0.21 where id = %s", (world.acme.org.id,))
    page = desk.compose("update", [(hammer, "3"), (nails, "1")])
    text = page.text(page.first("tfoot"))
    assert text == "Subtotal, 4 items€39.60 Tax, 21 %€8.32 Total€47.92"


def test_a_quantity_that_is_none_is_said_and_kept(desk: Desk, hammer: Item, nails: Item) -> None:
    page = desk.compose("update", [(hammer, "a few"), (nails, "2")])
    assert [line[1] for line in lines_of(page)] == ["a few", "2"]
    text = page.text(page.first("table"))
    assert "Write a whole number, such as 12." in text
    assert "Total, 2 items€19.80" in text


def test_a_line_warns_where_there_is_too_little(desk: Desk, nails: Item) -> None:
    page = desk.compose("update", [(nails, "4")])
    assert "Only 3 in stock" in page.text(page.first("table"))


def test_a_price_that_changed_since_is_shown_with_the_new_one(desk: Desk, hammer: Item) -> None:
    page = desk.compose("update", [(hammer, "1")], price="8.00")
    assert page.text(page.first("del")) == "€8.00"
    assert lines_of(page) == [(str(hammer.id), "1", "9.90")]


def test_what_is_not_on_sale_or_not_ours_is_not_added(desk: Desk, ladder: Item, world: World) -> None:
    for product in (ladder.id, world.globex.products[0].id, uuid4(), "x"):
        page = desk.compose(f"add:{product}")
        assert lines_of(page) == []
        assert said(page)["said"] == "That product is not on sale any more."


def test_an_order_takes_no_more_lines_than_the_most(
    desk: Desk, hammer: Item, nails: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_LINES", 1)
    page = desk.compose(f"add:{nails.id}", [(hammer, "1")])
    assert lines_of(page) == [(str(hammer.id), "1", "9.90")]
    assert said(page)["said"] == "An order has 1 lines at most."


def test_htmx_gets_one_block_alone(desk: Desk) -> None:
    blocks = {"order-found": "options", "order-lines": "order-state", "order-customers": "datalist"}
    for block, inside in blocks.items():
        headers = {"HX-Request": "true", "HX-Target": f"div#{block}", "HX-Request-Type": "partial"}
        answer = desk.client.submit(f"{LIST}compose", {"do": "find", "q": "hammer"}, headers=headers)
        body = answer.get_data(as_text=True)
        assert 'name="customer"' not in body
        assert [other for other in blocks.values() if other in body] == [inside]


def test_customers_of_earlier_orders_are_offered_once_with_their_latest_address(
    desk: Desk, world: World, factories: Factories
) -> None:
    for deliver_to in ("Old Street 1", "New Street 2"):
        factories.order(world.acme.org, world.acme.member, customer="Brick Lane", deliver_to=deliver_to)
    for number in range(12):
        factories.order(world.acme.org, world.acme.member, customer=f"Bricks {number:02}")
    page = desk.compose("customer", customer="bRick")
    found = [(option.get("value"), option.get("data-deliver-to")) for option in page.all("option")]
    assert found == [("Brick Lane", "New Street 2"), *((f"Bricks {number:02}", "") for number in range(7))]
    assert list(desk.compose("customer", customer=world.globex.marker).all("option")) == []


def test_ordering_again_begins_with_the_same_lines_and_customer(desk: Desk, world: World, hammer: Item) -> None:
    processing = world.acme.orders[1]
    page = desk.client.page(f"{LIST}new?again={processing.id}")
    assert lines_of(page) == [(str(hammer.id), "4", "9.90")]
    assert value(page, "customer") == "ACME-ONLY Builders"
    assert value(page, "reference") == ""


def test_ordering_again_what_is_not_there_is_a_404(desk: Desk, world: World) -> None:
    for named in ("x", uuid4(), world.globex.orders[0].id):
        assert desk.client.get(f"{LIST}new?again={named}").status_code == 404


def test_composing_writes_nothing(desk: Desk, hammer: Item, database: Database) -> None:
    desk.client.page(f"{LIST}new")
    before = database.snapshot()
    for do in (f"add:{hammer.id}", "enter", "find", "update", "customer", f"remove:{hammer.id}", "nonsense", ""):
        desk.compose(do, [(hammer, "2")], q="hammer", customer="Ada")
    assert database.snapshot() == before


def test_a_form_that_names_another_organisations_order_is_a_404(desk: Desk, world: World) -> None:
    answer = desk.send(f"{LIST}compose", [], order=str(world.globex.orders[0].id))
    assert answer.status_code == 404
    assert parse(answer.get_data(as_text=True)).first("h1") is not None
