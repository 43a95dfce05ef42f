"""The file of an order list: a line for each order that the list finds."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from tests.factories import Factories
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.world import World

FILE = "/o/acme/orders/export.csv"
HEADER = [
    "Number", "Placed", "Status", "Customer", "Reference", "Deliver to", "Note", "Items", "Subtotal", "Tax rate", "Tax",
    "Total", "Currency", "Placed by",
]  # fmt: skip


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    """Return the lines of the file, each cell by its column."""
    response = client.get(FILE + query)
    assert response.status_code == 200, response.get_data(as_text=True)
    found = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"), newline=""))
    assert found.fieldnames == HEADER
    return list(found)


def test_a_line_holds_what_the_order_says(world: World, client_for: ClientFor, factories: Factories) -> None:
    sold = [(world.acme.products[0], 3), (world.acme.products[1], 1)]
    factories.order(
        world.acme.org, world.acme.member, sold, status="shipped", placed_at=datetime(2026, 3, 1, 23, 59, tzinfo=UTC),
        customer="=cmd|' /C calc'!A0", reference="+49", deliver_to="Street 1\nTown", note='say "hello"',
    )  # fmt: skip
    (line,) = rows(client_for(world.acme.viewer), "?from=2026-03-01&to=2026-03-01")
    assert int(line.pop("Number")) > 1000
    assert line == {
        "Placed": "2026-03-01T23:59:00Z", "Status": "shipped", "Customer": "'=cmd|' /C calc'!A0", "Reference": "'+49",
        "Deliver to": "Street 1\nTown", "Note": 'say "hello"', "Items": "4", "Subtotal": "39.60",
        "Tax rate": line["Tax rate"], "Tax": line["Tax"], "Total": line["Total"], "Currency": "EUR",
        "Placed by": world.acme.member.name,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("", ["delivered", "processing", "pending"]),
        ("?show=pending", ["pending"]),
        ("?show=pending&after=never-made-here", ["pending"]),
        ("?to=2001-01-01", []),
        ("?from=nonsense", ["delivered", "processing", "pending"]),
        ("?q=zzzz", []),
    ],
)
def test_the_list_narrows_the_file(query: str, statuses: list[str], world: World, client_for: ClientFor) -> None:
    found = rows(client_for(world.acme.viewer), query)
    assert sorted(line["Status"] for line in found) == sorted(statuses)
    placed = [line["Placed"] for line in found]
    assert placed == sorted(placed, reverse=True)


def test_it_is_named_for_the_organisation_and_holds_nothing_of_another(world: World, client_for: ClientFor) -> None:
    response = client_for(world.both).get(FILE)
    assert f'filename="acme-orders-{datetime.now(UTC):%Y-%m-%d}.csv"' in response.headers["Content-Disposition"]
    assert world.acme.marker in response.get_data(as_text=True)
    assert world.globex.marker not in response.get_data(as_text=True)


def test_the_list_leads_to_its_own_file(world: World, client_for: ClientFor) -> None:
    page = client_for(world.acme.viewer).page("/o/acme/orders/?show=pending&q=x")
    assert "/o/acme/orders/export.csv?show=pending&q=x" in {link.get("href") for link in page.all("a")}
