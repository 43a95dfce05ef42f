"""A member's day at the catalogue, with scripts and without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.browser.houses import House, build
from tests.factories import Factories
from tests.fixtures.browser import NARROW, Visit
from tests.fixtures.database import Database

SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
PARTS = tuple(f"Part {number:02}" for number in range(1, 59))


@pytest.fixture(scope="module")
def house(factories: Factories) -> House:
    """Return an organisation to look at: 60 products, one page and ten more."""
    return build(factories, *PARTS, "Claw hammer", "Sledge hammer")


def names(page: Page) -> list[str]:
    return page.locator("tbody .name").all_inner_texts()


@SCRIPTS
def test_a_member_finds_changes_archives_and_restores_a_product(
    factories: Factories, visit: Visit, javascript: bool
) -> None:
    house = build(factories, *PARTS, "Claw hammer", "Sledge hammer")
    visitor = visit(javascript=javascript)
    page = visitor.go(house.products)
    expect(page).to_have_title("Sign in · Rowhouse")
    page.fill("[name=email]", house.member.email)
    page.fill("[name=password]", house.member.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")

    page.get_by_role("searchbox").fill("hammer")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("searchbox").fill("")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(50)

    page.get_by_role("button", name="Price", exact=True).click()
    page.get_by_label("Up to").fill("9")
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("tbody tr")).to_have_count(9)
    page.get_by_role("link", name="Remove the filter").click()
    expect(page.locator("tbody tr")).to_have_count(50)

    page.locator("thead").get_by_role("link", name="Price").click()
    expect(page.locator("[aria-sort]")).to_have_text("Price")
    expect(page.locator("tbody .name").first).to_have_text("Part 01")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("tbody tr")).to_have_count(50)

    page.get_by_role("link", name="Part 03").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Part three")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Part three")
    expect(page.locator(".toast")).to_contain_text("Saved Part three.")

    page.get_by_role("button", name="Archive").click()
    expect(page.locator("main .pill").first).to_have_text("Archived")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("main .pill").first).to_have_text("Active")

    page.get_by_role("link", name="Products").last.click()
    page.get_by_role("button", name="Archive Part three").click()
    expect(page.locator(".toast").last).to_contain_text("Archived Part three.")
    page.get_by_role("navigation", name="Which products").get_by_role("link", name="Archived").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Restore Part three").click()
    expect(page.get_by_role("heading", name="Nothing is archived")).to_be_visible()

    page.locator("[popovertarget=account]").click()
    page.get_by_role("button", name="Sign out").click()
    visitor.go(house.products)
    expect(page).to_have_title("Sign in · Rowhouse")


def test_a_search_shows_results_while_one_types_without_a_reload(house: House, enter: Enter) -> None:
    page = enter(house.member).go(house.products)
    page.evaluate("globalThis.unloaded = false")
    page.get_by_role("searchbox").press_sequentially("claw", delay=20)
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("globalThis.unloaded") is False
    expect(page).to_have_url(re.compile(r"\?q=claw$"))
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("claw")
    expect(page.get_by_role("status").first).to_have_text("1 product")


def test_back_from_a_product_restores_the_search(house: House, enter: Enter) -> None:
    page = enter(house.member).go(house.products)
    page.get_by_role("searchbox").press_sequentially("hammer")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Claw hammer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Claw hammer")
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("searchbox")).to_have_value("hammer")
    page.get_by_role("navigation", name="Which products").get_by_role("link", name="Archived").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_back_goes_through_the_pages_and_orders_that_one_saw(house: House, enter: Enter) -> None:
    page = enter(house.member).go(house.products)
    page.locator("thead").get_by_role("link", name="SKU").click()
    expect(page.locator("[aria-sort]")).to_have_text("SKU")
    first = names(page)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)
    assert names(page) == first
    page.go_back()
    expect(page.locator("[aria-sort]")).to_have_text("Changed")


def test_the_address_of_a_search_can_be_shared(house: House, enter: Enter) -> None:
    page = enter(house.viewer).go(f"{house.products}?q=hammer&sort=name")
    assert names(page) == ["Claw hammer", "Sledge hammer"]


def test_archiving_in_the_list_reloads_nothing_and_can_be_undone(factories: Factories, enter: Enter) -> None:
    house = build(factories, "Claw hammer", "Coping saw")
    page = enter(house.member).go(f"{house.products}?show=active&q=c&sort=name")
    page.evaluate("globalThis.unloaded = false")
    page.get_by_role("button", name="Archive Claw hammer").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("globalThis.unloaded") is False
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?show=active&q=c&sort=name$"))


def test_the_second_click_of_a_double_click_is_not_for_the_row_that_moved_up(
    factories: Factories, enter: Enter
) -> None:
    house = build(factories, "Claw hammer", "Spirit level", "Wood screws")
    page = enter(house.member).go(f"{house.products}?show=active&sort=name")
    place = page.get_by_role("button", name="Archive Claw hammer").bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + 10, place["y"] + 10)
    expect(page.locator("tbody tr")).to_have_count(2)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Archive Spirit level").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_product_is_made_by_keyboard_though_its_price_was_wrong_at_first(factories: Factories, enter: Enter) -> None:
    house = build(factories)
    page = enter(house.member).go(house.products)
    page.keyboard.press("n")
    page.fill("#name", "Padlock")
    page.fill("#sku", "AC-1310")
    page.fill("#price", "12,8o")
    page.press("#price", "Enter")
    expect(page.locator("#price")).to_be_focused()
    expect(page.locator("#price")).to_have_value("12,8o")
    page.fill("#price", "12,80")
    page.press("#price", "Enter")
    expect(page.get_by_role("heading", name="Padlock", level=1)).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Added Padlock.")


def test_on_a_phone_the_list_fits_and_can_be_sorted(house: House, enter: Enter) -> None:
    page = enter(house.viewer, width=NARROW).go(house.products)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    page.get_by_role("button", name="Sort").click()
    page.locator("#product-order").get_by_role("link", name="Product").click()
    expect(page.locator("tbody .name").first).to_have_text("Claw hammer")


def test_a_toast_is_spoken_and_leaves_the_focus_alone(factories: Factories, enter: Enter) -> None:
    house = build(factories, "Claw hammer", "Spirit level")
    page = enter(house.member).go(house.products)
    page.get_by_role("button", name="Archive Claw hammer").press("Enter")
    expect(page.locator("#said")).to_have_text("Archived Claw hammer.")
    assert page.evaluate("document.activeElement.closest('.toast')") is None


@SCRIPTS
def test_a_form_that_is_sent_twice_makes_one_product(
    factories: Factories, database: Database, enter: Enter, javascript: bool
) -> None:
    house = build(factories)
    page = enter(house.member, javascript=javascript).go(f"{house.products}new")
    page.get_by_label("Name", exact=True).fill("Claw hammer")
    page.get_by_label("SKU", exact=True).fill("AC-1")
    page.get_by_label("Price", exact=True).fill("18.90")
    place = page.get_by_role("button", name="Add product").bounding_box()
    assert place is not None
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    # The table is held, so that the first request is still on its way when the second click comes.
    with database.postgres.connect(database.name, "postgres") as holder, holder.transaction():
        holder.execute("lock table public.products in share mode")
        page.mouse.click(place["x"] + 20, place["y"] + 10)
        _wait_for(database, page, 1)
        page.mouse.click(place["x"] + 20, place["y"] + 10)
        if javascript:
            page.wait_for_timeout(100)
        else:
            _wait_for(database, page, 2)
    assert sent.count("POST") == (1 if javascript else 2)
    expect(page.get_by_role("heading", level=1)).to_have_text("Claw hammer")
    made = database.sql("select name, price::text from public.products where org_id = %s", (house.org.id,))
    assert made == [("Claw hammer", "18.90")]


def _wait_for(database: Database, page: Page, expected: int) -> None:
    """Wait until as many transactions wait for the table."""
    query = "select count(*) from pg_locks where not granted and relation = 'public.products'::regclass"
    while database.sql(query) != [(expected,)]:
        page.wait_for_timeout(20)  # and not time.sleep, in which Playwright would hold the request back
