"""What is not yours and what is not there are the same answer."""

from __future__ import annotations

import statistics
import time
from uuid import UUID, uuid4

import pytest
from werkzeug.test import TestResponse

from tests.fixtures import pages
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.world import House, World

PATHS = (
    ("GET", "/o/{slug}/"),
    ("GET", "/o/{slug}/products/"),
    ("GET", "/o/{slug}/products/new"),
    ("POST", "/o/{slug}/products/"),
    ("GET", "/o/acme/products/{id}"),
    ("GET", "/o/acme/products/{id}/edit"),
    ("POST", "/o/acme/products/{id}"),
    ("POST", "/o/acme/products/{id}/archive"),
    ("POST", "/o/acme/products/{id}/restore"),
    ("GET", "/o/{slug}/products/{id}"),
    ("POST", "/o/{slug}/products/{id}/archive"),
    ("GET", "/o/{slug}/products/export.csv"),
    ("GET", "/o/{slug}/products/changes/{id}"),
    ("POST", "/o/{slug}/products/changes/{id}/undo"),
    ("GET", "/o/acme/products/changes/{id}"),
    ("POST", "/o/acme/products/changes/{id}/undo"),
    ("GET", "/o/acme/products/import/{id}"),
    ("GET", "/o/acme/products/import/{id}/report.csv"),
    ("POST", "/o/acme/products/import/{id}/discard"),
    ("GET", "/o/acme/orders/{id}"),
    ("GET", "/o/acme/orders/{id}/edit"),
    ("GET", "/o/acme/orders/{id}/print"),
    ("POST", "/o/acme/orders/{id}"),
    ("POST", "/o/acme/orders/{id}/status"),
    ("GET", "/o/{slug}/orders/export.csv"),
    ("GET", "/o/acme/audit/products/{id}"),
    ("GET", "/o/acme/audit/orders/{id}"),
    ("GET", "/o/{slug}/audit/export.csv"),
)
VARYING = {"X-Request-Id", "Date"}


def ask(client: Client, method: str, path: str) -> TestResponse:
    return client.get(path) if method == "GET" else client.submit(path, {"name": "x"})


def shape(response: TestResponse, *named: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all that a visitor can compare, without the number of the request and what they asked for themselves.

    The CSRF token goes too: it carries the second at which it was written.
    """
    body = response.get_data(as_text=True)
    token = pages.parse(body).token() or "no token"
    for name in (response.headers["X-Request-Id"], token, *named):
        body = body.replace(name, "")
    headers = sorted((k, v) for k, v in response.headers if k not in VARYING and k != "Content-Length")
    return response.status_code, headers, body


def theirs(house: House, template: str) -> UUID:
    """Return the id of what an address names."""
    if "/changes/" in template:
        return house.change
    if "/import/" in template:
        return house.upload
    return house.orders[0].id if "orders/" in template else house.products[0].id


def test_a_foreign_address_and_an_absent_one_answer_alike(client_for: ClientFor, world: World) -> None:
    owner = client_for(world.acme.owner)
    for method, template in PATHS:
        foreign = {"slug": "globex", "id": str(theirs(world.globex, template))}
        absent = {"slug": "absent", "id": str(uuid4())}
        asked = ((template.format(**values), values.values()) for values in (foreign, absent))
        answers = [shape(ask(owner, method, path), *named) for path, named in asked]
        assert answers[0] == answers[1], template
        assert answers[0][0] == 404, template


@pytest.mark.parametrize("slug", ["globex", "absent"])
def test_to_a_visitor_without_an_account_every_organisation_is_the_same(slug: str, client: Client) -> None:
    response = client.get(f"/o/{slug}/products/")
    assert (response.status_code, response.location) == (303, f"/signin?next=/o/{slug}/products/")


@pytest.mark.long
@pytest.mark.parametrize(("method", "template"), [PATHS[1], PATHS[4]])
def test_a_foreign_address_and_an_absent_one_take_the_same_time(
    method: str, template: str, client_for: ClientFor, world: World
) -> None:
    """500 pairs, in turn, so that whatever else the machine does is the same for both; within 5 % in the middle."""
    member = client_for(world.acme.member)
    addresses = [
        template.format(slug="globex", id=world.globex.products[0].id), template.format(slug="absent", id=uuid4())
    ]  # fmt: skip
    times: list[list[float]] = [[], []]
    for _ in range(520):
        for index, address in enumerate(addresses):
            began = time.perf_counter()
            ask(member, method, address)
            times[index].append(time.perf_counter() - began)
    foreign, absent = (statistics.median(found[20:]) for found in times)
    assert abs(foreign - absent) / absent < 0.05, f"{foreign * 1000:.2f} ms and {absent * 1000:.2f} ms"
