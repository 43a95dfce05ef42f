"""Every page in Chromium: axe, the Content-Security-Policy, the console, and no sideways scrolling."""

from __future__ import annotations

import pytest
from playwright.sync_api import Response

from tests.browser.checks import faults_everywhere, faults_of_access
from tests.browser.conftest import Enter
from tests.browser.houses import build
from tests.browser.sights import SIGHTS, Sight, Stage
from tests.factories import Factories
from tests.fixtures.cluster import Bouncer
from tests.fixtures.database import Database
from tests.fixtures.live import Live
from tests.fixtures.world import World


@pytest.fixture(scope="module")
def stage(world: World, factories: Factories, database: Database, bouncer: Bouncer) -> Stage:
    full = build(factories, *(f"Part number {number}" for number in range(1, 52)))
    return Stage(world, full, build(factories, "Claw hammer"), build(factories), bouncer, factories, database)


@pytest.mark.parametrize(
    "sight", [pytest.param(sight, id=sight.name, marks=[pytest.mark.long] * bool(sight.is_like)) for sight in SIGHTS]
)
def test_a_page_is_open_to_all_keeps_its_policy_and_fits_a_phone(
    sight: Sight, stage: Stage, enter: Enter, at_length: bool, request: pytest.FixtureRequest
) -> None:
    visitor = enter(sight.who(stage))
    if sight.doors:
        server: Live = request.getfixturevalue("doors")
        visitor.base = server.url
    statuses: list[int] = []

    def note(response: Response) -> None:
        if response.request.is_navigation_request() and response.request.redirected_to is None:
            statuses.append(response.status)

    visitor.page.on("response", note)
    sight.way(visitor, stage)
    visitor.page.wait_for_selector(sight.shows)
    visitor.page.wait_for_load_state()  # the styles too: after a form was sent, nothing has waited for them yet
    assert statuses[-1] == sight.status
    assert list(faults_everywhere(visitor.page, sight.shows if sight.is_layer else None, at_length=at_length)) == []


def test_every_sight_is_like_one_that_is_always_looked_at() -> None:
    own = {sight.name for sight in SIGHTS if not sight.is_like}
    assert {sight.is_like for sight in SIGHTS} - {""} <= own
    assert len(SIGHTS) == len({sight.name for sight in SIGHTS})


LOOKS = pytest.mark.parametrize(
    "dark", [pytest.param(False, id="light", marks=pytest.mark.long), pytest.param(True, id="dark")]
)


@LOOKS
def test_the_side_menu_of_a_phone_is_open_to_all(world: World, enter: Enter, dark: bool) -> None:
    page = enter(world.both, width=390, dark=dark).go("/o/acme/products/")
    page.click("[popovertarget=side]")
    page.click("[popovertarget=switch]")
    page.wait_for_selector("#side:popover-open #switch:popover-open")
    assert faults_of_access(page, "#side") == []


@LOOKS
def test_the_sort_dialog_of_a_phone_is_open_to_all(world: World, enter: Enter, dark: bool) -> None:
    page = enter(world.acme.member, width=390, dark=dark).go("/o/acme/products/")
    page.click("[popovertarget=product-order]")
    page.wait_for_selector("#product-order:popover-open")
    assert faults_of_access(page, "#product-order") == []
