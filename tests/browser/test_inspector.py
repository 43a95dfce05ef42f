"""The Inspector in Chromium: an administrator's path, open to all, by keyboard, on a phone and without a script."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import faults_everywhere, faults_of_access
from tests.browser.conftest import Enter
from tests.fixtures.browser import NARROW
from tests.fixtures.world import World

# Other tests' houses stand in the same database; those of the world are narrowed to.
PRODUCTS = "/inspector/public/products?as=email:member@acme.test&f=name ~ ONLY"


def hidden(world: World) -> str:
    """Return the address of a product that acme's member cannot see, with why it is so."""
    house = world.globex
    key = {"org_id": str(house.org.id), "id": str(house.products[0].id)}
    return f"{PRODUCTS}&row={json.dumps(key)}"


def settled(page: Page) -> None:
    """Wait until the counts have come."""
    expect(page.locator("#inspector-count")).to_contain_text(" rows ")
    expect(page.locator("#inspector-tables .count").first).to_be_visible()


def test_an_administrator_sees_as_somebody_asks_why_and_compares(world: World, enter: Enter) -> None:
    page = enter(world.platform_admin).go("/o")
    page.click("[popovertarget=account]")
    page.click("#account >> text=Inspector")
    page.wait_for_url("**/inspector/")  # and for its scripts, which look for people while one types
    page.fill("#q", "member@acme")
    page.click("#inspector-people >> text=Member of Acme")
    expect(page.locator(".identity")).to_contain_text("Viewing as Member of Acme")
    expect(page.locator("#inspector-tables .count").first).to_be_visible()
    page.locator("#inspector-tables a", has=page.get_by_text("products", exact=True)).click()
    settled(page)
    expect(page).to_have_title("products as Member of Acme, Inspector · Rowhouse")
    page.fill("#q", "name ~ ONLY")
    page.keyboard.press("Enter")
    expect(page.locator(".chip", has_text="ONLY")).to_be_visible()  # before a row is clicked that would be replaced
    row = page.locator("tr.is-hidden", has_text="GLOBEX-ONLY hammer")
    expect(row).to_contain_text("Globex Garden is not among")
    row.locator("a.reason").click()
    why = page.locator("#why")
    expect(why.locator("h2")).to_be_focused()
    expect(why.locator(".verdict").first).to_contain_text("Member can’t read this row")
    expect(row).to_have_class(re.compile("is-open"))
    expect(why.locator(".clause.is-fail")).to_contain_text("Globex Garden is not among {Acme Hardware}")
    expect(why).to_contain_text("Postgres agrees")
    expect(page).to_have_url(re.compile("row="))
    why.get_by_role("link", name="Update").click()
    expect(why.locator(".verdict").first).to_contain_text("Member can’t update this row")
    page.reload()
    expect(why.locator(".verdict").first).to_contain_text("Member can’t update this row")
    page.keyboard.press("Tab")
    why.locator("[data-close]").click()
    expect(why.locator("h2")).to_have_count(0)
    page.click(".identity >> text=Compare")
    page.wait_for_url("**/inspector/?**")
    page.fill("#q", "both@")
    page.click("#inspector-people >> text=Lena Between")
    expect(page.locator(".identity")).to_contain_text("beside Lena Between")
    page.click("text=Only Lena")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tbody tr").first).to_contain_text("only Lena")


def test_filters_and_order_change_the_rows_in_place(world: World, enter: Enter) -> None:
    page = enter(world.platform_admin).go(PRODUCTS)
    settled(page)
    page.evaluate("globalThis.same = true")
    page.fill("#q", "name ~ hammer")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("#inspector-count")).to_contain_text("1 of 2 rows visible to Member")
    expect(page.locator("#q")).to_have_value("")
    page.click("thead >> text=stock")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("stock")
    page.click("text=Only hidden")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.fill("#q", "stock = many")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_contain_text("Postgres cannot read a value")
    assert page.evaluate("globalThis.same") is True
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_why_is_a_key_away_and_gives_the_focus_back(world: World, enter: Enter) -> None:
    page = enter(world.platform_admin).go(PRODUCTS)
    settled(page)
    reason = page.locator("a.reason").first
    reason.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#why h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#why h2")).to_have_count(0)
    expect(reason).to_be_focused()


@pytest.mark.parametrize(
    "path",
    [
        "/inspector/?q=acme&as=anon",
        f"{PRODUCTS}&with=email:both@example.test&f=name ~ hammer",
        "/inspector/public/products/what-if?as=email:member@acme.test&given={}",
    ],
    ids=["whose", "compared", "what if"],
)
def test_a_page_is_open_to_all_and_fits_a_phone(world: World, enter: Enter, path: str, at_length: bool) -> None:
    page = enter(world.platform_admin).go(path)
    page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
    page.wait_for_load_state("networkidle")
    assert list(faults_everywhere(page, at_length=at_length)) == []


def test_the_lists_are_open_to_all_and_fit_a_phone(world: World, enter: Enter) -> None:
    visitor = enter(world.platform_admin, width=NARROW)
    for path in ("/inspector/tables?as=anon", "/inspector/log", "/inspector/public/nothing?as=anon"):
        page = visitor.go(path)
        assert faults_of_access(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW


def test_why_and_claims_are_open_to_all(world: World, enter: Enter, at_length: bool) -> None:
    page = enter(world.platform_admin).go(hidden(world) + "&do=update")
    settled(page)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert list(faults_everywhere(page, at_length=at_length)) == []


def test_on_a_phone_why_is_a_sheet(world: World, enter: Enter) -> None:
    page = enter(world.platform_admin, width=NARROW).go(PRODUCTS)
    page.locator("a.reason").first.click()
    expect(page.locator("#why h2")).to_be_visible()
    box = page.locator("#why").bounding_box()
    assert box is not None
    assert box["x"] == 0
    assert box["y"] > 200
    expect(page.locator("#why .verdict").first).to_be_in_viewport()


def test_without_a_script_every_step_is_a_page(world: World, enter: Enter) -> None:
    page = enter(world.platform_admin, javascript=False).go("/inspector/")
    page.fill("#q", "member@acme")
    page.click("text=Search >> visible=true")
    page.click("main >> text=Member of Acme")
    page.click("main td >> text='products'")
    page.click("text=Count the rows >> nth=-1")
    expect(page.locator("h1 + span")).to_contain_text(re.compile(r"3 of \d+ rows visible to Member"))
    page.fill("#q", "name ~ ONLY hammer")
    page.keyboard.press("Enter")
    page.click("tr.is-hidden a.reason")
    expect(page.locator("#why .verdict").first).to_contain_text("Member can’t read this row")
    page.click("#why >> text=Delete")
    expect(page.locator("#why .verdict").first).to_contain_text("Member can’t delete this row")
    page.click("#why >> text=What if…")
    page.check("[name=confirm]")
    page.click("text=Try it and roll it back")
    expect(page.locator("main")).to_contain_text("Postgres agrees")


def test_the_script_for_psql_can_be_copied(world: World, enter: Enter) -> None:
    visitor = enter(world.platform_admin)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.go(hidden(world))
    page.click("[data-copy]")
    expect(page.locator("#said")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("begin read only;")
