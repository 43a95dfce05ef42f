"""The access matrix: every route × everybody, exact status codes, all headers, and no word of another tenant."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import Factories
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.world import World
from tests.web import headers, routes
from tests.web.routes import PEOPLE, ROUTES, SAFE, UNSAFE, Route

INSIDERS = ("viewer", "member", "admin", "owner")


def told(response: TestResponse, name: str, world: World, path: str) -> list[str]:
    """Return what an answer tells of an organisation that its visitor is not in.

    The address names the product that was asked for, and a page may repeat it.
    """
    body = response.get_data(as_text=True)
    hidden = world.globex.secrets if name in INSIDERS else world.acme.secrets
    return [secret for secret in hidden if secret in body and secret not in path]


@pytest.mark.parametrize("name", PEOPLE)
def test_each_person_gets_exactly_their_status_for_what_changes_nothing(
    name: str, app: Flask, world: World, client: Client, client_for: ClientFor, factories: Factories
) -> None:
    visitor = routes.visitor(name, world, client, client_for, factories)
    found: dict[str, int] = {}
    for route in SAFE:
        path = route.path(app, world)
        response = route.send(visitor, path)
        found[str(route)] = response.status_code
        assert told(response, name, world, path) == [], route
        headers.complete(response)
    assert found == {str(route): route.expected[name] for route in SAFE}


@pytest.mark.parametrize("route", UNSAFE, ids=str)
def test_everybody_gets_exactly_their_status_for_what_changes_something(
    route: Route, app: Flask, world: World, client: Client, client_for: ClientFor, factories: Factories
) -> None:
    path = route.path(app, world)
    found: dict[str, int] = {}
    for name, visitor in routes.clients(world, client, client_for, factories):
        response = route.send(visitor, path)
        found[name] = response.status_code
        assert told(response, name, world, path) == [], name
        headers.complete(response)
    assert found == route.expected


def test_who_administers_the_platform_is_a_stranger_to_every_organisation(
    app: Flask, world: World, client_for: ClientFor
) -> None:
    visitor = client_for(world.platform_admin)
    for route in SAFE:
        path = route.path(app, world)
        response = route.send(visitor, path)
        assert response.status_code == route.expected["stranger"], route
        assert told(response, "stranger", world, path) == [], route


def test_every_route_has_its_place_in_the_matrix(app: Flask) -> None:
    assert routes.in_app(app) == {(route.method, route.endpoint) for route in ROUTES}
    assert len(PEOPLE) == 9


def test_a_signed_in_page_says_who_is_signed_in(client_for: ClientFor, world: World) -> None:
    """The matrix would be green with everybody as nobody: here somebody is somebody, and sees their rows."""
    member = client_for(world.acme.member)
    listed = member.get("/o/acme/products/").get_data(as_text=True)
    assert world.acme.member.email in listed
    assert all(item.name in listed for item in world.acme.products[:2])


def test_a_removed_member_sees_nothing_from_the_next_request_on(
    client_for: ClientFor, world: World, factories: Factories
) -> None:
    member = client_for(world.acme.member)
    assert member.get("/o/acme/products/").status_code == 200
    factories.remove(world.acme.org, world.acme.member)
    assert member.get("/o/acme/products/").status_code == 404
    assert world.acme.org.name not in member.get("/o").get_data(as_text=True)


def test_an_ended_session_shows_nothing_from_the_next_request_on(
    client_for: ClientFor, world: World, factories: Factories
) -> None:
    """The cookie and the token in it are as valid as ever: the database is asked."""
    member = client_for(world.acme.member)
    assert member.get("/o/acme/products/").status_code == 200
    factories.end_sessions(world.acme.member)
    response = member.get("/o/acme/products/")
    assert response.status_code == 303
    assert response.location.startswith("/signin")


def test_a_stolen_cookie_is_dead_after_its_owner_signs_out(app: Flask, client_for: ClientFor, world: World) -> None:
    member = client_for(world.acme.member)
    stolen = app.test_client()
    cookie = member.get_cookie("rowhouse")
    assert cookie is not None
    stolen.set_cookie("rowhouse", cookie.value)
    assert stolen.get("/o/acme/products/").status_code == 200
    assert member.submit("/signout").status_code == 303
    assert stolen.get("/o/acme/products/").status_code == 303
