"""Every route with everybody's status: the access matrix, and what other tests walk.

The columns are PEOPLE in their order. A form is sent empty, with its token: whoever may use the route gets 422 for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Literal
from urllib.parse import urlsplit

from flask import Flask, url_for
from werkzeug.test import TestResponse

from tests.factories import Factories, Person
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.world import World

PEOPLE = ("anonymous", "ended", "stranger", "other", "removed", "viewer", "member", "admin", "owner")

EVERYBODY = "200 200 200 200 200 200 200 200 200"
SIGNED_IN = "303 303 200 200 200 200 200 200 200"
VIEWERS = "303 303 404 404 404 200 200 200 200"
ADMINS = "303 303 404 404 404 403 403 200 200"
MEMBERS = "303 303 404 404 404 403 200 200 200"
MEMBERS_FORM = "303 303 404 404 404 403 422 422 422"
MEMBERS_DEED = "303 303 404 404 404 403 303 303 303"


@dataclass(frozen=True)
class Route:
    """One method of one endpoint, everybody's status, and what stands in its address."""

    method: Literal["GET", "POST"]
    endpoint: str
    statuses: str
    values: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}"

    @property
    def expected(self) -> dict[str, int]:
        return dict(zip(PEOPLE, map(int, self.statuses.split()), strict=True))

    def path(self, app: Flask, world: World) -> str:
        """Return the route's address, in acme where it has an organisation."""
        with app.test_request_context():
            values = {name: _VALUES[value](world) for name, value in self.values.items()}
            if self.endpoint == "assets.file":
                from webapp.web.assets import asset_url

                return asset_url("css/tokens.css")
            return urlsplit(url_for(self.endpoint, **values)).path

    def send(self, client: Client, path: str) -> TestResponse:
        """Send the request as this client's browser would."""
        return client.get(path) if self.method == "GET" else client.submit(path, dict(self.data))


_VALUES: Mapping[str, Callable[[World], Any]] = {
    "acme": lambda world: world.acme.org.slug,
    "product": lambda world: world.acme.products[0].id,
    "archived": lambda world: world.acme.products[2].id,
    "order": lambda world: world.acme.orders[0].id,
    "noted_at": lambda world: world.acme.noted_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    "upload": lambda world: world.acme.upload,
    "change": lambda world: world.acme.change,
}
_ORG = {"slug": "acme"}
_PRODUCT = {"slug": "acme", "product_id": "product"}
_ORDER = {"slug": "acme", "order_id": "order"}
_UPLOAD = {"slug": "acme", "import_id": "upload"}
_CHANGE = {"slug": "acme", "change_id": "change"}

ROUTES = (
    Route("GET", "assets.file", EVERYBODY),
    Route("GET", "site.landing", EVERYBODY),
    Route("POST", "site.theme", "303 303 303 303 303 303 303 303 303", data={"theme": "dark"}),
    Route("GET", "health.alive", EVERYBODY),
    Route("GET", "health.ready", EVERYBODY),
    Route("GET", "account.signin", "200 200 303 303 303 303 303 303 303"),
    Route("POST", "account.signin_submit", "422 422 422 422 422 422 422 422 422"),
    Route("GET", "account.signup", "200 200 303 303 303 303 303 303 303"),
    Route("POST", "account.signup_submit", "422 422 422 422 422 422 422 422 422"),
    Route("POST", "account.signout", "303 303 303 303 303 303 303 303 303"),
    Route("GET", "organizations.index", SIGNED_IN),
    Route("GET", "organizations.enter", "303 303 303 303 303 303 303 303 303"),
    Route("GET", "organizations.new", SIGNED_IN),
    Route("POST", "organizations.create", "303 303 422 422 422 422 422 422 422"),
    Route("GET", "dashboard.index", VIEWERS, _ORG),
    Route("GET", "products.index", VIEWERS, _ORG),
    Route("GET", "products.new", MEMBERS, _ORG),
    Route("POST", "products.create", MEMBERS_FORM, _ORG),
    Route("GET", "products.show", VIEWERS, _PRODUCT),
    Route("GET", "products.edit", MEMBERS, _PRODUCT),
    Route("POST", "products.update", MEMBERS_FORM, _PRODUCT),
    Route("POST", "products.archive", MEMBERS_DEED, _PRODUCT),
    Route("POST", "products.restore", MEMBERS_DEED, {"slug": "acme", "product_id": "archived"}),
    Route("GET", "products.export", VIEWERS, _ORG),
    Route("GET", "bulk.index", VIEWERS, _ORG),
    Route("GET", "bulk.new", MEMBERS_DEED, _ORG),
    Route("POST", "bulk.create", MEMBERS_DEED, _ORG, data={"do": "archive"}),
    Route("GET", "bulk.show", VIEWERS, _CHANGE),
    Route("POST", "bulk.undo", MEMBERS_DEED, _CHANGE),
    Route("GET", "imports.new", MEMBERS, _ORG),
    Route("POST", "imports.upload", MEMBERS_FORM, _ORG),
    Route("GET", "imports.show", "303 303 404 404 404 403 404 404 200", _UPLOAD),
    Route("GET", "imports.status", "303 303 404 404 404 403 404 404 303", _UPLOAD),
    Route("GET", "imports.report", "303 303 404 404 404 403 404 404 200", _UPLOAD),
    Route("POST", "imports.read", "303 303 404 404 404 403 404 404 422", _UPLOAD),
    Route("POST", "imports.check", "303 303 404 404 404 403 404 404 422", _UPLOAD),
    Route("POST", "imports.apply", "303 303 404 404 404 403 404 404 422", _UPLOAD),
    Route("POST", "imports.discard", "303 303 404 404 404 403 404 404 303", _UPLOAD),
    Route("GET", "orders.index", VIEWERS, _ORG),
    Route("GET", "orders.export", VIEWERS, _ORG),
    Route("GET", "orders.new", MEMBERS, _ORG),
    Route("POST", "orders.compose", MEMBERS, _ORG),
    Route("POST", "orders.create", MEMBERS_FORM, _ORG),
    Route("GET", "orders.show", VIEWERS, _ORDER),
    Route("GET", "orders.print_page", VIEWERS, _ORDER),
    Route("GET", "orders.edit", MEMBERS, _ORDER),
    Route("POST", "orders.update", MEMBERS_FORM, _ORDER),
    Route("POST", "orders.set_status", MEMBERS_FORM, _ORDER),
    Route("GET", "audit.index", ADMINS, _ORG),
    Route("GET", "audit.export", ADMINS, _ORG),
    Route("GET", "audit.product", ADMINS, _PRODUCT),
    Route("GET", "audit.order", ADMINS, _ORDER),
    Route("GET", "audit.change", ADMINS, {"slug": "acme", "moment": "noted_at"}),
)


SAFE = tuple(route for route in ROUTES if route.method == "GET")
UNSAFE = tuple(route for route in ROUTES if route.method == "POST")


def in_app(app: Flask) -> set[tuple[str, str]]:
    """Return the method and endpoint of every route of the application."""
    return {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }


def visitor(name: str, world: World, client: Client, client_for: ClientFor, factories: Factories) -> Client:
    """Return a client of one of PEOPLE."""
    if name == "anonymous":
        return client
    if name == "ended":
        return ended(world, client_for, factories)
    outside: dict[str, Person] = {"stranger": world.stranger, "other": world.globex.owner, "removed": world.removed}
    return client_for(outside[name] if name in outside else getattr(world.acme, name))


def clients(world: World, client: Client, client_for: ClientFor, factories: Factories) -> Iterator[tuple[str, Client]]:
    """Yield everybody with a client of their own."""
    for name in PEOPLE:
        yield name, visitor(name, world, client, client_for, factories)


def ended(world: World, client_for: ClientFor, factories: Factories) -> Client:
    """Return a member's client whose session has been ended from elsewhere."""
    holder = client_for(world.acme.member)
    assert holder.token
    factories.end_sessions(world.acme.member)
    return holder
