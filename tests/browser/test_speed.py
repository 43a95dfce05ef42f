"""The list of products at its fullest: how heavy it is, and whether it holds still."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import Response

from tests.browser.conftest import Enter
from tests.browser.houses import House, build
from tests.factories import Factories

MOST = 60 * 1024  # bytes


@pytest.fixture(scope="module")
def house(factories: Factories) -> House:
    """Return an organisation with a full page of products, whose names are all different."""
    kinds = ("Claw hammer", "Spirit level", "Wood screws", "Masonry drill", "Wall plugs")
    return build(factories, *(f"{kinds[n % 5]} {n * 7919 % 997} mm, box of {n}" for n in range(1, 56)))


def _weight(answer: Response) -> int:
    if answer.request.is_navigation_request():
        # The proxy in front compresses pages; the application itself compresses what is static.
        return len(gzip.compress(answer.body(), 6))
    return answer.request.sizes()["responseBodySize"]


def test_the_first_load_of_a_full_list_is_under_60_kb(house: House, enter: Enter) -> None:
    visitor = enter(house.member)
    answers: list[Response] = []
    visitor.page.on("response", lambda answer: answers.append(answer))
    page = visitor.go(house.products)
    page.wait_for_load_state("networkidle")
    weights = {answer.url: _weight(answer) for answer in answers}
    assert page.locator("tbody tr").count() == 50
    kinds = [kind for kind in (".css", ".js", ".svg") if any(kind in url for url in weights)]
    assert kinds == [".css", ".js", ".svg"]
    assert sum(weights.values()) < MOST, weights


@pytest.mark.parametrize("width", [1440, 390])
def test_a_list_does_not_move_while_it_loads(house: House, enter: Enter, width: int) -> None:
    visitor = enter(house.member, width=width)
    # On a slow machine the first rows are shown before the last ones are read.
    visitor.context.new_cdp_session(visitor.page).send("Emulation.setCPUThrottlingRate", {"rate": 8})
    page = visitor.go(house.products)
    page.wait_for_load_state("networkidle")
    # Two frames: the observer is told of a shift after the frame that made it.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("watched.shift") < 0.0001
