"""The first step of a request: a Bearer token decides alone, a cookie is refreshed, nobody is somebody by mistake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, g
from flask_login import LoginManager, current_user
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from webapp.identity.identify import Identified, drop_tokens, held_tokens, hold_tokens, identify
from webapp.identity.provider import Account, SessionEnded, Tokens, Visitor
from webapp.identity.tokens import AccessTokens, Claims
from webapp.identity.user import install
from webapp.rls import Identity, errors

ADA = Account(UUID(int=1), UUID(int=2), "ada@example.test", {})
BOB = Account(UUID(int=3), UUID(int=4), "bob@example.test", {})


class Provider:
    """Answer a refresh with what it was given, and count."""

    def __init__(self, answer: Tokens | Exception) -> None:
        self.answer = answer
        self.refreshed: list[str] = []

    def refresh(self, refresh: str) -> Tokens:
        self.refreshed.append(refresh)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def sign_up(self, email: str, password: str, visitor: Visitor, *, full_name: str = "") -> Tokens:
        raise NotImplementedError

    def sign_in(self, email: str, password: str, visitor: Visitor, *, remember: bool = False) -> Tokens:
        raise NotImplementedError

    def sign_out(self, tokens: Tokens) -> None:
        raise NotImplementedError

    def end_session(self, claims: Claims) -> None:
        raise NotImplementedError


NEVER = Provider(AssertionError("nothing was to be refreshed"))


def pair(
    tokens: AccessTokens, account: Account = ADA, *, age: timedelta = timedelta(0), refresh: str = "first"
) -> Tokens:
    access, expires_at = tokens.issue(account, now=datetime.now(UTC) - age)
    return Tokens(access, refresh, expires_at)


def request(authorization: str | None = None) -> Request:
    headers = [("Authorization", authorization)] if authorization is not None else []
    return Request(EnvironBuilder(headers=headers).get_environ())


def test_without_token_and_cookie_a_request_is_anonymous(tokens: AccessTokens) -> None:
    assert identify(request(), {}, NEVER, tokens) == Identified(Identity.anonymous())


def test_a_good_cookie_is_its_person_and_is_not_refreshed(tokens: AccessTokens) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens))
    who = identify(request(), session, NEVER, tokens)
    assert (who.identity.user_id, who.source) == (ADA.user_id, "cookie")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer "])
def test_a_bearer_token_is_its_person_whatever_the_cookie_says(tokens: AccessTokens, scheme: str) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens, BOB))
    who = identify(request(f"{scheme} {pair(tokens).access}"), session, NEVER, tokens)
    assert (who.identity.user_id, who.source) == (ADA.user_id, "bearer")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "bearer\tx",
        "Bearer a, Bearer b",
        "Bearer  ",
        "Bearer=x",
        "Bearer null",
        "Bearer é",
    ],
)
def test_a_bad_bearer_token_is_refused_and_the_cookie_is_not_asked(tokens: AccessTokens, header: str) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens))
    who = identify(request(header), session, NEVER, tokens)
    assert who.identity == Identity.anonymous()
    assert who.claims is None
    assert who.refused
    assert who.source == "bearer"


def test_two_bearer_tokens_are_none(tokens: AccessTokens) -> None:
    header = f"Bearer {pair(tokens).access}, Bearer {pair(tokens, BOB).access}"
    assert identify(request(header), {}, NEVER, tokens).refused


def test_an_expired_bearer_token_is_not_refreshed(tokens: AccessTokens) -> None:
    old = pair(tokens, age=timedelta(hours=2))
    assert identify(request(f"Bearer {old.access}"), {}, NEVER, tokens).refused


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Digest x", "Bearers x", ""])
def test_the_credentials_of_a_proxy_in_front_are_passed_over(tokens: AccessTokens, header: str) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens))
    assert identify(request(header), session, NEVER, tokens).identity.user_id == ADA.user_id


def test_an_expired_access_token_in_the_cookie_is_exchanged(tokens: AccessTokens) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens, age=timedelta(hours=2)))
    provider = Provider(pair(tokens, refresh="second"))
    who = identify(request(), session, provider, tokens)
    assert provider.refreshed == ["first"]
    assert (who.identity.user_id, who.source) == (ADA.user_id, "cookie")
    held = held_tokens(session)
    assert held is not None
    assert held.refresh == "second"


def test_a_token_of_a_replaced_signing_secret_is_exchanged_too(tokens: AccessTokens) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(AccessTokens("x" * 32, "https://rowhouse.test/auth/v1")))
    provider = Provider(pair(tokens, refresh="second"))
    assert identify(request(), session, provider, tokens).identity.user_id == ADA.user_id


def test_a_session_that_has_ended_leaves_an_anonymous_visitor_and_the_toasts(tokens: AccessTokens) -> None:
    session: dict[str, Any] = {"toasts": ["Archived."], "_permanent": True}
    hold_tokens(session, pair(tokens, age=timedelta(hours=2)))
    who = identify(request(), session, Provider(SessionEnded()), tokens)
    assert who == Identified(Identity.anonymous(), ended=True)
    assert session == {"toasts": ["Archived."]}


def test_nobody_is_signed_out_because_the_database_is_away(tokens: AccessTokens) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens, age=timedelta(hours=2)))
    before = dict(session)
    with pytest.raises(errors.Unavailable):
        identify(request(), session, Provider(errors.Unavailable()), tokens)
    assert session == before


@pytest.mark.parametrize("broken", [{"access": 1}, {"refresh": None}, {"expires": "soon"}])
def test_a_session_without_all_three_is_no_session(tokens: AccessTokens, broken: dict[str, Any]) -> None:
    session: dict[str, Any] = {}
    hold_tokens(session, pair(tokens))
    session.update(broken)
    assert identify(request(), session, NEVER, tokens).identity == Identity.anonymous()


def test_tokens_go_into_the_session_and_out_of_it_whole(tokens: AccessTokens) -> None:
    session: dict[str, Any] = {"csrf_token": "c"}
    held = pair(tokens)
    hold_tokens(session, held)
    assert held_tokens(session) == held
    drop_tokens(session)
    assert held_tokens(session) is None
    assert session == {"csrf_token": "c"}


def test_flask_login_knows_the_person_and_nothing_that_others_send(tokens: AccessTokens) -> None:
    app = Flask(__name__)
    app.secret_key = "a-secret-of-the-test-suite-with-more-than-32-bytes"
    manager = LoginManager(app)
    install(manager, app, lambda: g.get("identified"))
    person = identify(request(f"Bearer {pair(tokens).access}"), {}, NEVER, tokens)
    with app.test_request_context(headers={"Cookie": "remember_token=3|x"}):
        g.identified = person
        assert current_user.is_authenticated
        assert current_user.identity == person.identity
        assert (current_user.get_id(), current_user.email) == (str(ADA.user_id), "ada@example.test")
    with app.test_request_context(headers={"Cookie": "remember_token=3|x"}):
        g.identified = Identified(Identity.anonymous())
        assert current_user.is_anonymous
        assert current_user.identity == Identity.anonymous()
    with app.test_request_context():
        assert current_user.is_anonymous
