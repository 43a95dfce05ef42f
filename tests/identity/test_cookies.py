"""The session's cookies: nobody reads them, nobody alters them, and what does not open is an empty session."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from webapp.identity.cookies import LARGEST, MAX_AGE, CookieSessions, CookieTooLarge, Seal

SECRET = "a-secret-of-the-test-suite-with-more-than-32-bytes"
OTHER = "another-secret-of-the-suite-with-more-than-32-bytes"

# Text that compresses badly, and is the same in each run.
NOISE = "".join(base64.b85encode(hashlib.sha256(bytes([n])).digest()).decode() for n in range(150))


def application(secret: str = SECRET, previous: tuple[str, ...] = (), *, secure: bool = True) -> Flask:
    app = Flask(__name__)
    app.testing = True
    app.session_interface = CookieSessions(secret, previous, secure=secure)
    steps: dict[str, Callable[[], object]] = {
        "sign-in": lambda: session.update(access="access.token", refresh="refresh", csrf_token="c"),
        "remember": lambda: session.update(_permanent=True, access="access.token"),
        "toast": lambda: session.__setitem__("toasts", [*session.get("toasts", []), {"message": "Archived."}]),
        "append": lambda: session["toasts"].append({"message": "More."}),
        "many-toasts": lambda: session.__setitem__("toasts", [{"message": NOISE}]),
        "take": lambda: session.pop("toasts", None),
        "large": lambda: session.__setitem__("access", NOISE),
        "repetitive": lambda: session.__setitem__("access", "claim" * 1_000),
        "sign-out": lambda: session.clear(),
        "look": lambda: session.get("access"),
        "nothing": lambda: None,
    }

    @app.get("/<step>")
    def act(step: str) -> dict[str, Any]:
        steps[step]()
        return dict(session) if step != "nothing" else {}

    return app


def cookie(client: FlaskClient, name: str = "__Host-rowhouse") -> str | None:
    found = client.get_cookie(name)
    return found.value if found is not None else None


@pytest.fixture
def https() -> FlaskClient:
    app = application()
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    return client


def test_a_session_comes_back_as_it_was(https: FlaskClient) -> None:
    https.get("/sign-in")
    assert https.get("/look").json == {"access": "access.token", "refresh": "refresh", "csrf_token": "c"}


def test_the_cookie_has_every_attribute_that_protects_it(https: FlaskClient) -> None:
    header = https.get("/sign-in").headers["Set-Cookie"]
    assert header.startswith("__Host-rowhouse=")
    assert {part.strip() for part in header.split(";")[1:]} == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


def test_over_http_on_loopback_the_cookie_does_without_prefix_and_secure() -> None:
    header = application(secure=False).test_client().get("/sign-in").headers["Set-Cookie"]
    assert header.startswith("rowhouse=")
    assert "Secure" not in header


def test_a_remembered_session_outlives_the_browser(https: FlaskClient) -> None:
    assert f"Max-Age={int(MAX_AGE.total_seconds())}" in https.get("/remember").headers["Set-Cookie"]


def test_nothing_of_the_session_can_be_read(https: FlaskClient) -> None:
    https.get("/sign-in")
    sealed = cookie(https)
    assert sealed is not None
    decoded = base64.urlsafe_b64decode(sealed)
    assert b"access" not in decoded
    assert b"refresh" not in decoded


def test_no_altered_byte_is_let_through(https: FlaskClient) -> None:
    https.get("/sign-in")
    sealed = base64.urlsafe_b64decode(cookie(https) or "")
    for place in range(len(sealed)):
        altered = bytes((*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]))
        opened = Seal(SECRET).open(base64.urlsafe_b64encode(altered).decode(), "__Host-rowhouse")
        assert opened is None, place


@pytest.mark.parametrize("value", ["", "x", "gAAAAA", "é", "\x7f", "=" * 50, "A" * 5_000, "null", "{access:x}"])
def test_a_cookie_that_is_none_of_ours_is_an_empty_session_and_is_taken_away(value: str) -> None:
    client = application().test_client(use_cookies=False)
    response = client.get("/look", headers={"Cookie": f"__Host-rowhouse={value}"})
    assert response.status_code == 200
    assert response.json == {}
    assert "Max-Age=0" in response.headers["Set-Cookie"]


@given(st.text(max_size=200))
def test_no_text_makes_opening_fail(text: str) -> None:
    assert Seal(SECRET).open(text, "__Host-rowhouse") is None


def test_a_cookie_older_than_a_month_opens_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = Seal(SECRET).close("{}", "a")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + MAX_AGE.total_seconds() - 5)
    assert Seal(SECRET).open(sealed, "a") == "{}"
    monkeypatch.setattr(time, "time", lambda: now + MAX_AGE.total_seconds() + 5)
    assert Seal(SECRET).open(sealed, "a") is None


def test_a_cookie_under_the_name_of_the_other_opens_to_nothing() -> None:
    seal = Seal(SECRET)
    assert seal.open(seal.close("{}", "__Host-rowhouse-page"), "__Host-rowhouse") is None


def test_a_cookie_of_the_previous_key_is_still_read_and_one_of_a_stranger_is_not() -> None:
    sealed = Seal(OTHER).close("{}", "a")
    assert Seal(SECRET, (OTHER,)).open(sealed, "a") == "{}"
    assert Seal(SECRET).open(sealed, "a") is None


def test_a_toast_is_sent_without_the_tokens(https: FlaskClient) -> None:
    https.get("/sign-in")
    before = cookie(https)
    response = https.get("/toast")
    assert [header.partition("=")[0] for header in response.headers.getlist("Set-Cookie")] == ["__Host-rowhouse-page"]
    assert cookie(https) == before
    assert (https.get("/look").json or {})["toasts"] == [{"message": "Archived."}]


def test_a_slow_answer_with_a_toast_does_not_bring_back_the_tokens_of_before(https: FlaskClient) -> None:
    """Two tabs: one answers late with a toast, after the other has refreshed."""
    https.get("/sign-in")
    old = cookie(https)
    slow = https.get("/toast")
    https.get("/remember")
    assert cookie(https) != old
    for header in slow.headers.getlist("Set-Cookie"):
        https.set_cookie(*header.split(";")[0].split("=", 1))
    assert cookie(https) != old


def test_a_toast_that_is_changed_in_place_is_sent_too(https: FlaskClient) -> None:
    https.get("/toast")
    https.get("/append")
    assert len((https.get("/look").json or {})["toasts"]) == 2


def test_what_was_not_changed_is_not_sent_again(https: FlaskClient) -> None:
    https.get("/remember")
    https.get("/toast")
    assert "Set-Cookie" not in https.get("/look").headers
    assert "Set-Cookie" not in https.get("/nothing").headers


def test_an_answer_that_read_the_session_varies_by_cookie(https: FlaskClient) -> None:
    assert "Cookie" in https.get("/look").headers["Vary"]
    assert "Vary" not in https.get("/nothing").headers


def test_sign_out_takes_both_cookies_away_with_the_attributes_they_were_set_with(https: FlaskClient) -> None:
    https.get("/sign-in")
    https.get("/toast")
    headers = https.get("/sign-out").headers.getlist("Set-Cookie")
    assert len(headers) == 2
    assert all("Max-Age=0" in header and "Secure" in header and "Path=/" in header for header in headers)
    assert cookie(https) is None


def test_what_would_not_fit_is_compressed(https: FlaskClient) -> None:
    https.get("/repetitive")
    assert len(cookie(https) or "") < LARGEST
    assert (https.get("/look").json or {})["access"] == "claim" * 1_000


def test_toasts_that_do_not_fit_are_dropped_and_the_session_is_kept() -> None:
    client = application().test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    client.get("/sign-in")
    client.get("/many-toasts")
    assert len(cookie(client, "__Host-rowhouse-page") or "") <= LARGEST
    assert (client.get("/look").json or {})["access"] == "access.token"


def test_a_session_that_outgrows_its_cookie_fails_loudly(https: FlaskClient) -> None:
    with pytest.raises(CookieTooLarge):
        https.get("/large")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal("short")
