"""The first page, and the choice between light and dark."""

from __future__ import annotations

import pytest

from tests.fixtures.application import Client, ClientFor, MakeApp
from tests.fixtures.world import World
from webapp.ops import demo


def test_the_first_page_offers_to_sign_up_and_in(client: Client) -> None:
    links = [link.get("href") for link in client.page("/").all("a")]
    assert "/signin" in links
    assert "/signup" in links


def test_the_first_page_opens_no_connection(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr("webapp.rls.engine.GuardedConnection.connect", refuse)
    assert client.get("/").status_code == 200


def test_without_demonstration_no_door_stands_open(client: Client) -> None:
    assert demo.PASSWORD not in client.get("/").text


def test_with_demonstration_there_is_a_door_for_each_account(make_app: MakeApp) -> None:
    text = make_app(rowhouse_demo=True).test_client().get("/").text
    for account in demo.ACCOUNTS:
        assert account.email in text
        assert account.name in text


def test_who_is_signed_in_is_led_to_their_workspace(client_for: ClientFor, world: World) -> None:
    links = [link.get("href") for link in client_for(world.acme.member).page("/").all("a")]
    assert "/o/enter" in links


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_remembered_in_the_page_itself(client: Client, theme: str) -> None:
    response = client.submit("/theme", {"theme": theme, "next": "/signin"})
    assert (response.status_code, response.headers["Location"]) == (303, "/signin")
    assert f'data-theme="{theme}"' in client.get("/signin").text


def test_the_systems_theme_forgets_the_choice(client: Client) -> None:
    client.submit("/theme", {"theme": "dark", "next": "/"})
    client.submit("/theme", {"theme": "system", "next": "/"})
    assert '<html lang="en" data-dates="en-GB">' in client.get("/").text


def test_the_theme_leads_to_no_other_site(client: Client) -> None:
    assert client.submit("/theme", {"theme": "dark", "next": "//elsewhere.test"}).headers["Location"] == "/"
