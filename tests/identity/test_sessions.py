"""Sessions over a real Postgres: what a refresh token may do, and how a session ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine

from tests.factories import PASSWORD, Factories
from tests.fixtures.database import Database
from tests.identity.conftest import HERE, Providers, alive, sessions
from webapp.identity.local import Lifetimes, LocalProvider, _stored
from webapp.identity.provider import SessionEnded, Tokens
from webapp.identity.tokens import AccessTokens


def live_tokens(database: Database) -> int:
    return int(database.sql("select count(*) from auth.refresh_tokens where not revoked")[0][0])


def test_no_token_is_stored_as_it_is(database: Database, factories: Factories, provider: LocalProvider) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    second = provider.refresh(held.refresh)
    stored = {row[0] for row in database.sql("select token from auth.refresh_tokens")}
    assert stored == {_stored(held.refresh), _stored(second.refresh)}
    assert held.refresh not in repr(held)


def test_a_refresh_gives_the_next_pair_in_the_same_session(
    database: Database, factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    first = provider.sign_in("ada@example.test", PASSWORD, HERE)
    second = provider.refresh(first.refresh)
    third = provider.refresh(second.refresh)
    assert len({first.refresh, second.refresh, third.refresh}) == 3
    assert tokens.verify(third.access).session_id == tokens.verify(first.access).session_id
    assert live_tokens(database) == 1
    assert alive(web, tokens, third)


def test_a_refresh_brings_what_has_changed_of_the_account(
    database: Database, factories: Factories, provider: LocalProvider, tokens: AccessTokens
) -> None:
    ada = factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    database.sql(
        "update auth.users set email = 'new@example.test', raw_app_meta_data = '{\"rowhouse_admin\": true}'"
        " where id = %s",
        (ada.id,),
    )
    claims = tokens.verify(provider.refresh(held.refresh).access)
    assert (claims.email, claims.is_platform_admin) == ("new@example.test", True)


def test_eight_tabs_that_refresh_at_the_same_moment_all_stay_signed_in(
    database: Database, factories: Factories, web: Engine, make: Providers, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = make().sign_in("ada@example.test", PASSWORD, HERE)
    start = Barrier(8)

    def tab(_: int) -> Tokens:
        worker = make()
        start.wait()
        return worker.refresh(held.refresh)

    with ThreadPoolExecutor(8) as pool:
        renewed = list(pool.map(tab, range(8)))
    assert len({pair.refresh for pair in renewed}) == 1
    assert live_tokens(database) == 1
    assert all(alive(web, tokens, pair) for pair in renewed)
    make().refresh(renewed[0].refresh)


def test_whoever_lost_the_answer_to_a_refresh_is_given_the_same_token_days_later(
    database: Database, factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE, remember=True)
    lost = provider.refresh(held.refresh)
    database.admin_sql(
        "update auth.refresh_tokens set created_at = created_at - interval '3 days',"
        " updated_at = updated_at - interval '3 days'"
    )
    database.sql("update auth.sessions set refreshed_at = refreshed_at - interval '3 days'")
    again = provider.refresh(held.refresh)
    assert again.refresh == lost.refresh
    assert live_tokens(database) == 1
    assert alive(web, tokens, again)
    assert provider.refresh(again.refresh).refresh != again.refresh


def test_a_token_whose_successor_was_used_ends_the_session_and_no_other(
    factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    """At once: there is no time within which a copy may fall behind."""
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    other = provider.sign_in("ada@example.test", PASSWORD, HERE)
    third = provider.refresh(provider.refresh(held.refresh).refresh)
    with pytest.raises(SessionEnded, match="reused"):
        provider.refresh(held.refresh)
    assert not alive(web, tokens, third)
    with pytest.raises(SessionEnded):
        provider.refresh(third.refresh)
    assert alive(web, tokens, other)


def test_a_thief_who_falls_two_tokens_behind_is_noticed_and_not_before(
    factories: Factories, web: Engine, make: Providers, tokens: AccessTokens
) -> None:
    """What rotation gives and what it does not (ADR 0004): a copy that keeps pace is one more tab."""
    factories.person(email="ada@example.test")
    owner, thief = make(), make()
    stolen = owner.sign_in("ada@example.test", PASSWORD, HERE)
    mine, theirs = owner.refresh(stolen.refresh), thief.refresh(stolen.refresh)
    mine, theirs = owner.refresh(mine.refresh), thief.refresh(theirs.refresh)
    assert mine.refresh == theirs.refresh
    mine = owner.refresh(owner.refresh(mine.refresh).refresh)
    with pytest.raises(SessionEnded, match="reused"):
        thief.refresh(theirs.refresh)
    assert not alive(web, tokens, mine)


def test_a_revoked_token_without_a_successor_refreshes_nothing_and_ends_nothing(
    database: Database, factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    database.sql("update auth.refresh_tokens set revoked = true where token = %s", (_stored(held.refresh),))
    with pytest.raises(SessionEnded, match="ended"):
        provider.refresh(held.refresh)
    assert alive(web, tokens, held)


@pytest.mark.parametrize("late", [False, True])
def test_tabs_agree_on_the_next_token_whether_or_not_they_come_late(
    factories: Factories, make: Providers, late: bool
) -> None:
    """One chain, no fork: with the token of today, and with one that another tab has exchanged before."""
    factories.person(email="ada@example.test")
    held = make().refresh(make().sign_in("ada@example.test", PASSWORD, HERE).refresh)
    if late:
        make().refresh(held.refresh)
    start = Barrier(8)

    def tab(_: int) -> str:
        worker = make()
        start.wait()
        return worker.refresh(held.refresh).refresh

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(tab, range(8)))) == 1


def test_without_the_key_nobody_is_given_the_token_that_comes_next(
    factories: Factories, web: Engine, sign_in: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    second = provider.refresh(held.refresh)
    with pytest.raises(SessionEnded, match="ended"):
        LocalProvider(sign_in, tokens, b"another key".ljust(32)).refresh(held.refresh)
    assert alive(web, tokens, second)


def test_a_lost_answer_is_found_again_under_the_key_before_and_the_chain_goes_on(
    factories: Factories, sign_in: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    lost = provider.refresh(held.refresh)
    after = LocalProvider(sign_in, tokens, b"another key".ljust(32), previous_refresh_keys=[b"k" * 32])
    assert after.refresh(held.refresh).refresh == lost.refresh
    third = after.refresh(lost.refresh)
    assert after.refresh(lost.refresh).refresh == third.refresh
    with pytest.raises(SessionEnded, match="reused"):
        after.refresh(held.refresh)


@pytest.mark.parametrize("token", ["", "unknown", "\0", "\ud800", "x" * 10_000, "' or true --"])
def test_a_token_that_was_never_issued_refreshes_nothing(provider: LocalProvider, token: str) -> None:
    with pytest.raises(SessionEnded):
        provider.refresh(token)


@pytest.mark.parametrize("change", ["banned_until = now() + interval '1 day'", "deleted_at = now()"])
def test_an_account_that_is_banned_or_deleted_refreshes_no_more(
    database: Database, factories: Factories, provider: LocalProvider, change: str
) -> None:
    ada = factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    database.sql(f"update auth.users set {change} where id = %s", (ada.id,))
    with pytest.raises(SessionEnded):
        provider.refresh(held.refresh)


def test_a_session_ends_at_its_hour_however_often_it_is_refreshed(
    database: Database, factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    for remember, lifetime in ((False, timedelta(hours=12)), (True, timedelta(days=30))):
        held = provider.refresh(provider.sign_in("ada@example.test", PASSWORD, HERE, remember=remember).refresh)
        session_id = tokens.verify(held.access).session_id
        assert database.sql("select not_after - created_at from auth.sessions where id = %s", (session_id,)) == [
            (lifetime,)
        ]
        database.sql("update auth.sessions set not_after = now() where id = %s", (session_id,))
        assert not alive(web, tokens, held)
        with pytest.raises(SessionEnded):
            provider.refresh(held.refresh)


def test_a_session_that_nobody_used_for_a_fortnight_is_over(
    database: Database, factories: Factories, make: Providers
) -> None:
    factories.person(email="ada@example.test")
    provider = make(lifetimes=Lifetimes())
    held = provider.sign_in("ada@example.test", PASSWORD, HERE, remember=True)
    database.sql("update auth.sessions set created_at = now() - interval '14 days'")
    with pytest.raises(SessionEnded):
        provider.refresh(held.refresh)


def test_sign_in_clears_away_sessions_that_are_over(
    database: Database, factories: Factories, provider: LocalProvider
) -> None:
    ada = factories.person(email="ada@example.test")
    provider.sign_in("ada@example.test", PASSWORD, HERE)
    database.sql("update auth.sessions set not_after = now() where not_after is not null")
    provider.sign_in("ada@example.test", PASSWORD, HERE)
    assert database.sql("select count(*) from auth.sessions where user_id = %s", (ada.id,)) == [(2,)]


def test_sign_out_kills_every_copy_at_once_and_no_other_session(
    factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    other = provider.sign_in("ada@example.test", PASSWORD, HERE)
    copy = provider.refresh(held.refresh)
    assert alive(web, tokens, held)
    provider.sign_out(held)
    assert not alive(web, tokens, held)
    assert not alive(web, tokens, copy)
    with pytest.raises(SessionEnded):
        provider.refresh(copy.refresh)
    assert alive(web, tokens, other)


def test_an_access_token_alone_ends_its_session_and_no_other(
    factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    held, other = (provider.sign_in("ada@example.test", PASSWORD, HERE) for _ in range(2))
    provider.end_session(tokens.verify(held.access))
    assert not alive(web, tokens, held)
    assert alive(web, tokens, other)
    with pytest.raises(SessionEnded):
        provider.refresh(held.refresh)
    provider.end_session(tokens.verify(held.access))


def test_a_session_is_ended_in_the_name_of_its_person_only(
    factories: Factories, web: Engine, provider: LocalProvider, tokens: AccessTokens
) -> None:
    factories.person(email="ada@example.test")
    bob = factories.person(email="bob@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    claims = tokens.verify(held.access)
    provider.end_session(replace(claims, user_id=bob.id))
    assert alive(web, tokens, held)


def test_signing_out_of_a_session_that_is_over_is_no_error(factories: Factories, provider: LocalProvider) -> None:
    factories.person(email="ada@example.test")
    held = provider.sign_in("ada@example.test", PASSWORD, HERE)
    provider.sign_out(held)
    provider.sign_out(held)


def test_a_refresh_and_a_sign_out_at_once_leave_no_session(
    database: Database, factories: Factories, make: Providers
) -> None:
    factories.person(email="ada@example.test")
    before = sessions(database)
    for _ in range(10):
        held = make().sign_in("ada@example.test", PASSWORD, HERE)
        start = Barrier(2)

        def refresh(held: Tokens = held, start: Barrier = start) -> None:
            start.wait()
            try:
                make().refresh(held.refresh)
            except SessionEnded:
                return

        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(refresh)
            start.wait()
            make().sign_out(held)
            done.result()
    assert sessions(database) == before
