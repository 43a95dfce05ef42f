"""The first step of a request: who sends it, proved by a Bearer token or by the cookie."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from werkzeug.wrappers import Request

from webapp.identity.provider import Provider, SessionEnded, Tokens
from webapp.identity.tokens import AccessTokens, Claims, InvalidToken
from webapp.rls.identity import Identity

_ACCESS, _REFRESH, _EXPIRES = "access", "refresh", "expires"
_BEARER: Final = re.compile(r"\s*bearer\b(?P<token>.*)", re.IGNORECASE | re.DOTALL)
CHALLENGE: Final = 'Bearer error="invalid_token"'  # the WWW-Authenticate of a 401 (RFC 6750, section 3)


@dataclass(frozen=True, slots=True)
class Identified:
    """Hold who a request acts as, and how that was proved.

    ``refused`` says, for the log, why a Bearer token was refused; the request is then answered with 401 and nothing
    else. ``ended`` says that the cookie held a session which is over, so that the sign-in page can say so.
    """

    identity: Identity
    claims: Claims | None = None
    source: Literal["none", "bearer", "cookie"] = "none"
    refused: str | None = None
    ended: bool = False


def identify(
    request: Request, session: MutableMapping[str, Any], provider: Provider, tokens: AccessTokens
) -> Identified:
    """Return who sends ``request``. Raises ``rls.errors.Unavailable`` where a refresh could not be tried.

    A Bearer token decides alone: where it is refused the cookie is not asked, or a caller who meant to act as one
    person would act as another. Other schemes of Authorization belong to proxies in front and are passed over.

    An access token that has expired in the cookie is exchanged here, before the request's own transaction and in one
    of its own, on GET too. A safe method forbids what the visitor would answer for, not the bookkeeping of their
    session (RFC 9110, section 9.2.1); it can be repeated, as prefetching browsers and several tabs do, until the token
    that it gave has been used; and without it every page left open for an hour would answer its next link with the
    sign-in page.
    """
    bearer = _BEARER.match(request.headers.get("Authorization", ""))
    if bearer is not None:
        return _of_bearer(bearer["token"], tokens)
    held = held_tokens(session)
    if held is None:
        return Identified(Identity.anonymous())
    try:
        claims = tokens.verify(held.access)
    except InvalidToken:
        # Expired, or signed with a key that has been replaced. The cookie itself is ours, so its refresh token is.
        try:
            renewed = provider.refresh(held.refresh)
        except SessionEnded:
            drop_tokens(session)
            return Identified(Identity.anonymous(), ended=True)
        hold_tokens(session, renewed)
        claims = tokens.verify(renewed.access)
    return Identified(claims.identity, claims, "cookie")


def _of_bearer(token: str, tokens: AccessTokens) -> Identified:
    try:
        claims = tokens.verify(token.strip(" "))
    except InvalidToken as exc:
        return Identified(Identity.anonymous(), source="bearer", refused=str(exc))
    return Identified(claims.identity, claims, "bearer")


def hold_tokens(session: MutableMapping[str, Any], tokens: Tokens) -> None:
    """Put ``tokens`` into the session."""
    session[_ACCESS] = tokens.access
    session[_REFRESH] = tokens.refresh
    session[_EXPIRES] = int(tokens.expires_at.timestamp())


def held_tokens(session: MutableMapping[str, Any]) -> Tokens | None:
    """Return the tokens of the session, verified or not, or None where it has none."""
    access, refresh, expires = (session.get(key) for key in (_ACCESS, _REFRESH, _EXPIRES))
    if not (isinstance(access, str) and isinstance(refresh, str) and isinstance(expires, int)):
        return None
    return Tokens(access, refresh, datetime.fromtimestamp(expires, UTC))


def drop_tokens(session: MutableMapping[str, Any]) -> None:
    """Take the tokens out of the session, and with them the wish to be remembered."""
    for key in (_ACCESS, _REFRESH, _EXPIRES, "_permanent"):
        session.pop(key, None)
