"""A form is not left without a word while what was typed into it is saved nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Enter
from tests.fixtures.world import World

NEW = "/o/acme/products/new"
Leave = Callable[[Page], None]


def by_a_link(page: Page) -> None:
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Products").click()


def by_reloading(page: Page) -> None:
    page.evaluate("location.reload()")


@pytest.fixture
def page(world: World, enter: Enter) -> Page:
    """Return the form of a new product, open."""
    return enter(world.acme.member).go(NEW)


def asked(page: Page, leave: Leave, *, stay: bool = True) -> bool:
    """Leave the page and tell whether the browser asked; it is answered with staying or going."""
    questions: list[str] = []

    def answer(dialog: Dialog) -> None:
        questions.append(dialog.type)
        if stay:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    leave(page)
    page.wait_for_timeout(250)
    page.remove_listener("dialog", answer)
    return questions == ["beforeunload"]


def test_a_changed_form_asks_before_it_is_left_and_keeps_what_was_typed(page: Page) -> None:
    page.get_by_label("Name").press_sequentially("Padlock")
    for leave in (by_a_link, by_reloading):
        assert asked(page, leave)
        expect(page.get_by_label("Name")).to_have_value("Padlock")
    assert asked(page, by_a_link, stay=False)  # whoever goes all the same is let go
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")


def test_a_form_that_nobody_changed_is_left_in_silence(page: Page) -> None:
    page.get_by_label("Name").click()
    assert not asked(page, by_a_link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")


def test_what_was_changed_back_is_left_in_silence_and_a_box_that_is_ticked_otherwise_is_not(page: Page) -> None:
    page.get_by_label("Name").press_sequentially("P")
    page.get_by_label("Name").press("Backspace")
    page.get_by_label("On sale").uncheck()
    assert asked(page, by_a_link)
    page.get_by_label("On sale").check()
    assert not asked(page, by_a_link)


def test_discarding_and_sending_are_meant(page: Page) -> None:
    page.get_by_label("Name").press_sequentially("Padlock")
    assert not asked(page, lambda page: page.get_by_role("link", name="Cancel").click())
    page.go_back()
    page.get_by_label("Name").fill("Padlock")
    assert not asked(page, lambda page: page.get_by_role("button", name="Add product").click())


def test_what_was_refused_is_not_saved_and_asks_again(page: Page) -> None:
    page.get_by_label("Name").press_sequentially("Padlock")
    page.get_by_label("Name").press("Enter")
    page.wait_for_selector("#errors")
    assert asked(page, by_a_link)
    expect(page.get_by_label("Name")).to_have_value("Padlock")
