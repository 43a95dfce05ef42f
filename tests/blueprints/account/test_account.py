"""Signing up, in and out, through the pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, Factories, Person
from tests.fixtures.application import Client, ClientFor, MakeApp
from tests.fixtures.database import Database
from webapp.web.redirects import safe_next

NEW = "correct staple horse"


@pytest.fixture
def ada(factories: Factories) -> Person:
    return factories.person("Ada Example", email="ada@example.test")


def sessions(database: Database) -> int:
    return int(database.sql("select count(*) from auth.sessions where not_after is not null")[0][0])


def cookies(response: TestResponse) -> list[str]:
    return response.headers.getlist("Set-Cookie")


def test_after_sign_in_one_goes_to_ones_organisations(client: Client, ada: Person) -> None:
    response = client.sign_in(ada)
    assert (response.status_code, response.headers["Location"]) == (303, "/o/enter")
    assert client.get("/o").status_code == 200


def test_after_sign_in_one_goes_where_one_was_going(client: Client, ada: Person) -> None:
    form = client.page("/signin?next=/o/new%3Fa%3Db")
    assert "/o/new?a=b" in [field.get("value") for field in form.all("input") if field.get("name") == "next"]
    response = client.submit("/signin", {"email": ada.email, "password": PASSWORD, "next": "/o/new?a=b"})
    assert response.headers["Location"] == "/o/new?a=b"


ELSEWHERE = [
    "https://elsewhere.test/", "//elsewhere.test", "///elsewhere.test", "/\\elsewhere.test", "\\/elsewhere.test",
    "\\\\elsewhere.test", "/\t/elsewhere.test", "/\n/elsewhere.test", "\t//elsewhere.test", " //elsewhere.test",
    "/%0d%0a\r\nSet-Cookie: a=b", "javascript:alert(1)", "o/new", "", "/ok\\..\\", "/\x00", "/\u2028",
    "/" + "a" * 3_000,
]  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_next_leads_to_no_other_place(path: str) -> None:
    assert safe_next(path, "/o") == "/o"


@pytest.mark.parametrize("path", ["/", "/o", "/o/acme/products/?q=a%20b&page=2#row", "/o/acme//x"])
def test_next_leads_to_a_path_of_our_own(path: str) -> None:
    assert safe_next(path, "/elsewhere") == path


@pytest.mark.parametrize("path", ["//elsewhere.test", "/\\elsewhere.test", "https://elsewhere.test", "/\0"])
def test_the_page_heeds_that(client: Client, ada: Person, path: str) -> None:
    response = client.submit("/signin", {"email": ada.email, "password": PASSWORD, "next": path})
    assert response.headers["Location"] == "/o/enter"


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.test", "wrong" + PASSWORD), ("nobody@example.test", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_account_get_the_same_page(
    client: Client, ada: Person, email: str, password: str
) -> None:
    response = client.submit("/signin", {"email": email, "password": password})
    assert response.status_code == 422
    text = response.get_data(as_text=True)
    assert "No account has this e-mail address and password." in text
    assert f'value="{email}"' in text
    assert password not in text
    assert client.get("/o").status_code == 303


@pytest.mark.parametrize(
    "data",
    [{}, {"email": "ada@example.test"}, {"password": PASSWORD}, {"email": "no address", "password": PASSWORD},
     {"email": "a@b\x00", "password": "x"}, {"email": "a@" + "b" * 300, "password": "x"},
     {"email": "ada@example.test", "password": "x" * 2_000}],
)  # fmt: skip
def test_a_form_that_is_not_filled_in_comes_back(client: Client, data: dict[str, str]) -> None:
    assert client.submit("/signin", data).status_code == 422


def test_the_eleventh_attempt_is_told_to_wait(client: Client, ada: Person) -> None:
    statuses = [client.submit("/signin", {"email": ada.email, "password": "wrong"}).status_code for _ in range(10)]
    assert statuses == [422] * 10
    response = client.submit("/signin", {"email": ada.email, "password": PASSWORD})
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 900
    assert "There were too many attempts. Try again in" in response.get_data(as_text=True)


def test_the_session_is_a_new_one_after_sign_in(client: Client, ada: Person) -> None:
    client.get("/signin")
    before = client.token
    client.sign_in(ada)
    assert client.token != before
    stale = client.post("/signout", data={"csrf_token": before}, headers={"Origin": "http://localhost"})
    assert stale.status_code == 400
    assert client.get("/o").status_code == 200


def test_signing_in_again_ends_the_session_before(
    client: Client, ada: Person, factories: Factories, database: Database
) -> None:
    client.sign_in(ada)
    client.sign_in(factories.person(email="bob@example.test"))
    assert sessions(database) == 1


def test_a_remembered_session_has_a_cookie_that_lasts_and_another_has_not(client: Client, ada: Person) -> None:
    short = client.submit("/signin", {"email": ada.email, "password": PASSWORD})
    assert not any("Max-Age" in header for header in cookies(short))
    client._token = None
    lasting = client.submit("/signin", {"email": ada.email, "password": PASSWORD, "remember": "y"})
    assert any("Max-Age=2592000" in header for header in cookies(lasting))


def test_a_stolen_cookie_is_dead_from_the_moment_of_sign_out(client_for: ClientFor, ada: Person) -> None:
    mine, thief = client_for(ada), client_for(ada)
    kept = mine.get_cookie("rowhouse")
    assert kept is not None
    thief.set_cookie("rowhouse", kept.value)
    assert thief.get("/o").status_code == 200
    assert mine.submit("/signout").status_code == 303
    assert mine.get_cookie("rowhouse") is None or mine.get("/o").status_code == 303
    answer = thief.get("/o")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/signin")


def test_signing_out_of_a_dead_session_works(client_for: ClientFor, ada: Person, database: Database) -> None:
    client = client_for(ada)
    token = client.token
    database.sql("delete from auth.sessions")
    response = client.post("/signout", data={"csrf_token": token}, headers={"Origin": "http://localhost"})
    assert (response.status_code, response.headers["Location"]) == (303, "/")


def test_signing_out_needs_a_form_of_ours(client_for: ClientFor, ada: Person) -> None:
    client = client_for(ada)
    assert client.get("/signout").status_code == 405
    assert client.post("/signout").status_code == 400
    assert client.post("/signin", data={"email": ada.email, "password": PASSWORD}).status_code == 400
    assert client.get("/o").status_code == 200


def test_whoever_is_signed_in_needs_no_form(client_for: ClientFor, ada: Person) -> None:
    client = client_for(ada)
    assert client.get("/signin?next=/o/new").headers["Location"] == "/o/new"
    assert client.get("/signup").headers["Location"] == "/o/enter"


def test_a_new_account_is_signed_in_and_goes_on_to_its_first_organisation(client: Client, database: Database) -> None:
    response = client.submit("/signup", {"name": "Ada Example", "email": "Ada@Example.test", "password": NEW})
    assert (response.status_code, response.headers["Location"]) == (303, "/o/new")
    assert client.get("/o/new").status_code == 200
    assert database.sql("select email, full_name from public.profiles") == [("ada@example.test", "Ada Example")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"email": "ada@example.test"}, "has an account already"),
        ({"password": "password1"}, "Many people use this password"),
        ({"password": "short"}, "Use 8 characters or more"),
        ({"password": "x7" * 37}, "Use 72 bytes or fewer"),
        ({"password": "new@example.test"}, "is no secret"),
        ({"email": "new"}, "Write an address such as"),
        ({"name": "a\x07b"}, "control character"),
        ({"name": "x" * 121}, "Use 120 characters at most"),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_said_and_what_was_typed_is_kept(
    client: Client, ada: Person, changed: dict[str, str], said: str
) -> None:
    data = {"name": "New Person", "email": "new@example.test", "password": NEW} | changed
    response = client.submit("/signup", data)
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert said in text
    assert f'value="{data["email"]}"' in text
    assert f'value="{data["password"]}"' not in text or data["password"] == data["email"]


def test_sign_ups_from_one_address_are_limited(client: Client, database: Database) -> None:
    database.sql(
        "insert into rowhouse_auth.attempts values ('sign-up', sha256('127.0.0.1'), 20, now() + interval '5 minutes')"
    )
    response = client.submit("/signup", {"name": "", "email": "new@example.test", "password": NEW})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) in range(290, 301)


def test_an_hour_later_the_next_page_is_there_all_the_same(
    client_for: ClientFor, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.identity.tokens.LIFETIME", timedelta(seconds=-60))
    client = client_for(ada)
    monkeypatch.undo()
    before = client.get_cookie("rowhouse")
    assert client.get("/o").status_code == 200
    after = client.get_cookie("rowhouse")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert client.get("/o").status_code == 200


def test_the_session_opens_with_the_key_before_and_not_without_it(make_app: MakeApp, ada: Person) -> None:
    old, new = "the key before this one, which is long enough", "the key of today, which is long enough too"
    before = make_app(secret_key=old).test_client()
    assert isinstance(before, Client)
    before.sign_in(ada)
    kept = before.get_cookie("rowhouse")
    assert kept is not None
    for settings, status in (({"secret_key_previous": old}, 200), ({}, 303)):
        client = make_app(secret_key=new, **settings).test_client()
        client.set_cookie("rowhouse", kept.value)
        assert client.get("/o").status_code == status


def bearer(client: Client) -> dict[str, str]:
    """Return the header of a program that was given the access token of this client's session, and nothing else."""
    with client.session_transaction() as held:
        return {"Authorization": f"Bearer {held['access']}"}


def test_a_bearer_token_signs_out_of_the_session_that_it_names(client_for: ClientFor, ada: Person, app: Flask) -> None:
    mine, other = client_for(ada), client_for(ada)
    program = app.test_client(use_cookies=False)
    headers = bearer(mine)
    assert program.get("/o", headers=headers).status_code == 200
    response = program.post("/signout", headers=headers)
    assert (response.status_code, response.get_data(), cookies(response)) == (204, b"", [])
    assert program.get("/o", headers=headers).status_code == 401
    assert mine.get("/o").status_code == 303
    assert other.get("/o").status_code == 200
    assert program.post("/signout", headers=headers).status_code == 204


def test_a_bearer_token_beside_a_cookie_leaves_the_cookies_session_alone(
    client_for: ClientFor, ada: Person, factories: Factories
) -> None:
    bob = client_for(factories.person(email="bob@example.test"))
    headers = bearer(client_for(ada))
    response = bob.post("/signout", headers=headers)
    assert (response.status_code, cookies(response)) == (204, [])
    assert bob.get("/o").status_code == 200
    assert bob.get("/o", headers=headers).status_code == 401


def test_a_bad_bearer_token_signs_nobody_out(client_for: ClientFor, ada: Person, database: Database) -> None:
    client = client_for(ada)
    for token in ("", "x", bearer(client)["Authorization"][7:] + "x"):
        assert client.post("/signout", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert sessions(database) == 1
    assert client.get("/o").status_code == 200


def test_a_form_asks_no_program_with_a_bearer_token_for_a_csrf_token(
    client_for: ClientFor, ada: Person, app: Flask, database: Database
) -> None:
    program, headers = app.test_client(use_cookies=False), bearer(client_for(ada))
    made = program.post("/o", data={"name": "By a program", "slug": "by-a-program"}, headers=headers)
    assert made.status_code == 303, made.get_data(as_text=True)
    assert database.sql("select slug from public.organizations") == [("by-a-program",)]
    signed_in = program.post("/signin", data={"email": ada.email, "password": PASSWORD}, headers=headers)
    assert signed_in.status_code == 303


def test_an_access_token_of_the_secret_before_is_still_good(make_app: MakeApp, ada: Person) -> None:
    old, new = "the token secret before this one, long enough", "the token secret of today, which is long too"
    before = make_app(jwt_secret=old).test_client()
    assert isinstance(before, Client)
    before.sign_in(ada)
    headers = bearer(before)
    for settings, status in (({"jwt_secret_previous": old}, 200), ({}, 401)):
        program = make_app(jwt_secret=new, **settings).test_client(use_cookies=False)
        assert program.get("/o", headers=headers).status_code == status


def test_who_lost_the_answer_to_a_refresh_stays_signed_in(
    client_for: ClientFor, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.identity.tokens.LIFETIME", timedelta(seconds=-60))
    client = client_for(ada)
    monkeypatch.undo()
    before = client.get_cookie("rowhouse")
    assert before is not None
    for _ in range(3):
        client.set_cookie("rowhouse", before.value)
        assert client.get("/o").status_code == 200
