"""Who administers the platform: given and taken by the owner of the database."""

from __future__ import annotations

import pytest

from tests.factories import Factories
from tests.fixtures.database import Database
from webapp.ops.admin import SeveralAccounts, UnknownAccount, set_admin

CLAIM = "select raw_app_meta_data ->> 'rowhouse_admin' from auth.users where email = %s"


def test_an_account_becomes_an_administrator_whatever_capitals_are_typed(
    database: Database, factories: Factories
) -> None:
    ada = factories.person("Ada Example", email="ada@example.test")
    assert set_admin(database.direct_url, " Ada@Example.test ", True).id == ada.id
    assert database.sql(CLAIM, (ada.email,)) == [("true",)]


def test_taking_it_away_ends_the_accounts_sessions(database: Database, factories: Factories) -> None:
    ada = factories.person("Ada Example", email="ada@example.test", platform_admin=True)
    factories.session(ada)
    set_admin(database.direct_url, ada.email, False)
    assert database.sql(CLAIM, (ada.email,)) == [("false",)]
    assert database.sql("select count(*) from auth.sessions where user_id = %s", (ada.id,)) == [(0,)]


def test_an_address_without_account_is_named(database: Database) -> None:
    with pytest.raises(UnknownAccount, match="no account"):
        set_admin(database.direct_url, "nobody@example.test", True)


def test_an_address_of_two_accounts_changes_neither(database: Database, factories: Factories) -> None:
    ada = factories.person("Ada Example", email="ada@example.test")
    database.sql(
        "insert into auth.users (id, email, is_sso_user) values (gen_random_uuid(), %s, true) returning id",
        (ada.email,),
    )
    with pytest.raises(SeveralAccounts):
        set_admin(database.direct_url, ada.email, True)
    assert ("true",) not in database.sql(CLAIM, (ada.email,))
