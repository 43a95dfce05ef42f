"""The dashboard as a page: what it says to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.factories import Factories, Org, Person, Role
from tests.fixtures.application import ClientFor
from tests.fixtures.pages import Page
from tests.fixtures.world import World

BAR, TOLD = "{http://www.w3.org/2000/svg}rect", "{http://www.w3.org/2000/svg}title"
FRAGMENT = {"HX-Request": "true", "HX-Target": "section#sales-chart"}


def texts(page: Page, tag: str, cls: str = "") -> list[str]:
    """Return the text of each element of this tag, and of this class if one is given."""
    return [page.text(each) for each in page.all(tag) if not cls or cls in (each.get("class") or "").split()]


def links(page: Page) -> set[str]:
    return {link.get("href") or "" for link in page.all("a")}


@pytest.fixture
def shop(factories: Factories) -> Org:
    """Return an organisation in which nobody has done anything."""
    return factories.organization("Gable & Sons")


def somebody(factories: Factories, org: Org, role: Role) -> Person:
    person = factories.person(f"Robin {role.title()}")
    factories.membership(org, person, role)
    return person


def test_the_figures_are_those_of_the_orders(shop: Org, factories: Factories, client_for: ClientFor) -> None:
    viewer = somebody(factories, shop, "viewer")
    ware = factories.product(shop, "Padlock", price=Decimal("1000.50"), stock=50)
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0)
    for status in ("processing", "delivered", "cancelled"):
        factories.order(shop, viewer, [(ware, 2)], status=status, placed_at=month)
    factories.order(shop, viewer, [(ware, 1)], placed_at=month)
    last = factories.order(shop, viewer, [(ware, 1)], status="shipped", placed_at=month - timedelta(minutes=1))
    page = client_for(viewer).page(f"/o/{shop.slug}/")
    assert texts(page, "p", "figure") == ["€4,002.00", "2", "€2,001.00", "1"]
    assert any("€1,000.50" in text for text in texts(page, "p", "delta")), "what is pending, and the last month"
    assert f"/o/{shop.slug}/orders/{last.id}" in links(page)
    assert any(text.startswith("Padlock €4,002.00") for text in texts(page, "li"))


@pytest.mark.parametrize(
    ("asked", "shown", "bars"),
    [("", 30, 30), ("7", 7, 7), ("90", 90, 90), ("365", 365, 53), ("8", 30, 30), ("x", 30, 30), ("-7", 30, 30)],
)
def test_a_period_is_a_link_and_one_that_is_none_is_the_usual(
    asked: str, shown: int, bars: int, world: World, client_for: ClientFor
) -> None:
    page = client_for(world.acme.viewer).page(f"/o/acme/?days={asked}")
    [periods] = [nav for nav in page.all("nav") if nav.get("aria-label") == "Period"]
    [current] = [page.text(link) for link in periods if link.get("aria-current") == "true"]
    assert current == f"{shown} days"
    assert {f"/o/acme/?days={days}" for days in (7, 30, 90, 365)} <= links(page)
    drawn = len(list(page.all(BAR)))
    assert drawn == bars if shown < 365 else drawn in (bars, bars + 1)


def test_the_table_says_what_the_drawing_shows(world: World, client_for: ClientFor) -> None:
    page = client_for(world.acme.viewer).page("/o/acme/")
    table = page.first("table")
    said = [[page.text(cell) for cell in row] for row in table.iter("tr")]
    titles = [page.text(title).partition(": ") for title in page.all(TOLD)]
    assert [(row[0], row[2]) for row in said[1:-1]] == [
        ((day + ", so far", amount.removesuffix(", so far")) if amount.endswith("so far") else (day, amount))
        for day, _, amount in reversed(titles)
    ]
    assert said[-1][0] == "Together"


def test_another_period_comes_as_the_chart_alone(world: World, client_for: ClientFor) -> None:
    answer = client_for(world.acme.viewer).get("/o/acme/?days=7", headers=FRAGMENT)
    html = answer.get_data(as_text=True)
    assert "<h1" not in html
    assert html.count("<rect") == 7
    assert {"HX-Request", "HX-Target"} <= set(answer.vary)


@pytest.mark.parametrize(
    ("role", "may_place", "heading"),
    [
        ("viewer", False, "Latest orders"),
        ("member", True, "Latest orders"),
        ("admin", True, "Recent activity"),
        ("owner", True, "Recent activity"),
    ],
)
def test_each_role_is_shown_what_it_may_use(
    role: str, may_place: bool, heading: str, world: World, client_for: ClientFor
) -> None:
    page = client_for(getattr(world.acme, role)).page("/o/acme/")
    assert ("/o/acme/orders/new" in links(page)) == may_place
    assert heading in texts(page, "h2")
    assert ("/o/acme/audit/" in links(page)) == (heading == "Recent activity")


def test_nothing_of_another_organisation_stands_on_it(world: World, client_for: ClientFor) -> None:
    html = client_for(world.both).get("/o/acme/").get_data(as_text=True)
    assert world.acme.marker in html
    assert world.globex.marker not in html
    assert not [secret for secret in map(str, (order.id for order in world.globex.orders)) if secret in html]


@pytest.mark.parametrize(("role", "may_add"), [("owner", True), ("member", True), ("viewer", False)])
def test_an_empty_organisation_is_told_where_to_begin(
    role: Role, may_add: bool, shop: Org, factories: Factories, client_for: ClientFor
) -> None:
    page = client_for(somebody(factories, shop, role)).page(f"/o/{shop.slug}/")
    assert ("Begin with what you sell" in texts(page, "h2")) == may_add
    assert ({f"/o/{shop.slug}/products/new", f"/o/{shop.slug}/products/import"} <= links(page)) == may_add
    assert list(page.all(BAR)) == []


def test_an_organisation_with_products_is_led_to_its_first_order(
    shop: Org, factories: Factories, client_for: ClientFor
) -> None:
    factories.product(shop, "Gate latch", stock=2)
    page = client_for(somebody(factories, shop, "member")).page(f"/o/{shop.slug}/")
    assert "No orders yet" in texts(page, "h2")
    assert any("Gate latch" in text and "2 left" in text for text in texts(page, "li"))


def test_a_period_in_which_nothing_was_sold_says_so(shop: Org, factories: Factories, client_for: ClientFor) -> None:
    viewer = somebody(factories, shop, "viewer")
    ware = factories.product(shop)
    factories.order(shop, viewer, [(ware, 1)], status="delivered", placed_at=datetime.now(UTC) - timedelta(days=40))
    client = client_for(viewer)
    week = client.page(f"/o/{shop.slug}/?days=7")
    assert any("Nothing was sold in these 7 days" in text for text in texts(week, "p"))
    assert len(list(client.page(f"/o/{shop.slug}/?days=90").all(BAR))) == 90


def test_amounts_are_in_the_currency_of_the_organisation(factories: Factories, client_for: ClientFor) -> None:
    shop = factories.organization(currency="SEK")
    viewer = somebody(factories, shop, "viewer")
    factories.order(shop, viewer, [(factories.product(shop, price=Decimal(250)), 1)], status="shipped")
    html = client_for(viewer).get(f"/o/{shop.slug}/").get_data(as_text=True)
    assert "SEK\N{NO-BREAK SPACE}250.00" in html or "SEK250.00" in html or "kr250.00" in html
    assert "€" not in html
