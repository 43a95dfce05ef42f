"""Access tokens: JSON Web Tokens with the claims of Supabase Auth, so that RLS reads both alike.

``user_metadata`` is left out. People write it themselves, so no policy may trust it, and in a cookie it could grow
past what a browser stores. The name that a person shows is in ``public.profiles``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import jwt

from webapp.identity.provider import Account
from webapp.rls.identity import Identity

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "authenticated"
LIFETIME: Final = timedelta(hours=1)
LEEWAY: Final = timedelta(seconds=30)
MIN_SECRET_BYTES: Final = 32  # as long as the hash (RFC 7518, section 3.2)
MAX_LENGTH: Final = 8_192  # characters; nothing longer is even parsed
REQUIRED: Final = ("exp", "iat", "sub", "aud", "iss", "role", "session_id")


class InvalidToken(Exception):
    """Say that a token proves nothing; the text is fit for the log and quotes nothing of the token."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Hold the claims of a verified token; only ``AccessTokens.verify`` makes one."""

    values: Mapping[str, Any]
    user_id: UUID
    session_id: UUID
    expires_at: datetime

    @property
    def email(self) -> str:
        """Return the e-mail address, or an empty text where the token names none."""
        return str(self.values.get("email") or "")

    @property
    def is_platform_admin(self) -> bool:
        """Tell whether ``app_metadata.rowhouse_admin`` is true, and not merely something that counts as true."""
        return (self.values.get("app_metadata") or {}).get("rowhouse_admin") is True

    @property
    def identity(self) -> Identity:
        """Return who a transaction acts as for this person."""
        return Identity.user(self.values)


class AccessTokens:
    """Issue access tokens with one secret, and verify them with that one and the ones before it."""

    def __init__(self, secret: str, issuer: str, *, previous: Sequence[str] = ()) -> None:
        """Take the secrets as text. Raises ValueError where one is under 32 bytes or the issuer is empty."""
        if any(len(key.encode()) < MIN_SECRET_BYTES for key in (secret, *previous)):
            raise ValueError(f"A secret for {ALGORITHM} needs {MIN_SECRET_BYTES} bytes or more.")
        if not issuer:
            raise ValueError("Name the issuer of access tokens.")
        self._keys = (secret, *previous)
        self._issuer = issuer

    def issue(self, account: Account, *, now: datetime | None = None) -> tuple[str, datetime]:
        """Return an access token for ``account`` and when it expires."""
        issued = (now or datetime.now(UTC)).replace(microsecond=0)
        expires = issued + LIFETIME
        claims = {
            "iss": self._issuer,
            "sub": str(account.user_id),
            "aud": AUDIENCE,
            "role": "authenticated",
            "email": account.email,
            "app_metadata": dict(account.app_metadata),
            "session_id": str(account.session_id),
            "aal": "aal1",
            "is_anonymous": False,
            "iat": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode(claims, self._keys[0], algorithm=ALGORITHM), expires

    def verify(self, token: str) -> Claims:
        """Return the claims of ``token``, or raise InvalidToken.

        The algorithm is ours and never the token's. Only people are let in: ``service_role`` is refused, and so is
        Supabase's anon key, which names nobody; whoever is nobody sends no token.
        """
        if len(token) > MAX_LENGTH:
            raise InvalidToken("longer than any token of ours")
        return _checked(self._decoded(token))

    def _decoded(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    audience=AUDIENCE,
                    issuer=self._issuer,
                    leeway=LEEWAY,
                    options={"require": list(REQUIRED), "strict_aud": True},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as exc:
                raise InvalidToken(type(exc).__name__) from None
            except (ValueError, TypeError, RecursionError) as exc:
                # A header nested deeply enough exhausts the JSON parser before PyJWT can say that it is no token.
                raise InvalidToken(type(exc).__name__) from None
        raise InvalidToken("no key of ours signed it")


def _checked(values: dict[str, Any]) -> Claims:
    if values["role"] != "authenticated":
        raise InvalidToken("the role is not a person's")
    if not isinstance(values.get("email", ""), str):
        raise InvalidToken("email is no text")
    if not isinstance(values.get("app_metadata", {}), dict):
        raise InvalidToken("app_metadata is no object")
    if any(isinstance(values[name], bool) or not isinstance(values[name], int | float) for name in ("exp", "iat")):
        raise InvalidToken("exp or iat is no number")
    try:
        # What jsonb cannot hold (NaN, NUL, half a surrogate pair) would fail every statement of the request.
        if "\\u0000" in json.dumps(values, allow_nan=False, ensure_ascii=False).encode().decode():
            raise InvalidToken("a claim holds NUL")
        expires_at = datetime.fromtimestamp(values["exp"], UTC)
    except (ValueError, OverflowError, OSError, RecursionError):
        raise InvalidToken("a claim has a value that no issuer writes") from None
    return Claims(MappingProxyType(values), _uuid(values, "sub"), _uuid(values, "session_id"), expires_at)


def _uuid(values: Mapping[str, Any], name: str) -> UUID:
    text = values[name]
    try:
        parsed = UUID(text)
    except (ValueError, TypeError, AttributeError):
        raise InvalidToken(f"{name} is no UUID") from None
    if str(parsed) != text:  # UUID() takes braces and urn:uuid:, Postgres does not
        raise InvalidToken(f"{name} is not written as a UUID is")
    return parsed
