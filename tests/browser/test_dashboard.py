"""The dashboard in Chromium: another period, the table behind the chart, open to all, fit for a phone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import faults_everywhere
from tests.browser.conftest import Enter
from tests.browser.houses import House, build
from tests.factories import Factories

LONG = "A product with quite a long name, 1200 × 600 mm, galvanised, with two keys and all that it takes to fix it"


@pytest.fixture
def house(factories: Factories) -> House:
    """Return a house that has sold something every third day of the last three months, more of it the longer ago."""
    house = build(factories, "Claw hammer", LONG, "Spirit level")
    now = datetime.now(UTC)
    for day in range(1, 90, 3):
        lines = [(house.items[day % 3], 1 + day * 997)]
        factories.order(house.org, house.member, lines, status="delivered", placed_at=now - timedelta(days=day))
    factories.order(house.org, house.member, [(house.items[0], 1)])
    return house


def home(house: House) -> str:
    return f"/o/{house.org.slug}/"


def bars(page: Page, count: int) -> None:
    expect(page.locator(".chart rect")).to_have_count(count)


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
def test_another_period_is_drawn_and_can_be_gone_back_from(javascript: bool, house: House, enter: Enter) -> None:
    page = enter(house.viewer, javascript=javascript).go(home(house))
    bars(page, 30)
    page.click("text=7 days")
    bars(page, 7)
    expect(page).to_have_url(re.compile(r"\?days=7$"))
    page.click("text=90 days")
    bars(page, 90)
    page.go_back()
    bars(page, 7)
    expect(page.locator(".segment [aria-current]")).to_have_text("7 days")


def test_another_period_leaves_the_page_where_it_is(house: House, enter: Enter) -> None:
    """The chart alone is exchanged: neither does the page jump, nor does the keyboard lose its place."""
    page = enter(house.viewer).go(home(house))
    page.set_viewport_size({"width": 1440, "height": 500})
    page.focus("text=90 days")
    page.evaluate("document.body.dataset.same = 'yes'; scrollTo(0, 180)")
    page.keyboard.press("Enter")
    bars(page, 90)
    assert page.evaluate("[document.body.dataset.same, scrollY]") == ["yes", 180]
    expect(page.locator(".segment [aria-current]")).to_be_focused()


def test_the_page_of_a_shop_is_open_to_all_and_fits_a_phone(
    house: House, factories: Factories, enter: Enter, at_length: bool
) -> None:
    """With a year drawn by weeks, and with the table open."""
    owner = factories.person()
    factories.membership(house.org, owner, "owner")
    page = enter(owner).go(home(house))
    page.click("text=365 days")
    expect(page.locator("#sales-title")).to_have_text("Sales per week")
    page.click("summary")
    expect(page.locator(".figures table")).to_be_visible()
    assert list(faults_everywhere(page, at_length=at_length)) == []


@pytest.mark.parametrize(("who", "products"), [("member", ()), ("viewer", (LONG,))])
def test_the_page_of_a_new_shop_is_open_to_all_and_fits_a_phone(
    who: str, products: tuple[str, ...], factories: Factories, enter: Enter, at_length: bool
) -> None:
    house = build(factories, *products)
    page = enter(getattr(house, who)).go(home(house))
    assert list(faults_everywhere(page, at_length=at_length)) == []
