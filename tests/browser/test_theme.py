"""Light and dark: as the system, or as chosen and remembered."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.fixtures.servers import until
from tests.fixtures.world import World

ACME = "/o/acme/products/"
DARK, LIGHT = "rgb(19, 23, 26)", "rgb(255, 255, 255)"


def ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def choose(page: Page, theme: str) -> None:
    page.locator("[popovertarget=theme]").click()
    page.locator("#theme").get_by_role("button", name=theme, exact=True).click()


def remembered(page: Page, theme: str | None) -> None:
    """Wait until the browser keeps this theme for the next page."""

    def kept() -> bool:
        return next((c.get("value") for c in page.context.cookies() if c.get("name") == "theme"), None) == theme

    until(kept, f"the theme {theme} to be remembered", 5)


@pytest.mark.parametrize(("dark", "expected"), [(False, LIGHT), (True, DARK)], ids=["light", "dark"])
def test_the_theme_follows_the_system_until_one_is_chosen(
    world: World, enter: Enter, dark: bool, expected: str
) -> None:
    assert ground(enter(world.acme.member, dark=dark).go(ACME)) == expected


@pytest.mark.parametrize(
    ("theme", "dark", "expected", "javascript"),
    [("Dark", False, DARK, True), ("Light", True, LIGHT, False)],
    ids=["dark", "light, without scripts"],
)
def test_a_chosen_theme_is_in_the_html_of_every_page_after(
    world: World, enter: Enter, theme: str, dark: bool, expected: str, javascript: bool
) -> None:
    visitor = enter(world.acme.member, dark=dark, javascript=javascript)
    page = visitor.go(ACME)
    choose(page, theme)
    remembered(page, theme.lower())
    expect(page.locator("html")).to_have_attribute("data-theme", theme.lower())
    expect(page.locator("body")).to_have_css("background-color", expected)
    for path in (ACME, "/o", "/nothing"):
        response = page.goto(visitor.base + path)
        assert response is not None
        # In what the server sent, so that the first paint is right: a script would come after it.
        assert re.search(f'<html [^>]*data-theme="{theme.lower()}"', response.text())
        assert ground(page) in (expected, "rgb(243, 245, 246)", "rgb(13, 16, 18)")


def test_a_chosen_theme_shows_at_once_and_without_a_reload(world: World, enter: Enter) -> None:
    page = enter(world.acme.member).go(ACME)
    page.evaluate("globalThis.unloaded = false")
    choose(page, "Dark")
    assert ground(page) == DARK
    assert page.evaluate("globalThis.unloaded") is False


def test_the_system_can_be_followed_again(world: World, enter: Enter) -> None:
    page = enter(world.acme.member, dark=True).go(ACME)
    choose(page, "Light")
    remembered(page, "light")
    choose(page, "As the system")
    remembered(page, None)
    page.reload()
    expect(page.locator("html")).not_to_have_attribute("data-theme", re.compile("."))
    assert ground(page) == DARK
