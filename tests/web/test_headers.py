"""Every answer carries the security headers, whatever its route and status."""

from __future__ import annotations

import pytest
from flask import Flask, abort

from tests.fixtures.application import OURS, Client, ClientFor, MakeApp
from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.web.headers import complete
from tests.web.routes import ROUTES
from webapp import rls
from webapp.web import access


def test_a_method_that_no_route_takes_is_answered_with_all_headers(
    app: Flask, world: World, client: Client, client_for: ClientFor
) -> None:
    """What each route answers to everybody is looked at where the access matrix is."""
    for visitor in (client, client_for(world.acme.owner)):
        for route in ROUTES:
            path = route.path(app, world)
            refused = visitor.delete(path)
            assert refused.status_code == 405
            complete(refused)
            complete(visitor.options(path))


STATUSES = (400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 429, 500, 501, 502, 503)


@pytest.fixture(scope="module")
def faulty(make_app: MakeApp) -> Client:
    """Return a client of an application with a route for every kind of failure."""
    app = make_app()

    @access.public()
    def failing(status: int) -> str:
        if status == 599:
            raise ZeroDivisionError("a fault with a secret: hunter2")
        if status == 598:
            raise rls.errors.CommitUnknown("57P01")
        abort(status)

    app.add_url_rule("/failing/<int:status>", "failing", failing)
    client = app.test_client()
    assert isinstance(client, Client)
    return client


@pytest.mark.parametrize("status", STATUSES)
def test_every_error_answers_with_all_headers_and_a_page_of_ours(status: int, faulty: Client) -> None:
    response = faulty.get(f"/failing/{status}")
    assert response.status_code == status
    complete(response)
    assert "<main" in response.get_data(as_text=True)


def test_a_fault_is_a_page_that_says_nothing_of_it(faulty: Client) -> None:
    response = faulty.get("/failing/599")
    assert response.status_code == 500
    complete(response)
    body = response.get_data(as_text=True)
    assert "hunter2" not in body
    assert "ZeroDivisionError" not in body
    assert "Traceback" not in body
    assert response.headers["X-Request-Id"] in body


def test_a_commit_that_nobody_can_tell_of_says_so_and_asks_for_no_repetition(faulty: Client) -> None:
    response = faulty.get("/failing/598")
    assert response.status_code == 503
    assert "Retry-After" not in response.headers
    assert "tell whether" in response.get_data(as_text=True)
    complete(response)


def test_a_database_that_is_away_is_a_page_with_retry_after(make_app: MakeApp) -> None:
    client = make_app(
        database_url="postgresql://rowhouse_web:x@127.0.0.1:1/rowhouse", connect_timeout_s=1
    ).test_client()
    response = client.get("/health/ready")
    assert response.status_code == 503
    complete(response)
    response = client.get("/health")
    assert response.status_code == 200
    response = client.get("/")
    assert response.status_code == 503  # the logins were never checked, so nobody is served as them
    complete(response)


def test_a_request_for_another_host_is_refused_with_all_headers(client: Client) -> None:
    response = client.get("/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    complete(response)
    assert "evil.example" not in response.get_data(as_text=True)


def test_a_body_that_is_too_large_is_refused_early(client: Client) -> None:
    response = client.post("/signin", data={"email": "x" * 3_000_000}, headers=OURS)
    assert response.status_code == 413
    complete(response)


def test_behind_https_cookies_are_bound_to_the_host_and_hsts_is_sent(make_app: MakeApp, database: Database) -> None:
    client = make_app(public_url="https://work.example.com").test_client()
    response = client.get("/", base_url="https://work.example.com")
    complete(response)
    assert "max-age=63072000" in response.headers["Strict-Transport-Security"]
    cookies = response.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        name, *attributes = cookie.split("; ")
        assert name.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
        assert not any(attribute.startswith("Domain") for attribute in attributes)


def test_http_sends_no_hsts_on_loopback(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/").headers
