"""Local accounts: rows of schema ``auth`` as Supabase Auth writes them, reached through ``rowhouse_auth`` alone.

The functions of that schema belong to a login of their own, ``rowhouse_signin``, on an engine of its own: the login of
the requests may not execute them, so that a statement injected there opens no account.

Two things differ from Supabase Auth on purpose. ``auth.refresh_tokens.token`` holds the SHA-256 of a token, not the
token: a copy of the table signs nobody in. And the token after this one is HMAC-SHA256 of this one under a key of
the application's: two tabs that refresh at the same moment both arrive at the same next token, whoever was first and
whichever worker answered, without the database having to know it. For everyone who lacks the key it is random.

Moving to Supabase, accounts and passwords come along as they are; people sign in once more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine, Row, TextClause, text

from webapp.identity import passwords
from webapp.identity.provider import (
    Account,
    AccountExists,
    SessionEnded,
    Tokens,
    TooManyAttempts,
    Visitor,
    WeakPassword,
    WrongCredentials,
)
from webapp.identity.tokens import AccessTokens, Claims
from webapp.rls import Identity, Limits, unit_of_work

_BEGIN: Final = text(
    "select * from rowhouse_auth.begin_sign_in(:email, cast(:address as inet), :account_limit, :address_limit, :period)"
)
_OPEN: Final = text(
    "select cast(:user_id as uuid) as user_id, s.* from rowhouse_auth.open_session("
    "cast(:user_id as uuid), :hash, :email, cast(:address as inet), :user_agent, :token, :lifetime) s"
)
_BEGIN_SIGN_UP: Final = text(
    "select retry_after from rowhouse_auth.begin_sign_up(cast(:address as inet), :limit, :period)"
)
_CREATE: Final = text(
    "select * from rowhouse_auth.create_account(:email, :hash, :full_name, cast(:address as inet), :user_agent, "
    ":token, :lifetime)"
)
_ROTATE: Final = text("select * from rowhouse_auth.rotate_token(:token, :child, :idle)")
_CLOSE: Final = text("select rowhouse_auth.close_session(:token)")
_END: Final = text("select rowhouse_auth.end_session(cast(:user_id as uuid), cast(:session_id as uuid))")


@dataclass(frozen=True, slots=True)
class Throttle:
    """Hold how many failures are borne in one window: by account, by address, and sign-ups by address.

    The window is fixed and begins at the first failure; a success is no failure. An IPv6 address counts as its /64.
    """

    account: int = 10
    address: int = 50
    sign_ups: int = 20
    window: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Hold how long sessions last. ``short`` is that of a browser which was not asked to remember the person."""

    short: timedelta = timedelta(hours=12)
    remembered: timedelta = timedelta(days=30)
    idle: timedelta = timedelta(days=14)


class LocalProvider:
    """Fulfil ``Provider`` over the database; each operation is one call, signing in and up two with bcrypt between.

    ``engine`` is that of the login ``rowhouse_signin``. No connection is held while bcrypt computes.
    """

    def __init__(
        self,
        engine: Engine,
        tokens: AccessTokens,
        refresh_key: bytes,
        *,
        previous_refresh_keys: Sequence[bytes] = (),
        limits: Limits = Limits(),
        throttle: Throttle | None = None,
        lifetimes: Lifetimes | None = None,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._tokens = tokens
        self._refresh_keys = (refresh_key, *previous_refresh_keys)
        self._throttle = throttle or Throttle()
        self._lifetimes = lifetimes or Lifetimes()

    def sign_up(self, email: str, password: str, visitor: Visitor, *, full_name: str = "") -> Tokens:
        """Make an account, confirmed at once, and its first session, a short one.

        It is counted before the password is hashed: one that is refused costs a row and no bcrypt.
        """
        if reasons := passwords.reasons_against(password, email):
            raise WeakPassword(reasons)
        begun = self._call(
            _BEGIN_SIGN_UP,
            address=visitor.address,
            limit=self._throttle.sign_ups,
            period=self._throttle.window,
        )
        if begun.retry_after:
            raise TooManyAttempts(begun.retry_after)
        token = secrets.token_urlsafe(32)
        made = self._call(
            _CREATE,
            email=_plain(email),
            hash=passwords.hash_password(password),
            full_name=_plain(full_name),
            address=visitor.address,
            user_agent=visitor.user_agent,
            token=_stored(token),
            lifetime=self._lifetimes.short,
        )
        if made.session_id is None:
            raise AccountExists
        return self._issued(made, token)

    def sign_in(self, email: str, password: str, visitor: Visitor, *, remember: bool = False) -> Tokens:
        """Open a session; what is wrong with the credentials shows neither in the answer nor in its time."""
        email = _plain(email)
        begun = self._call(
            _BEGIN,
            email=email,
            address=visitor.address,
            account_limit=self._throttle.account,
            address_limit=self._throttle.address,
            period=self._throttle.window,
        )
        if begun.retry_after:
            raise TooManyAttempts(begun.retry_after)
        if not passwords.matches(password, begun.password_hash) or begun.user_id is None:
            raise WrongCredentials
        token = secrets.token_urlsafe(32)
        opened = self._call(
            _OPEN,
            user_id=begun.user_id,
            hash=begun.password_hash,
            email=email,
            address=visitor.address,
            user_agent=visitor.user_agent,
            token=_stored(token),
            lifetime=self._lifetimes.remembered if remember else self._lifetimes.short,
        )
        if opened.session_id is None:
            raise WrongCredentials
        return self._issued(opened, token)

    def refresh(self, refresh: str) -> Tokens:
        """Exchange ``refresh`` for the next token; for the same one again until that one has been used itself.

        So an answer that was lost on its way, however long ago, signs nobody out, and tabs that refresh together stay
        together. A token whose successor has been used was copied, or the browser would have sent the successor: the
        session ends for whoever holds any of its tokens.

        What that leaves a thief: with a copy of the cookie they stay beside its owner for as long as neither falls two
        tokens behind the other, which is about one visit an hour, and at most until the session's end. Sign-out ends
        every copy at once. A copy that lay unused while its owner went on opens nothing and ends the session.
        """
        outcome = "ended"
        for key in self._refresh_keys:
            child = _successor(refresh, key)
            rotated = self._call(_ROTATE, token=_stored(refresh), child=_stored(child), idle=self._lifetimes.idle)
            if rotated.outcome in ("rotated", "reissued"):
                return self._issued(rotated, child)
            outcome = rotated.outcome
            if outcome != "ended":  # where it is, a key before this one may have made the successor
                break
        raise SessionEnded(outcome)

    def sign_out(self, tokens: Tokens) -> None:
        """Delete the session, so that ``rowhouse.session_alive()`` is false from the next statement on."""
        self._call(_CLOSE, token=_stored(tokens.refresh))

    def end_session(self, claims: Claims) -> None:
        """Delete the session that a verified access token names."""
        self._call(_END, user_id=claims.user_id, session_id=claims.session_id)

    def _call(self, statement: TextClause, **arguments: Any) -> Row[Any]:
        with unit_of_work(self._engine, Identity.sign_in(), limits=self._limits) as connection:
            return connection.execute(statement, arguments).one()

    def _issued(self, row: Row[Any], refresh: str) -> Tokens:
        access, expires_at = self._tokens.issue(Account(row.user_id, row.session_id, row.email, row.app_metadata))
        return Tokens(access, refresh, expires_at)


def _successor(refresh: str, key: bytes) -> str:
    return hmac.new(key, refresh.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _stored(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _plain(value: str) -> str:
    """Return ``value`` as Postgres can hold it: text has no NUL there, and no half of a surrogate pair."""
    return value.strip().replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
