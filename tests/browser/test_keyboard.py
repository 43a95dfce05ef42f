"""By the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.fixtures.world import World

ACME = "/o/acme/products/"
SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])

# Where the focus is, whether it can be seen, and whether anything covers it.
_FOCUS = """
() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  const box = at.getBoundingClientRect();
  const style = getComputedStyle(at);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const inside = box.width > 0 && box.top < innerHeight && box.bottom > 0 && box.left < innerWidth && box.right > 0;
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const bare = top !== null && (at.contains(top) || top.contains(at));
  return { at: at.outerHTML.slice(0, 120), seen: ring && inside && bare };
}
"""


def stops(page: Page, most: int = 80) -> Iterator[dict[str, object]]:
    """Yield each place where Tab stops, from the top of the page to its end."""
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUS)
        if stop is None:
            return
        yield stop


@pytest.mark.parametrize(
    ("path", "width"), [(ACME, 1440), (ACME, 390), (f"{ACME}new", 390), ("/signin", 390), ("/o", 1440)]
)
def test_the_focus_can_always_be_seen(world: World, enter: Enter, path: str, width: int) -> None:
    page = enter(world.acme.member if path != "/signin" else None, width=width).go(path)
    found = list(stops(page))
    assert len(found) > 4
    assert [stop["at"] for stop in found if not stop["seen"]] == []


@SCRIPTS
def test_the_skip_link_comes_first_and_leads_past_the_navigation(world: World, enter: Enter, javascript: bool) -> None:
    page = enter(world.acme.member, javascript=javascript).go(ACME)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("main").get_by_role("link").first).to_be_focused()


def test_a_slash_leads_to_the_search_and_is_a_letter_there(world: World, enter: Enter) -> None:
    page = enter(world.acme.member).go(ACME)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_have_value("/")


def test_a_question_mark_lists_the_keys_and_escape_closes_the_list(world: World, enter: Enter) -> None:
    page = enter(world.acme.member).go(ACME)
    dialog = page.get_by_role("dialog", name="Keyboard")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_n_opens_the_form_for_a_new_product(world: World, enter: Enter) -> None:
    page = enter(world.acme.member).go(ACME)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("New product")


def test_n_does_nothing_for_a_viewer(world: World, enter: Enter) -> None:
    page = enter(world.acme.viewer).go(ACME)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")


def test_single_keys_can_be_turned_off_and_stay_off(world: World, enter: Enter) -> None:
    page = enter(world.acme.member).go(ACME)
    page.keyboard.press("?")
    page.get_by_label("Use the single keys").uncheck()
    page.reload()
    page.keyboard.press("?")
    page.keyboard.press("n")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")


@pytest.mark.parametrize("menu", ["switch", "account", "theme"])
def test_a_menu_opens_is_walked_and_closes_by_keys(world: World, enter: Enter, menu: str) -> None:
    page = enter(world.both).go(ACME)
    button = page.locator(f"[popovertarget={menu}]")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#{menu}")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(f"#{menu} :is(a, button)").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f"#{menu}")).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize(
    ("path", "typed", "wrong", "javascript"),
    [
        (f"{ACME}new", {"name": "Claw hammer", "sku": "AC-1", "price": "a lot"}, "price", True),
        (f"{ACME}new", {"price": "a lot"}, "name", False),
        ("/o/new", {"name": "Acme", "slug": "Not A Slug"}, "slug", True),
    ],
    ids=["the third field", "the first of three, without scripts", "an address"],
)
def test_a_wrong_form_keeps_what_was_typed_and_leads_to_the_first_wrong_field(
    world: World, enter: Enter, path: str, typed: dict[str, str], wrong: str, javascript: bool
) -> None:
    page = enter(world.acme.member, javascript=javascript).go(path)
    for name, value in typed.items():
        page.fill(f"[name={name}]", value)
    page.locator("main [name=name]").press("Enter")
    page.wait_for_selector("#errors")
    expect(page.locator(f"[name={wrong}]")).to_be_focused()
    expect(page.locator(f"[name={wrong}]")).to_have_attribute("aria-invalid", "true")
    assert {name: page.input_value(f"[name={name}]") for name in typed} == typed
