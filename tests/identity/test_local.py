"""Local accounts over a real Postgres: signing up and signing in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine

from tests.factories import PASSWORD, Factories
from tests.fixtures.database import Database
from tests.identity.conftest import HERE, alive, sessions
from webapp.identity.local import LocalProvider
from webapp.identity.provider import AccountExists, Visitor, WeakPassword, WrongCredentials
from webapp.identity.tokens import AccessTokens

NEW = "correct staple horse"


def test_sign_up_makes_the_rows_that_supabase_auth_would(database: Database, provider: LocalProvider) -> None:
    provider.sign_up(" Ada@Example.TEST ", NEW, HERE, full_name="Ada Example")
    assert database.sql(
        "select u.email, u.aud, u.role, u.raw_app_meta_data, u.email_confirmed_at is not null, i.provider,"
        " i.provider_id = u.id::text, i.identity_data ->> 'email', u.encrypted_password like '$2a$10$%', p.full_name"
        " from auth.users u join auth.identities i on i.user_id = u.id join public.profiles p on p.id = u.id"
    ) == [
        ("ada@example.test", "authenticated", "authenticated", {"provider": "email", "providers": ["email"]}, True,
         "email", True, "ada@example.test", True, "Ada Example"),
    ]  # fmt: skip


def test_sign_up_signs_in(database: Database, web: Engine, provider: LocalProvider, tokens: AccessTokens) -> None:
    held = provider.sign_up("ada@example.test", NEW, HERE)
    assert alive(web, tokens, held)
    assert tokens.verify(held.access).email == "ada@example.test"
    assert not tokens.verify(held.access).is_platform_admin


@pytest.mark.parametrize("email", ["ada@example.test", "ADA@example.test", " ada@example.test"])
def test_a_second_account_for_an_address_is_refused(database: Database, provider: LocalProvider, email: str) -> None:
    provider.sign_up("ada@example.test", NEW, HERE)
    with pytest.raises(AccountExists):
        provider.sign_up(email, "another " + NEW, HERE)
    assert sessions(database) == 1


def test_of_two_sign_ups_at_once_one_gets_the_account(database: Database, provider: LocalProvider) -> None:
    start = Barrier(4)

    def sign_up(_: int) -> str:
        start.wait()
        try:
            provider.sign_up("ada@example.test", NEW, HERE)
        except AccountExists:
            return "exists"
        return "made"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(sign_up, range(4))) == ["exists", "exists", "exists", "made"]
    assert database.sql("select count(*) from auth.users") == [(1,)]


def test_a_weak_password_makes_no_account(database: Database, provider: LocalProvider) -> None:
    with pytest.raises(WeakPassword) as caught:
        provider.sign_up("ada@example.test", "password1", HERE)
    assert len(caught.value.reasons) == 1
    assert database.sql("select count(*) from auth.users") == [(0,)]


def test_sign_in_takes_the_address_in_any_case(
    factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    ada = factories.person(email="ada@example.test", platform_admin=True)
    held = provider.sign_in("Ada@Example.test ", PASSWORD, HERE)
    claims = tokens.verify(held.access)
    assert claims.user_id == ada.id
    assert claims.session_id != ada.session_id
    assert claims.is_platform_admin
    assert alive(web, tokens, held)


def test_a_session_says_from_where_it_was_opened(
    database: Database, factories: Factories, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, Visitor.at("::ffff:192.0.2.9", "Agent\x00 7"))
    row = database.sql(
        "select host(ip), user_agent, aal::text from auth.sessions where id = %s",
        (tokens.verify(held.access).session_id,),
    )
    assert row == [("192.0.2.9", "Agent? 7", "aal1")]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.test", "wrong" + PASSWORD),
        ("ada@example.test", ""),
        ("ada@example.test", "x" * 100),
        ("nobody@example.test", PASSWORD),
        ("banned@example.test", PASSWORD),
        ("deleted@example.test", PASSWORD),
        ("unconfirmed@example.test", PASSWORD),
        ("single-sign-on@example.test", PASSWORD),
        ("no-password@example.test", ""),
        ("", ""),
        ("ada@example.test\0", PASSWORD),
        ("\ud800", "\ud800"),
        ("' or true --", "' or true --"),
        ("%", PASSWORD),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(
    database: Database, factories: Factories, provider: LocalProvider, email: str, password: str
) -> None:
    factories.person(email="ada@example.test")
    factories.person(email="banned@example.test", banned=True)
    for name, change in {
        "deleted": "deleted_at = now()",
        "unconfirmed": "email_confirmed_at = null",
        "single-sign-on": "is_sso_user = true",
        "no-password": "encrypted_password = null",
    }.items():
        person = factories.person(email=f"{name}@example.test")
        database.sql(f"update auth.users set {change} where id = %s", (person.id,))
    before = sessions(database)
    with pytest.raises(WrongCredentials) as caught:
        provider.sign_in(email, password, HERE)
    assert str(caught.value) == ""
    assert sessions(database) == before


def test_a_password_changed_while_it_was_checked_opens_nothing(
    database: Database, factories: Factories, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = factories.person(email="ada@example.test")

    def changed(password: str, stored: str | None) -> bool:
        database.sql("update auth.users set encrypted_password = 'other' where id = %s", (ada.id,))
        return True

    monkeypatch.setattr("webapp.identity.passwords.matches", changed)
    with pytest.raises(WrongCredentials):
        provider.sign_in("ada@example.test", PASSWORD, HERE)
