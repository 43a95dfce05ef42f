"""A form that came too late is not accepted, and nothing that was typed into it is lost, nor told to anybody else."""

from __future__ import annotations

import pytest

from tests.fixtures.application import OURS, Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World

FORM = "/o/acme/products/new"
TO = "/o/acme/products/"
REFERRER = {"Referer": f"http://localhost{FORM}"}
WRITTEN = {
    "name": "Padlock 50 mm",
    "description": "Brass, hardened shackle.\nTwo keys & a <spare>.",
    "price": "12,80",
    "stock": "",
    "is_active": "y",
    "id": "019a0000-0000-7000-8000-000000000001",
    "seen": "what-was-seen",
    "made_up": "by nobody of ours",
}
KEPT = {
    "Name": "Padlock 50 mm",
    "Description": "Brass, hardened shackle.\nTwo keys & a <spare>.",
    "Price": "12,80",
    "On sale": "Yes",
}


def kept(page: Page) -> dict[str, str]:
    """Return what the page gives back, by its labels."""
    found = next((each for each in page.all("section") if each.get("aria-labelledby") == "kept"), None)
    if found is None:
        return {}
    return {page.text(dt): "".join(dd.itertext()) for dt, dd in zip(found.iter("dt"), found.iter("dd"), strict=True)}


def way_out(page: Page) -> tuple[str, str | None]:
    """Return the first way out of an error page: what it says and where it leads."""
    actions = next(each for each in page.first("main").iter("div") if each.get("class") == "actions")
    first = next(actions.iter("a"))
    return page.text(first), first.get("href")


def signed_out_elsewhere(client: Client) -> str:
    """Sign out in another tab, and return the token of the form that is still open in the first."""
    token = client.page(FORM).token()
    assert token
    client.submit("/signout")
    return token


def test_a_form_sent_after_signing_out_in_another_tab_gives_back_what_was_typed(
    client_for: ClientFor, world: World, database: Database
) -> None:
    client = client_for(world.acme.member)
    token = signed_out_elsewhere(client)
    before = database.snapshot()
    response = client.post(TO, data=WRITTEN | {"csrf_token": token}, headers=OURS | REFERRER)
    assert response.status_code == 400
    assert database.snapshot() == before
    page = parse(response.get_data(as_text=True))
    assert kept(page) == KEPT
    assert list(kept(page)) == list(KEPT)
    assert way_out(page) == ("Sign in", f"/signin?next={FORM}")
    for secret in (WRITTEN["id"], WRITTEN["seen"], WRITTEN["made_up"], token):
        assert secret not in response.get_data(as_text=True)


def test_signing_in_from_there_leads_back_to_the_form(client_for: ClientFor, world: World) -> None:
    client = client_for(world.acme.member)
    token = signed_out_elsewhere(client)
    late = client.post(TO, data=WRITTEN | {"csrf_token": token}, headers=OURS | REFERRER)
    _, address = way_out(parse(late.get_data(as_text=True)))
    page = client.page(str(address))
    going = {str(field.get("name")): str(field.get("value")) for field in page.all("input") if field.get("value")}
    person = world.acme.member
    entered = client.post("/signin", data=going | {"email": person.email, "password": person.password}, headers=OURS)
    assert (entered.status_code, entered.location) == (303, FORM)


def test_a_session_that_ended_elsewhere_loses_nothing_either(
    client_for: ClientFor, world: World, database: Database
) -> None:
    """The token is good and the session is not: the database says so."""
    client = client_for(world.acme.member)
    assert client.token
    database.sql("delete from auth.sessions")
    response = client.submit(TO, WRITTEN, headers=REFERRER)
    page = parse(response.get_data(as_text=True))
    assert (response.status_code, kept(page)) == (403, KEPT)
    assert way_out(page) == ("Sign in", f"/signin?next={FORM}")
    client = client_for(world.acme.admin)
    assert client.token
    database.sql("delete from auth.sessions")
    nothing = client.submit(TO, headers=REFERRER)
    assert (nothing.status_code, nothing.location) == (303, f"/signin?next={FORM}")


def test_a_form_of_another_session_is_opened_again_by_whoever_is_signed_in(client_for: ClientFor, world: World) -> None:
    client = client_for(world.acme.member)
    response = client.post(TO, data=WRITTEN | {"csrf_token": "stale"}, headers=OURS | REFERRER)
    page = parse(response.get_data(as_text=True))
    assert (response.status_code, kept(page), way_out(page)) == (400, KEPT, ("Open the form again", FORM))


@pytest.mark.parametrize("address", ["/signin", "/signup"])
def test_a_password_is_not_given_back(address: str, client: Client, world: World) -> None:
    owner = world.acme.owner
    data = {"name": "Ada", "email": owner.email, "password": owner.password, "csrf_token": "stale"}
    response = client.post(address, data=data, headers=OURS | {"Referer": f"http://localhost{address}"})
    page = parse(response.get_data(as_text=True))
    assert response.status_code == 400
    assert kept(page)["E-mail"] == owner.email
    assert owner.password not in response.get_data(as_text=True)
    assert way_out(page) == ("Open the form again", address)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_what_another_site_sends_is_not_shown_under_our_name(
    headers: dict[str, str], client: Client, client_for: ClientFor, world: World
) -> None:
    for visitor in (client, client_for(world.acme.member)):
        response = visitor.post(TO, data=WRITTEN, headers=headers | {"Referer": "https://evil.example/o/acme/"})
        assert response.status_code == 400
        assert WRITTEN["name"] not in response.get_data(as_text=True)
        assert kept(parse(response.get_data(as_text=True))) == {}


@pytest.mark.parametrize(
    "referrer", ["", "http://localhost//evil.example/x", "http://localhost/nowhere", "http://localhost/signout", "%%%"]
)
def test_a_page_that_is_none_of_ours_is_not_led_to(referrer: str, client: Client) -> None:
    response = client.post(TO, data=WRITTEN, headers=OURS | {"Referer": referrer})
    assert way_out(parse(response.get_data(as_text=True))) == ("Sign in", "/signin")


def test_a_part_of_a_page_is_answered_with_the_whole_of_one(client_for: ClientFor, world: World) -> None:
    client = client_for(world.acme.member)
    headers = OURS | REFERRER | {"HX-Request": "true", "HX-Target": "div#product-list"}
    response = client.post(TO, data=WRITTEN, headers=headers)
    assert (response.status_code, response.headers["HX-Retarget"]) == (400, "body")


def test_a_signed_out_part_of_a_page_leads_to_the_sign_in(
    client_for: ClientFor, world: World, database: Database
) -> None:
    client = client_for(world.acme.member)
    assert client.token
    database.sql("delete from auth.sessions")
    response = client.submit(TO, WRITTEN, headers=REFERRER | {"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, f"/signin?next={FORM}")
