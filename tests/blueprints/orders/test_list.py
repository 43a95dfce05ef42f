"""The list of orders: tabs, search, days, pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.blueprints.orders.conftest import LIST
from tests.factories import Factories, Item, Sale
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World
from webapp.blueprints.orders import rows

HTMX = {"HX-Request": "true", "HX-Target": "div#order-list", "HX-Request-Type": "partial"}


def numbers(page: Page) -> list[int]:
    """Return the orders of a page in its order."""
    found = [row for row in page.all("tr") if (row.get("id") or "").startswith("order-")]
    return [int(page.text(next(row.iter("a"))).split()[0]) for row in found]


def tabs(page: Page) -> dict[str, str]:
    nav = next(nav for nav in page.all("nav") if nav.get("aria-label") == "Which orders")
    return dict(page.text(link).rsplit(" ", 1) for link in nav.iter("a"))


def told(page: Page) -> str:
    """Return how many orders the page says that there are."""
    return next(page.text(line) for line in page.all("p") if line.get("role") == "status" and line.get("id") is None)


@pytest.fixture
def shop(world: World, factories: Factories, hammer: Item) -> list[Sale]:
    """Return four orders of acme of different days, customers and references, oldest first; the world's come after."""
    first = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    details = [("Brick Lane Builders", "PO 88-2210"), ("BRICKS & Co", "1001"), ("Ærø Havn", ""), ("", "po 9")]
    return [
        factories.order(
            world.acme.org,
            world.acme.member,
            [(hammer, 1)],
            placed_at=first + timedelta(days=day, hours=23, minutes=59) if day else first,
            customer=customer,
            reference=reference,
            status="cancelled" if day == 3 else "pending",
        )
        for day, (customer, reference) in enumerate(details)
    ]


def test_the_list_shows_the_newest_first(member: Client, shop: list[Sale], world: World) -> None:
    page = member.page(LIST)
    assert numbers(page)[-4:] == [sale.number for sale in shop[::-1]]
    assert len(numbers(page)) == 7
    assert {sale.number for sale in world.acme.orders} < set(numbers(page))


def test_each_tab_counts_and_shows_its_status(member: Client, shop: list[Sale], world: World) -> None:
    page = member.page(LIST)
    expected = {"All": "7", "Pending": "4", "Processing": "1", "Shipped": "0", "Delivered": "1", "Cancelled": "1"}
    assert tabs(page) == expected
    for name, count in expected.items():
        shown = member.page(f"{LIST}?show={name.lower()}")
        assert len(numbers(shown)) == int(count), name
    assert numbers(member.page(f"{LIST}?show=cancelled")) == [shop[3].number]


def test_an_order_is_found_by_how_its_customer_or_reference_begins(member: Client, shop: list[Sale]) -> None:
    expected = {
        "brick": [1, 0],
        "BRICK LANE": [0],
        "lane": [],
        "po": [3, 0],
        "PO 88-2210": [0],
        "ÆRØ": [2],
        "%": [],
        "\\": [],
        "'": [],
    }
    for typed, found in expected.items():
        page = parse(member.get(LIST, query_string={"q": typed}).get_data(as_text=True))
        assert numbers(page) == [shop[place].number for place in found], typed


def test_an_order_is_found_by_its_number_and_by_a_reference_that_looks_like_one(
    member: Client, shop: list[Sale], world: World
) -> None:
    assert world.acme.orders[0].number == 1001
    assert set(numbers(member.page(f"{LIST}?q=1001"))) == {1001, shop[1].number}
    assert numbers(member.page(f"{LIST}?q=%23{shop[2].number}")) == [shop[2].number]


def test_days_include_both_their_ends(member: Client, shop: list[Sale]) -> None:
    expected = {
        "from=2026-03-01&to=2026-03-01": [0],
        "from=2026-03-02&to=2026-03-03": [2, 1],
        "to=2026-03-02": [1, 0],
        "from=2026-03-04&to=2026-03-04&show=cancelled": [3],
        "from=2026-03-01&to=2026-03-04&q=brick": [1, 0],
    }
    for days, found in expected.items():
        page = member.page(f"{LIST}?{days}")
        assert numbers(page) == [shop[place].number for place in found], days
        assert told(page) == f"{len(found)} order{'' if len(found) == 1 else 's'}"


def test_a_day_that_is_none_is_said_and_what_was_typed_with_it(member: Client) -> None:
    body = member.get(f"{LIST}?from=2026-02-30").get_data(as_text=True)
    assert "From “2026-02-30”: Write a day of the calendar, such as 2026-11-21." in body


def test_paging_shows_every_order_once_in_both_directions(
    member: Client, world: World, factories: Factories, hammer: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PAGE", 3)
    same = datetime(2026, 5, 5, tzinfo=UTC)
    for _ in range(7):  # all at one moment: the id has to break the tie
        factories.order(world.acme.org, world.acme.member, [(hammer, 1)], placed_at=same)
    forwards: list[int] = []
    page = member.page(LIST)
    while True:
        forwards += numbers(page)
        following = [link.get("href") for link in page.all("a") if link.get("rel") == "next"]
        if not following:
            break
        page = member.page(following[0] or "")
    assert len(forwards) == len(set(forwards)) == 10
    backwards = numbers(page)
    while previous := [link.get("href") for link in page.all("a") if link.get("rel") == "prev"]:
        page = member.page(previous[0] or "")
        backwards = numbers(page) + backwards
    assert backwards == forwards


def test_a_page_that_was_never_there_leads_to_the_first(member: Client) -> None:
    answer = member.get(f"{LIST}?show=pending&q=x&after=nonsense")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}?show=pending&q=x")


def test_htmx_gets_the_list_alone(member: Client, world: World) -> None:
    body = member.get(f"{LIST}?show=pending", headers=HTMX).get_data(as_text=True)
    assert "<!doctype" not in body.lower()
    assert numbers(parse(body, fragment=True)) == [world.acme.orders[0].number]


def test_a_viewer_is_not_offered_to_place_an_order(client_for: ClientFor, world: World) -> None:
    page = client_for(world.acme.viewer).page(LIST)
    assert not [link for link in page.all("a") if link.get("href") == f"{LIST}new"]
    assert len(numbers(page)) == 3


def test_an_organisation_without_orders_says_what_belongs_there(
    client_for: ClientFor, world: World, factories: Factories
) -> None:
    org = factories.organization("Quiet House", slug="quiet")
    factories.membership(org, world.stranger, "member")
    body = client_for(world.stranger).get("/o/quiet/orders/").get_data(as_text=True)
    assert "Here stands what Quiet House was asked for" in body
    assert "Place the first order" in body


def test_nobody_finds_another_organisations_orders(member: Client, world: World) -> None:
    for typed in (world.globex.marker, str(world.globex.orders[0].number)):
        body = member.get(LIST, query_string={"q": typed}).get_data(as_text=True)
        assert str(world.globex.orders[0].id) not in body
