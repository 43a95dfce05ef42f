"""Choosing rows of the list in Chromium and changing them together, with scripts and without; and its download."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import faults_everywhere
from tests.browser.conftest import Enter
from tests.browser.houses import House, build
from tests.factories import Factories
from tests.fixtures.database import Database


@pytest.fixture
def house(factories: Factories) -> House:
    """Return an organisation of 60 bolts, from Bolt 00 for 1.00 to Bolt 59 for 60.00, and a nut."""
    return build(factories, *(f"Bolt {number:02}" for number in range(60)), "Nut")


def bolts(house: House) -> str:
    return f"{house.products}?q=bolt&sort=name"


def found(page: Page, count: int) -> None:
    expect(page.locator("#product-search [role=status]")).to_have_text(f"{count} products")


@pytest.mark.parametrize("javascript", [True, False])
def test_rows_are_archived_together_and_undone(
    house: House, enter: Enter, database: Database, javascript: bool
) -> None:
    page = enter(house.member, javascript=javascript).go(bolts(house))
    expect(page.locator("#bulk")).to_be_hidden()
    page.get_by_label("Select Bolt 00").check()
    page.get_by_label("Select Bolt 02").check()
    page.locator("#bulk").get_by_role("button", name="Archive").click()
    expect(page.locator("#toasts")).to_contain_text("Archived 2 products.")
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator("tbody tr").nth(2)).to_contain_text("Archived")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tbody tr").nth(2)).to_contain_text("Active")
    expect(page).to_have_url(re.compile(r"\?q=bolt&sort=name$"))
    archived = "select count(*) from products where org_id = %s and not is_active"
    assert database.sql(archived, (house.org.id,)) == [(0,)]


@pytest.mark.parametrize("javascript", [True, False])
def test_all_prices_that_the_list_finds_are_previewed_and_raised(
    house: House, enter: Enter, database: Database, javascript: bool
) -> None:
    page = enter(house.member, javascript=javascript).go(bolts(house))
    page.get_by_label("Select Bolt 00").check()
    page.get_by_label("All 60").check()
    page.locator("#bulk").get_by_role("button", name="Change prices").click()
    page.wait_for_url("**/changes/new?**")
    page.fill("#percent", "12,5")
    if not javascript:
        page.get_by_role("button", name="Preview").click()
    expect(page.locator(".walls")).to_contain_text("Sum of these prices")
    expect(page.locator("#percent")).to_have_value("12,5")
    page.get_by_role("button", name="Raise 60 prices by 12.5 %").click()
    expect(page.locator("#toasts")).to_contain_text("Raised 60 prices by 12.5 %.")
    expect(page).to_have_url(re.compile(r"\?q=bolt&sort=name$"))
    total = "select sum(price) from products where org_id = %s and name <> 'Nut'"
    assert database.sql(total, (house.org.id,)) == [(Decimal("2058.90"),)]


def test_rows_are_ticked_by_the_run_and_the_page_and_stay_so_while_one_searches(house: House, enter: Enter) -> None:
    page = enter(house.member).go(bolts(house))
    told = page.locator("[data-picked]")
    page.get_by_label("Select Bolt 08").click()
    page.get_by_label("Select Bolt 12").click(modifiers=["Shift"])
    expect(told).to_have_text("5 selected")
    every = page.get_by_label("Select all on this page")
    assert every.evaluate("box => box.indeterminate")
    page.fill("#q", "bolt 1")
    found(page, 10)
    expect(told).to_have_text("3 selected")
    ticked = page.locator("tr:has(.pick :checked) .name").all_inner_texts()
    assert ticked == ["Bolt 10", "Bolt 11", "Bolt 12"]
    every.check()
    expect(told).to_have_text("10 selected")
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator("#bulk")).to_be_hidden()
    expect(every).not_to_be_checked()


def test_the_list_is_downloaded_as_it_is_shown(house: House, enter: Enter) -> None:
    page = enter(house.viewer).go(house.products)
    page.fill("#q", "bolt 5")
    found(page, 10)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").first.click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert re.fullmatch(rf"{house.org.slug}-products-\d{{4}}-\d\d-\d\d\.csv", download.value.suggested_filename)
    assert sorted(line.split(",")[1] for line in lines[1:]) == [f"Bolt {number}" for number in range(50, 60)]


def test_the_list_with_rows_that_are_ticked_is_open_to_all(house: House, enter: Enter, at_length: bool) -> None:
    page = enter(house.member).go(bolts(house))
    page.get_by_label("Select Bolt 00").check()
    assert list(faults_everywhere(page, "#bulk", at_length=at_length)) == []


@pytest.mark.parametrize(
    "address",
    [
        "new?do=price&product={item}&percent=x",
        "{change}",
        pytest.param("new?do=price&way=down&all=1&percent=99.9", marks=pytest.mark.long),
        pytest.param("new?do=archive&product={item}", marks=pytest.mark.long),
        pytest.param("", marks=pytest.mark.long),
    ],
)
def test_a_page_of_changes_is_open_to_all_and_fits_a_phone(
    address: str, house: House, enter: Enter, factories: Factories, at_length: bool
) -> None:
    change = factories.product_change(house.org, house.member, house.items)
    address = address.format(item=house.items[0].id, change=change)
    page = enter(house.member).go(f"{house.products}changes/{address}")
    assert list(faults_everywhere(page, at_length=at_length)) == []
