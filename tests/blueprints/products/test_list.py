"""The list: what it shows, how it is narrowed, and how it is walked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import Factories
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import parse
from tests.fixtures.world import World

LIST = "/o/acme/products/"
NEW = {"name": "Padlock 50 mm, brass", "description": "", "sku": "AC-1310", "price": "12,80", "stock": "5"}
HTMX = {"HX-Request": "true", "HX-Target": "div#product-list", "HX-Request-Type": "partial"}


def test_the_list_shows_what_the_organisation_sells(member: Client, world: World) -> None:
    body = member.get(LIST).get_data(as_text=True)
    assert all(item.name in body and item.sku in body for item in world.acme.products)
    assert world.globex.marker not in body
    assert "3 products" in body
    assert 'aria-sort="descending"' in body
    assert "Pages" not in body


@pytest.mark.parametrize(
    ("query", "expected"),
    [("show=active", {0, 1}), ("show=low", {1}), ("show=archived", {2}), ("q=nails", {1}), ("q=acme-only-3", {2}),
     ("min=9&max=10", {0, 1, 2}), ("max=9", set()), ("q=nails&show=archived", set())],
)  # fmt: skip
def test_tabs_search_and_price_narrow_the_list(member: Client, world: World, query: str, expected: set[int]) -> None:
    body = member.get(f"{LIST}?{query}").get_data(as_text=True)
    assert {number for number, item in enumerate(world.acme.products) if f"product-{item.id}" in body} == expected


def test_a_list_that_finds_nothing_offers_the_way_back(member: Client) -> None:
    body = member.get(f"{LIST}?q=zzz&show=active").get_data(as_text=True)
    assert "Nothing found" in body
    assert 'href="/o/acme/products/?show=active"' in body


@pytest.mark.parametrize(("who", "offered"), [("viewer", False), ("member", True)])
def test_an_empty_list_says_what_belongs_there(
    client_for: ClientFor, world: World, database: Database, who: str, offered: bool
) -> None:
    database.sql("delete from orders")
    database.sql("delete from products")
    body = client_for(getattr(world.acme, who)).get(LIST).get_data(as_text=True)
    assert "No products yet" in body
    assert ("Add the first product" in body) is offered


def test_htmx_gets_the_list_alone_and_everybody_else_the_page(member: Client) -> None:
    part = member.get(f"{LIST}?q=nails", headers=HTMX)
    assert "<html" not in part.get_data(as_text=True)
    assert "1 product" in part.get_data(as_text=True)
    assert {"HX-Request", "HX-Target"} <= set(part.vary.as_set(preserve_casing=True))
    assert "<html" in member.get(f"{LIST}?q=nails").get_data(as_text=True)
    assert "<html" in member.get(LIST, headers=HTMX | {"HX-History-Restore-Request": "true"}).get_data(as_text=True)


def test_the_list_has_pages_and_each_state_is_in_its_address(
    member: Client, world: World, factories: Factories
) -> None:
    for number in range(60):
        factories.product(world.acme.org, f"Bolt {number:02}")
    first = member.page(f"{LIST}?sort=name&q=bolt")
    following = next(a.get("href") for a in first.all("a") if a.get("rel") == "next")
    assert following is not None
    assert "q=bolt" in following
    assert "sort=name" in following
    second = member.get(following).get_data(as_text=True)
    assert ("Bolt 49<" in second, "Bolt 50<" in second, "Bolt 59<" in second) == (False, True, True)
    back = next(a.get("href") for a in parse(second).all("a") if a.get("rel") == "prev")
    assert back is not None
    assert "Bolt 00<" in member.get(back).get_data(as_text=True)


@pytest.mark.parametrize("cursor", ["after=x", "before=x", "after=WzFd", "after=" + "a" * 3_000])
def test_a_page_that_cannot_be_is_the_first_one(member: Client, cursor: str) -> None:
    answer = member.get(f"{LIST}?sort=name&{cursor}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}?sort=name")


HOSTILE = ["'", '"><script>alert(1)</script>', "\\", "&|!:*()<->", "%00", "%", "a" * 5_000, "%F0%9F%94%A8", "\u202e"]


@pytest.mark.parametrize("name", ["q", "min", "max", "show", "sort"])
def test_no_address_breaks_the_list(member: Client, name: str) -> None:
    for text in HOSTILE:
        answer = member.get(LIST, query_string={name: text} if "%" not in text else f"{name}={text}")
        assert answer.status_code == 200, text
        assert "<script>alert" not in answer.get_data(as_text=True), text


def test_a_bound_that_cannot_be_read_is_said_beside_the_list(member: Client) -> None:
    body = member.get(f"{LIST}?min=1,234").get_data(as_text=True)
    assert "could mean 1234.00 or 1.23" in body
    assert "3 products" in body


def test_a_page_of_the_list_costs_three_queries(member: Client, queries_of: Any) -> None:
    with queries_of() as sent:
        member.get(LIST)
    assert len(sent) == 3, sent  # who is here, the rows, the counts
    assert not any("search" in statement for statement in sent)
