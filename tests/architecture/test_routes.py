"""Each route declares who may use it; one that does not is refused to everybody."""

from __future__ import annotations

from flask import Flask

from tests.fixtures.application import Client, MakeApp
from webapp.web.access import Access


def declared(app: Flask) -> dict[str, Access | None]:
    """Return what each endpoint declares."""
    found = {name: getattr(view, "access", None) for name, view in app.view_functions.items()}
    return {name: access if isinstance(access, Access) else None for name, access in found.items()}


def undeclared(app: Flask) -> set[str]:
    """Return the endpoints whose view declares no access."""
    return {name for name, access in declared(app).items() if access is None}


def of_level(app: Flask, level: str) -> set[str]:
    """Return the endpoints that declare ``level``."""
    return {name for name, access in declared(app).items() if access is not None and access.level == level}


def test_every_route_declares_its_access(shared_app: Flask) -> None:
    assert undeclared(shared_app) == set()


def test_a_route_that_declares_nothing_is_noticed_and_refused(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/undeclared", "undeclared", lambda: "open to everybody")
    assert undeclared(app) == {"undeclared"}
    client = app.test_client()
    assert isinstance(client, Client)
    response = client.get("/undeclared")
    assert response.status_code == 403
    assert "open to everybody" not in response.get_data(as_text=True)


def test_routes_below_an_organisation_ask_for_membership(shared_app: Flask) -> None:
    below = {rule.endpoint for rule in shared_app.url_map.iter_rules() if "slug" in rule.arguments}
    assert below == of_level(shared_app, "member")


def test_what_is_public_is_known(shared_app: Flask) -> None:
    """A new public route is a decision, so it has to be written down here too."""
    assert of_level(shared_app, "public") == {
        "account.signin",
        "account.signin_submit",
        "account.signout",
        "account.signup",
        "account.signup_submit",
        "assets.file",
        "health.alive",
        "health.ready",
        "site.landing",
        "site.theme",
    }
