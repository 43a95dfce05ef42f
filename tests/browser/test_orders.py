"""Composing an order by keyboard, scanner and thumb, and the orders' pages as everybody meets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.checks import faults_everywhere
from tests.browser.conftest import Enter
from tests.browser.houses import House, build
from tests.factories import Factories
from tests.fixtures.browser import NARROW
from tests.fixtures.database import Database

PRODUCTS = ("Claw hammer", "Spirit level", "Wood screws 4 × 40 mm", "Wood screws 5 × 60 mm", "Ball hammer")


@pytest.fixture
def house(factories: Factories) -> House:
    """Return a house with five products; each costs and has in stock as many as its place says."""
    return build(factories, *PRODUCTS)


@pytest.fixture
def desk(house: House, enter: Enter) -> Callable[..., Page]:
    """Return a way to the form for a new order, in whatever window."""

    def go(**window: Any) -> Page:
        return enter(house.member, **window).go(f"{orders(house)}new")

    return go


def orders(house: House) -> str:
    return f"/o/{house.org.slug}/orders/"


def saved(database: Database, house: House) -> list[tuple[Any, ...]]:
    return database.sql(
        "select i.name, i.quantity from public.orders o join public.order_items i on i.org_id = o.org_id"
        " and i.order_id = o.id where o.org_id = %s order by o.number, i.position",
        (house.org.id,),
    )


def total(page: Page) -> Any:
    return page.locator("#order-sum")


def test_an_order_is_composed_by_keyboard_alone(
    desk: Callable[..., Page], house: House, database: Database, enter: Enter
) -> None:
    page = enter(house.member).go(orders(house))
    page.keyboard.press("n")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("hammer")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Claw hammer")
    page.keyboard.press("Enter")
    expect(page.locator("#line-" + str(house.items[0].id))).to_be_visible()
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("")
    page.keyboard.type("5 60 *3")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text("4 items, €13.00")
    page.get_by_label("Quantity of Claw hammer").focus()
    page.keyboard.type("12")
    expect(total(page)).to_have_text("15 items, €24.00")
    page.keyboard.press("ArrowUp")
    expect(total(page)).to_have_text("16 items, €25.00")
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Order 1001", level=1)).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Placed order 1001.")
    assert saved(database, house) == [("Claw hammer", 13), ("Wood screws 5 × 60 mm", 3)]


def test_a_scanner_that_is_faster_than_the_network_loses_nothing(
    desk: Callable[..., Page], house: House, database: Database
) -> None:
    page = desk()
    for sku in ("SKU-001", "SKU-002", "SKU-001", "sku-003", "SKU-001", "SKU-005 *2"):
        page.keyboard.type(sku)
        page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")  # while the last ones are still on their way
    expect(page.get_by_role("heading", name="Order 1001", level=1)).to_be_visible()
    assert saved(database, house) == [(PRODUCTS[0], 3), (PRODUCTS[1], 1), (PRODUCTS[2], 1), (PRODUCTS[4], 2)]


def test_what_enter_could_mean_twice_is_offered_to_choose_from(desk: Callable[..., Page], house: House) -> None:
    page = desk()
    page.keyboard.type("screws")
    page.keyboard.press("Enter")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.locator("#q")).to_have_value("screws")
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.locator("table.lines")).to_have_count(0)


def test_quick_clicks_on_more_all_count_and_typing_is_not_taken_back(desk: Callable[..., Page], house: House) -> None:
    page = desk()
    page.keyboard.type("SKU-002")
    page.keyboard.press("Enter")
    more = page.get_by_role("button", name="One more of Spirit level")
    for _ in range(7):
        more.click()
    page.get_by_label("Reference").fill("PO 7")
    expect(total(page)).to_have_text("8 items, €16.00")
    expect(page.get_by_label("Quantity of Spirit level")).to_have_value("8")
    expect(page.get_by_label("Reference")).to_have_value("PO 7")
    page.get_by_role("button", name="Remove Spirit level").click()
    expect(page.get_by_text("Nothing in this order yet")).to_be_visible()
    expect(page.locator("#q")).to_be_focused()


def test_no_click_is_lost_while_answers_are_slow(desk: Callable[..., Page], house: House) -> None:
    page = desk()
    # Slower than the pause after which a quantity is sent: each answer comes when there is a newer one in the field.
    page.evaluate(
        "() => { const real = fetch; globalThis.fetch = async (...request) => {"
        " const answer = await real(...request); await new Promise((done) => setTimeout(done, 400)); return answer } }"
    )
    page.keyboard.type("SKU-002")
    page.keyboard.press("Enter")
    more = page.get_by_role("button", name="One more of Spirit level")
    for _ in range(5):
        more.click()
        page.wait_for_timeout(270)
    expect(page.get_by_label("Quantity of Spirit level")).to_have_value("6")
    expect(total(page)).to_have_text("6 items, €12.00")


def test_a_double_click_places_one_order(desk: Callable[..., Page], house: House, database: Database) -> None:
    page = desk()
    page.keyboard.type("SKU-002")
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text("1 item, €2.00")
    page.get_by_role("button", name="Place order").dblclick()
    expect(page.get_by_role("heading", name="Order 1001", level=1)).to_be_visible()
    assert database.sql("select count(*) from public.orders where org_id = %s", (house.org.id,)) == [(1,)]


def test_lines_that_are_nowhere_saved_are_not_left_without_a_word(desk: Callable[..., Page], house: House) -> None:
    page = desk()
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.keyboard.type("SKU-002")
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text("1 item, €2.00")
    page.get_by_role("link", name="Orders", exact=True).first.click()
    page.wait_for_url(re.compile("orders/$"))
    assert asked == ["beforeunload"]
    page.goto(f"{page.url}new")
    page.keyboard.type("SKU-002")
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text("1 item, €2.00")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(re.compile("orders/$"))
    assert asked == ["beforeunload"]


def test_a_known_customer_brings_the_address_along(
    desk: Callable[..., Page], house: House, factories: Factories
) -> None:
    factories.order(house.org, house.member, customer="Brick Lane Builders", deliver_to="Cornice Row 14")
    page = desk()
    page.get_by_label("Customer").press_sequentially("brick")
    expect(page.locator("#customers option")).to_have_count(1)
    page.get_by_label("Customer").fill("Brick Lane Builders")
    expect(page.get_by_label("Deliver to")).to_have_value("Cornice Row 14")


def test_by_thumb_the_whole_way_fits_a_phone(desk: Callable[..., Page], house: House, database: Database) -> None:
    page = desk(width=NARROW)
    page.locator("#q").press_sequentially("level")
    page.get_by_role("option").click()
    expect(page.locator("#q")).to_be_focused()
    page.get_by_role("button", name="One more of Spirit level").click()
    expect(total(page)).to_have_text("2 items, €4.00")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    page.get_by_role("button", name="Place order").click()
    page.get_by_role("button", name="Start processing").click()
    expect(page.locator("#toasts")).to_contain_text("Order 1001 is being processed")
    assert database.sql("select stock from public.products where id = %s", (house.items[1].id,)) == [(0,)]


def test_without_a_script_an_order_is_composed_placed_and_cancelled(
    desk: Callable[..., Page], house: House, database: Database
) -> None:
    page = desk(javascript=False)
    page.fill("#q", "screws")
    page.press("#q", "Enter")
    page.get_by_role("button", name=re.compile("^Wood screws 4")).click()
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("SKU-002 *2")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="One more of Spirit level").click()
    page.get_by_label("Quantity of Wood screws").fill("5")
    page.get_by_role("button", name="Update the total").click()
    expect(total(page)).to_have_text("8 items, €21.00")
    page.get_by_label("Customer").fill("Ada")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("heading", name="Order 1001", level=1)).to_be_visible()
    assert saved(database, house) == [("Wood screws 4 × 40 mm", 5), ("Spirit level", 3)]
    page.get_by_role("button", name="Cancel order").click()
    page.locator("#cancel").get_by_role("button", name="Cancel order").click()
    expect(page.locator("#toasts")).to_contain_text("Order 1001 was cancelled.")


def test_the_list_is_searched_as_one_types(house: House, factories: Factories, enter: Enter) -> None:
    for customer in ("Brick Lane", "Bricks & Co", "Harbour"):
        factories.order(house.org, house.member, [(house.items[0], 1)], customer=customer)
    page = enter(house.viewer).go(orders(house))
    page.keyboard.press("/")
    page.keyboard.type("brick")
    found = page.locator("#order-search [role=status]")
    expect(found).to_have_text("2 orders")
    page.keyboard.type("s")
    expect(found).to_have_text("1 order")
    expect(page).to_have_url(re.compile(r"\?q=bricks$"))
    page.get_by_role("button", name="Day").click()
    page.get_by_role("link", name="Last month").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.go_back()
    expect(found).to_have_text("1 order")


Way: TypeAlias = Callable[[Page, House, Factories], None]


def _composed(page: Page, house: House, factories: Factories) -> None:
    page.goto(page.url.replace("orders/", "orders/new"))
    page.keyboard.type("SKU-002 *9")
    page.keyboard.press("Enter")
    page.wait_for_selector("table.lines")
    page.keyboard.type("hammer")
    page.wait_for_selector("[role=option]")


def _wrong(page: Page, house: House, factories: Factories) -> None:
    _composed(page, house, factories)
    page.keyboard.press("Escape")
    page.get_by_label("Quantity of Spirit level").fill("a few")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#errors")


def _order(page: Page, house: House, factories: Factories, **details: Any) -> None:
    lines = [(item, 40) for item in house.items]
    order = factories.order(house.org, house.member, lines, customer="C" * 90, note="N" * 400, **details)
    page.goto(page.url + str(order.id))


def _short(page: Page, house: House, factories: Factories) -> None:
    _order(page, house, factories)
    page.get_by_role("button", name="Start processing").click()
    page.wait_for_selector("#refused")


def _cancel(page: Page, house: House, factories: Factories) -> None:
    _order(page, house, factories)
    page.click("[popovertarget=cancel]")


def _conflict(page: Page, house: House, factories: Factories) -> None:
    _order(page, house, factories)
    page.goto(page.url + "/edit")
    page.eval_on_selector("[name=seen]", "field => { field.value = 'another state' }")
    page.get_by_label("Note").fill("Mine")
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_selector("#conflict")


def _paper(page: Page, house: House, factories: Factories) -> None:
    _order(page, house, factories, status="shipped")
    page.goto(page.url + "/print")


def _list(page: Page, house: House, factories: Factories) -> None:
    for status in ("pending", "processing", "shipped", "delivered", "cancelled"):
        factories.order(house.org, house.member, [(house.items[0], 40)], customer="W" * 90, status=status)
    page.reload()


def _days(page: Page, house: House, factories: Factories) -> None:
    page.goto(page.url + "?from=2026-01-01")
    page.click("[popovertarget=day-filter]")


@pytest.mark.parametrize(
    ("way", "shows", "is_layer"),
    [
        (_list, ".table", False),
        pytest.param(_days, "#day-filter:popover-open", True, marks=pytest.mark.long),
        (_composed, ".option.is-active", False),
        pytest.param(_wrong, "#errors", False, marks=pytest.mark.long),
        (_short, "#refused", False),
        pytest.param(_cancel, "#cancel:popover-open", True, marks=pytest.mark.long),
        pytest.param(_conflict, "#conflict", False, marks=pytest.mark.long),
        (_paper, ".paper", False),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_page_of_orders_is_open_to_all_and_fits_a_phone(
    way: Way, shows: str, is_layer: bool, house: House, factories: Factories, enter: Enter, at_length: bool
) -> None:
    page = enter(house.member).go(orders(house))
    way(page, house, factories)
    page.wait_for_selector(shows)
    page.wait_for_load_state()
    assert list(faults_everywhere(page, shows if is_layer else None, at_length=at_length)) == []


def test_a_price_that_changes_meanwhile_is_shown_before_it_is_paid(
    desk: Callable[..., Page], house: House, database: Database
) -> None:
    page = desk()
    page.keyboard.type("SKU-002")
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text("1 item, €2.00")
    database.sql("update public.products set price = 3 where id = %s", (house.items[1].id,))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#prices")).to_be_focused()
    expect(total(page)).to_have_text("1 item, €3.00")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("heading", name="Order 1001", level=1)).to_be_visible()
    paid = database.sql("select total from public.orders where org_id = %s", (house.org.id,))
    assert paid == [(Decimal("3.00"),)]
