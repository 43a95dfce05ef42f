"""How an application comes by its provider, its tokens and its session cookies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app
from sqlalchemy import Engine

from webapp.identity.cookies import CookieSessions
from webapp.identity.keys import derive
from webapp.identity.local import LocalProvider
from webapp.identity.provider import Provider
from webapp.identity.tokens import AccessTokens
from webapp.rls import Limits

_KEY: Final = "rowhouse.accounts"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Hold what proves who people are: one provider, the tokens that it issues, and the engine that it works on."""

    provider: Provider
    tokens: AccessTokens
    engine: Engine


def init_app(
    app: Flask,
    engine: Engine,
    *,
    secret_key: str,
    previous_keys: Sequence[str] = (),
    jwt_secret: str,
    previous_jwt_secrets: Sequence[str] = (),
    issuer: str,
    secure: bool,
    limits: Limits = Limits(),
) -> None:
    """Give ``app`` local accounts on ``engine`` and encrypted session cookies.

    ``engine`` is that of the login ``rowhouse_signin``, which no request uses otherwise. ``secure`` says that people
    come by https. ``issuer`` is the ``iss`` of access tokens: the same on every host.
    """
    tokens = AccessTokens(jwt_secret, issuer, previous=previous_jwt_secrets)
    refresh_key, *before = (derive(key, "refresh tokens") for key in (secret_key, *previous_keys))
    provider = LocalProvider(
        engine,
        tokens,
        refresh_key,
        previous_refresh_keys=before,
        limits=limits,
    )
    app.session_interface = CookieSessions(secret_key, previous_keys, secure=secure)
    app.extensions[_KEY] = Accounts(provider, tokens, engine)


def accounts() -> Accounts:
    """Return the accounts of the application that runs."""
    found = current_app.extensions[_KEY]
    if not isinstance(found, Accounts):
        raise TypeError("This application has no accounts.")
    return found
