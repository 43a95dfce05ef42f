"""Nobody can be made to do what they did not mean to, and looking changes nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from tests.fixtures.application import OURS, Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.web.routes import ROUTES, SAFE, UNSAFE, Route

TOKEN = "the victim's own token"
STRANGERS = "another session's token"

ATTACKS: dict[str, tuple[str | None, dict[str, str]]] = {
    "no token": (None, OURS),
    "no token and nothing said of where it comes from": (None, {}),
    "an empty token": ("", OURS),
    "a made-up token": ("IjEyMyI.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb", OURS),
    "another session's token": (STRANGERS, OURS),
    "from another site": (TOKEN, OURS | {"Sec-Fetch-Site": "cross-site"}),
    "from a sister site": (TOKEN, OURS | {"Sec-Fetch-Site": "same-site"}),
    "from another origin": (TOKEN, {"Origin": "https://evil.example"}),
    "from an origin that begins like ours": (TOKEN, {"Origin": "http://localhost.evil.example"}),
    "from another port": (TOKEN, {"Origin": "http://localhost:8080"}),
    "from an opaque origin": (TOKEN, {"Origin": "null"}),
}


def fields(route: Route, world: World) -> dict[str, str]:
    """Return a form that would do something if it were accepted."""
    owner = world.acme.owner
    return {
        "email": owner.email, "password": owner.password, "name": "Forged", "slug": "forged", "currency": "EUR",
        "sku": "FORGED", "price": "1", "stock": "1", "theme": "dark", **route.data,
    }  # fmt: skip


@pytest.mark.parametrize("route", UNSAFE, ids=str)
def test_a_forged_request_is_refused_and_changes_nothing(
    route: Route, app: Flask, world: World, client: Client, client_for: ClientFor, database: Database
) -> None:
    strangers, path = client_for(world.stranger).token, route.path(app, world)
    for visitor in (client, client_for(world.acme.owner)):
        own, before = visitor.token, database.snapshot()
        for attack, (token, headers) in ATTACKS.items():
            data: dict[str, Any] = fields(route, world)
            if token is not None:
                data["csrf_token"] = {TOKEN: own, STRANGERS: strangers}.get(token, token)
            assert visitor.post(path, data=data, headers=headers).status_code == 400, attack
        answer = visitor.post(path, query_string={"csrf_token": own}, data=fields(route, world), headers=OURS)
        assert answer.status_code == 400, "the token in the address"
        assert database.snapshot() == before


def test_the_same_requests_are_accepted_when_they_are_meant(
    world: World, client_for: ClientFor, database: Database
) -> None:
    """Everything above would be green if nothing were ever accepted."""
    visitor = client_for(world.acme.owner)
    path = f"/o/acme/products/{world.acme.products[0].id}/archive"
    assert visitor.submit(path).status_code == 303
    assert database.sql("select is_active from products where id = %s", (world.acme.products[0].id,)) == [(False,)]
    header = visitor.post(
        path.replace("archive", "restore"), headers=OURS | {"X-CSRFToken": visitor.token, "HX-Request": "true"}
    )
    assert header.status_code == 303
    assert database.sql("select is_active from products where id = %s", (world.acme.products[0].id,)) == [(True,)]


def test_no_get_changes_anything(app: Flask, world: World, client_for: ClientFor, database: Database) -> None:
    owner = client_for(world.acme.owner)
    before = database.snapshot()
    for route in SAFE:
        if route.is_inspectors:
            continue  # 404 here; each look leaves an entry in the log
        path = route.path(app, world)
        for response in (owner.get(path), owner.head(path), owner.options(path)):
            assert response.status_code < 400, str(route)
    assert database.snapshot() == before


def test_every_transaction_of_a_get_is_read_only(
    app: Flask, world: World, client_for: ClientFor, database: Database
) -> None:
    """By the server's own log, so that a door past the request's Session is seen too."""
    owner = client_for(world.acme.owner)
    database.admin_sql(f"alter database {database.name} set log_statement = 'all'")
    database.bouncer.restart()  # a new setting is for new connections
    try:
        mark = database.postgres.log.mark()
        for route in SAFE:
            owner.get(route.path(app, world))
        log = database.postgres.log.since(mark)
    finally:
        database.admin_sql(f"alter database {database.name} reset log_statement")
        database.bouncer.restart()
    begins = re.findall(r"rowhouse_web@.*execute <unnamed>: (BEGIN.*)", log)
    assert len(begins) >= 10
    assert [line for line in begins if not line.endswith("READ ONLY")] == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_no_other_method_is_taken(method: str, app: Flask, world: World, client_for: ClientFor) -> None:
    owner = client_for(world.acme.owner)
    for route in ROUTES:
        assert owner.open(route.path(app, world), method=method).status_code == 405, str(route)


def test_a_method_cannot_be_smuggled_in(client_for: ClientFor, world: World, database: Database) -> None:
    owner = client_for(world.acme.owner)
    path = f"/o/acme/products/{world.acme.products[0].id}/archive"
    before = database.snapshot()
    for query, headers in (("?_method=POST", {}), ("", {"X-HTTP-Method-Override": "POST"})):
        assert owner.get(path + query, headers=headers).status_code == 405
    assert database.snapshot() == before
