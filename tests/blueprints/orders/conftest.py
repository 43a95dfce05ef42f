"""What the tests of orders share: who acts, and forms as the page sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.factories import Item
from tests.fixtures.application import OURS, Client, ClientFor
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World

LIST = "/o/acme/orders/"
PRICE = "9.90"  # of every product of the factories


@dataclass
class Desk:
    """Somebody who composes orders, with the form as their browser holds it."""

    client: Client

    def send(self, path: str, lines: list[tuple[Item, str]], **fields: str) -> TestResponse:
        """POST the form with these lines. ``price`` is what each line says that the person saw."""
        price = fields.pop("price", PRICE)
        form: MultiDict[str, Any] = MultiDict({"csrf_token": self.client.token} | fields)
        for item, quantity in lines:
            form.add("item", str(item.id))
            form.add("quantity", quantity)
            form.add("price", price)
        return self.client.post(path, data=form, headers=OURS)

    def compose(self, do: str, lines: list[tuple[Item, str]] | None = None, **fields: str) -> Page:
        """Press one of the buttons that change the form, and return the page that comes back."""
        answer = self.send(f"{LIST}compose", lines or [], do=do, **fields)
        assert answer.status_code == 200, answer.status
        return parse(answer.get_data(as_text=True))

    def place(self, lines: list[tuple[Item, str]], **fields: str) -> TestResponse:
        """Send the form to be placed; with a key of its own unless one is given."""
        return self.send(LIST, lines, **({"request_key": str(uuid4())} | fields))


def lines_of(page: Page) -> list[tuple[str, str, str]]:
    """Return the lines of a page as product, quantity and price."""
    values = {
        name: [field.get("value") or "" for field in page.all("input") if field.get("name") == name]
        for name in ("item", "quantity", "price")
    }
    return list(zip(values["item"], values["quantity"], values["price"], strict=True))


def value(page: Page, name: str) -> str:
    """Return what a field of a page holds."""
    for field in page.all("input", "textarea"):
        if field.get("name") == name:
            return (field.get("value") or field.text or "").strip()
    raise LookupError(name)


def buttons(page: Page) -> set[str]:
    """Return what the buttons and links of the page's head say."""
    head = next(header for header in page.all("header") if header.get("class") == "page-head")
    return {page.text(element) for element in head.iter() if element.tag in ("a", "button")}


@pytest.fixture
def desk(client_for: ClientFor, world: World) -> Desk:
    """Return a member of acme at the desk."""
    return Desk(client_for(world.acme.member))


@pytest.fixture
def member(desk: Desk) -> Client:
    return desk.client


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    return client_for(world.acme.admin)


@pytest.fixture
def hammer(world: World) -> Item:
    """Return a product of which 25 are in stock."""
    return world.acme.products[0]


@pytest.fixture
def nails(world: World) -> Item:
    """Return a product of which 3 are in stock."""
    return world.acme.products[1]


@pytest.fixture
def ladder(world: World) -> Item:
    """Return a product that is archived."""
    return world.acme.products[2]
