"""What every way of proving who you are fulfils; the local accounts are the one there is."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:  # tokens.py needs the Account below
    from webapp.identity.tokens import Claims


class IdentityError(Exception):
    """Say that a provider refused; the text is fit for the log and names no person."""


class WrongCredentials(IdentityError):
    """Say that no account has this e-mail address and password; never which of the two is wrong."""


class AccountExists(IdentityError):
    """Say that the e-mail address of a sign-up already has an account."""


class SessionEnded(IdentityError):
    """Say that a refresh token counts no more: signed out, revoked, expired, replaced, or never issued."""


class TooManyAttempts(IdentityError):
    """Say that an account or an address has failed too often; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(f"Too many attempts; again in {self.retry_after} s.")


class WeakPassword(IdentityError):
    """Say that a new password is refused; ``reasons`` are sentences for the person who chose it."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__("The password is refused.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Hold where an attempt comes from. ``address`` is an IP address in its normal form, or None if unknown."""

    address: str | None = None
    user_agent: str = ""

    @classmethod
    def at(cls, address: str | None, user_agent: str | None = None) -> Visitor:
        """Return the visitor at ``address`` as the web server names it.

        An IPv4 address that arrives mapped into IPv6 is written as IPv4, and a zone (``%eth0``) is dropped; anything
        that is no address, such as the peer of a Unix socket, counts as unknown.
        """
        try:
            parsed = ipaddress.ip_address((address or "").partition("%")[0])
        except ValueError:
            return cls(None, _printable(user_agent))
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        return cls(str(parsed), _printable(user_agent))


def _printable(text: str | None) -> str:
    return "".join(char if char.isprintable() else "?" for char in (text or "")[:500])


@dataclass(frozen=True, slots=True)
class Tokens:
    """Hold what a signed-in browser carries. The tokens stay out of ``repr``, and so out of logs and tracebacks."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """Hold what an access token says of a person in one session."""

    user_id: UUID
    session_id: UUID
    email: str
    app_metadata: Mapping[str, Any]


class Provider(Protocol):
    """Prove who somebody is, and keep their sessions.

    Every method may raise ``rls.errors.Unavailable`` as well, which says nothing about the person: nobody is signed
    out because a database was away.
    """

    def sign_up(self, email: str, password: str, visitor: Visitor, *, full_name: str = "") -> Tokens:
        """Make an account and its first session. Raises WeakPassword, AccountExists or TooManyAttempts."""

    def sign_in(self, email: str, password: str, visitor: Visitor, *, remember: bool = False) -> Tokens:
        """Open a session. Raises WrongCredentials or TooManyAttempts."""

    def refresh(self, refresh: str) -> Tokens:
        """Exchange a refresh token for the next pair. Raises SessionEnded."""

    def sign_out(self, tokens: Tokens) -> None:
        """End the session of ``tokens``, for every copy of them; one that has ended already is no error."""

    def end_session(self, claims: Claims) -> None:
        """End the session of a verified access token, which may be all that its holder has."""
