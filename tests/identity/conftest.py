"""What the tests of local accounts share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.fixtures.database import Database
from webapp import rls
from webapp.identity.local import LocalProvider
from webapp.identity.provider import Tokens, Visitor
from webapp.identity.tokens import AccessTokens

Providers = Callable[..., LocalProvider]
HERE = Visitor.at("192.0.2.7", "Mozilla/5.0")


@pytest.fixture
def web(database: Database) -> Engine:
    """Return the engine of the requests' login, through the pooler."""
    return rls.create_engine(database.web_url)


@pytest.fixture
def sign_in(database: Database) -> Engine:
    """Return the engine of the login that signs people in, through the pooler."""
    return rls.create_engine(database.signin_url)


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens("a-secret-of-the-test-suite-with-more-than-32-bytes", "https://rowhouse.test/auth/v1")


@pytest.fixture
def make(sign_in: Engine, tokens: AccessTokens) -> Providers:
    """Return a maker of providers: each stands for another worker's."""

    def provider(**options: Any) -> LocalProvider:
        return LocalProvider(sign_in, tokens, b"k" * 32, **options)

    return provider


@pytest.fixture
def provider(make: Providers) -> LocalProvider:
    return make()


def alive(web: Engine, tokens: AccessTokens, held: Tokens) -> bool:
    """Ask the database, as the person, whether their session lives."""
    with rls.unit_of_work(web, tokens.verify(held.access).identity, read_only=True) as connection:
        return bool(connection.execute(text("select rowhouse.session_alive()")).scalar_one())


def sessions(database: Database) -> int:
    return int(database.sql("select count(*) from auth.sessions")[0][0])
