"""The list in a browser: smoother with a script, whole without one, and usable on a phone and by everybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories import Factories
from tests.fixtures.browser import NARROW, Visit
from tests.fixtures.database import Database
from tests.fixtures.world import World

LIST = "/o/acme/products/"


@pytest.fixture
def shop(world: World, factories: Factories) -> World:
    """Return the world with enough in acme for two pages."""
    for number in range(60):
        factories.product(world.acme.org, f"Bolt {number:02}", sku=f"B{number:02}", price=number)
    return world


def found(page: Page) -> Any:
    return page.locator("#product-search [role=status]")


def test_search_as_you_type_keeps_the_focus_and_what_is_typed(visit: Visit, shop: World) -> None:
    visitor = visit()
    visitor.sign_in(shop.acme.member)
    page = visitor.go(LIST)
    page.keyboard.press("/")
    page.keyboard.type("bolt 1")
    expect(found(page)).to_have_text("10 products")
    page.keyboard.type("2")
    expect(found(page)).to_have_text("1 product")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("bolt 12")
    expect(page).to_have_url(re.compile(r"\?q=bolt\+12$"))
    page.click("text=Archived")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.go_back()
    expect(found(page)).to_have_text("1 product")
    page.reload()
    expect(found(page)).to_have_text("1 product")


def test_paging_sorting_and_back_work_in_place(visit: Visit, shop: World) -> None:
    visitor = visit()
    visitor.sign_in(shop.acme.viewer)
    page = visitor.go(f"{LIST}?q=bolt")
    page.get_by_role("link", name="Product", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tbody .name").first).to_have_text("Bolt 00")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody .name").first).to_have_text("Bolt 50")
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("tbody .name").first).to_have_text("Bolt 00")
    page.go_back()
    expect(page.locator("tbody .name").first).to_have_text("Bolt 50")


@pytest.mark.parametrize("javascript", [True, False])
def test_archiving_from_the_list_can_be_undone(visit: Visit, shop: World, database: Database, javascript: bool) -> None:
    visitor = visit(javascript=javascript)
    visitor.sign_in(shop.acme.member)
    page = visitor.go(f"{LIST}?show=active&q=bolt&sort=name")
    page.get_by_role("button", name="Archive Bolt 00").click()
    expect(page.locator("#toasts")).to_contain_text("Archived Bolt 00.")
    expect(page.locator("tbody .name").first).to_have_text("Bolt 01")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tbody .name").first).to_have_text("Bolt 00")
    expect(page).to_have_url(re.compile(r"\?show=active&q=bolt&sort=name$"))
    assert database.sql("select count(*) from products where not is_active and name like 'Bolt%'") == [(0,)]


def test_without_a_script_one_can_search_filter_and_turn_pages(visit: Visit, shop: World) -> None:
    visitor = visit(javascript=False)
    visitor.sign_in(shop.acme.viewer)
    page = visitor.go(f"{LIST}?sort=name")
    page.fill("#q", "bolt")
    page.press("#q", "Enter")
    expect(found(page)).to_have_text("60 products")
    page.get_by_role("button", name="Price", exact=True).click()
    page.fill("#price-min", "5,00")
    page.get_by_role("button", name="Show these").click()
    expect(found(page)).to_have_text("55 products")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody .name").first).to_have_text("Bolt 55")
    page.get_by_role("link", name=re.compile("Remove the filter")).click()
    expect(found(page)).to_have_text("60 products")


def test_a_product_is_made_and_changed_by_keyboard_and_the_focus_goes_to_what_is_wrong(
    visit: Visit, shop: World
) -> None:
    visitor = visit()
    visitor.sign_in(shop.acme.member)
    page = visitor.go(LIST)
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


def test_on_a_phone_the_list_fits_and_can_be_sorted(visit: Visit, shop: World) -> None:
    visitor = visit(width=NARROW)
    visitor.sign_in(shop.acme.member)
    page = visitor.go(LIST)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    page.get_by_role("button", name="Sort").click()
    page.locator("#product-order").get_by_role("link", name="Product").click()
    expect(page.locator("tbody .name").first).to_have_text(re.compile("^ACME-ONLY"))
