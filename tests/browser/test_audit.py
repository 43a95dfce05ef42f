"""The audit trail in Chromium: open to all, narrowed as one chooses, and without a script too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.checks import faults_everywhere
from tests.browser.conftest import Enter
from tests.browser.houses import build
from tests.factories import Factories, Person
from tests.fixtures.database import Database
from tests.fixtures.world import World

TRAIL = "/o/acme/audit/"
LONG = "Screws of METAL, for people who work outdoors in all weathers and all the year round. " * 3


@pytest.fixture(scope="module")
def house(factories: Factories, database: Database) -> tuple[Person, str]:
    """Return an owner, and the address of a trail with changes of every kind that the page draws otherwise."""
    made = build(factories, *(f"Part number {number}" for number in range(1, 9)))
    owner = factories.person("Olga Owner")
    factories.membership(made.org, owner, "owner")
    database.sql("update public.products set price = price * 2 where org_id = %s", (made.org.id,))
    for metal in ("steel", "brass"):
        query = "update public.products set description = %s where id = %s"
        database.sql(query, (LONG.replace("METAL", metal), made.items[0].id))
    return owner, f"/o/{made.org.slug}/audit/"


@pytest.mark.parametrize("path", ["", "orders/{order}"])
def test_a_page_of_the_trail_is_open_to_all_and_fits_a_phone(
    world: World, enter: Enter, path: str, at_length: bool
) -> None:
    page = enter(world.acme.owner).go(TRAIL + path.format(order=world.acme.orders[1].id))
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert list(faults_everywhere(page, at_length=at_length)) == []


def test_all_of_a_change_is_open_to_all(house: tuple[Person, str], enter: Enter, at_length: bool) -> None:
    page = enter(house[0]).go(house[1])
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    expect(page.locator(".trail del", has_text="steel").first).to_be_visible()
    page.get_by_role("link", name="And 3 more").first.click()
    page.wait_for_selector("h1:has-text('One change')")
    assert page.locator(".trail .whose").count() == 8
    assert list(faults_everywhere(page, at_length=at_length)) == []


def test_choosing_narrows_the_list_in_place(world: World, enter: Enter) -> None:
    page = enter(world.acme.owner).go(TRAIL)
    page.focus("[name=table]")
    page.select_option("[name=table]", "memberships")
    expect(page).to_have_url(re.compile("table=memberships"))
    expect(page.locator(".trail > li").first).to_contain_text("as ")
    expect(page.locator(".trail")).not_to_contain_text("hammer")
    expect(page.locator("[name=table]")).to_be_focused()
    page.reload()
    expect(page.locator("[name=table]")).to_have_value("memberships")


def test_without_a_script_the_button_narrows_it(world: World, enter: Enter) -> None:
    page = enter(world.acme.owner, javascript=False).go(TRAIL)
    page.select_option("[name=table]", "products")
    page.click("text=Show >> visible=true")
    expect(page.locator(".trail")).to_contain_text("hammer")
    expect(page.locator(".trail")).not_to_contain_text("as a viewer")


def test_the_details_of_a_change_are_a_key_away(house: tuple[Person, str], enter: Enter) -> None:
    page = enter(house[0]).go(house[1])
    summary = page.locator(".trail summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".trail details[open] .diff").first).to_be_visible()
