"""What a person may not do is not offered, and what is not theirs is not there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.fixtures.world import World

ACME = "/o/acme/products/"


def changes(page: Page) -> list[str]:
    """Return everything on the page that would change a product."""
    found: list[str] = page.eval_on_selector_all(
        "main a, main form[method=post], main [formaction]",
        "all => all.map((one) => one.getAttribute('formaction') || one.action || one.href || '')",
    )
    return [address for address in found if address.endswith(("/new", "/edit", "/archive", "/restore"))]


@pytest.mark.parametrize("place", [None, 0, 2], ids=["the list", "a product", "an archived product"])
def test_a_viewer_is_offered_no_change(world: World, enter: Enter, place: int | None) -> None:
    path = ACME if place is None else f"{ACME}{world.acme.products[place].id}"
    assert changes(enter(world.acme.viewer).go(path)) == []
    assert changes(enter(world.acme.member).go(path)) != []


def test_n_does_nothing_for_a_viewer(world: World, enter: Enter) -> None:
    page = enter(world.acme.viewer).go(ACME)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")


@pytest.mark.parametrize("end", ["", "/edit"])
def test_the_product_of_another_organisation_looks_like_none(world: World, enter: Enter, end: str) -> None:
    theirs, none = world.globex.products[0].id, "00000000-0000-4000-8000-000000000000"
    visitor = enter(world.acme.member)
    seen = []
    for path in (f"{ACME}{theirs}{end}", f"{ACME}{none}{end}", f"/o/globex/products/{theirs}{end}"):
        response = visitor.page.goto(visitor.base + path)
        assert response is not None
        assert response.status == 404
        seen.append(visitor.page.inner_text("main .empty h1"))
        said = visitor.page.content().replace(str(theirs), "")  # the address that was asked for says that much itself
        assert [secret for secret in world.globex.secrets if secret in said] == []
    assert set(seen) == {"There is nothing at this address"}
