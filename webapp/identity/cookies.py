"""The Flask session in cookies that are encrypted and authenticated whole.

It lies in two cookies. The first holds who is signed in, and is sent only when that changes: sign-in, refresh,
sign-out. The second holds what pages tell the next page, which changes often. In one cookie a slow answer that adds
a toast would bring back the refresh token of before a refresh in another tab; presented once more, that token looks
stolen and ends the session.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import Flask, Request, Response
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin

from webapp.identity.keys import derive

NAME: Final = "rowhouse"
MAX_AGE: Final = timedelta(days=30)
PASSING: Final = frozenset({"toasts", "_flashes"})  # keys that go into the second cookie
LARGEST: Final = 3_900  # characters of a value; with its name and attributes a browser takes 4,096
_PLAIN, _PACKED = b"0", b"1"
_serializer = TaggedJSONSerializer()


class CookieTooLarge(Exception):
    """Say that a session outgrew its cookie; a browser would have dropped it without a word."""


class CookieSession(SecureCookieSession):
    """Remember what the cookies said, so that only what changed is sent."""

    opened: tuple[str, str] = ("", "")
    present: tuple[bool, bool] = (False, False)


class Seal:
    """Encrypt and authenticate text with Fernet (AES-128-CBC, HMAC-SHA256) under keys derived from secrets."""

    def __init__(self, secret: str, previous: Sequence[str] = ()) -> None:
        """Take the secret to write with, and those that are still read. Each has 32 bytes or more."""
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(derive(key, "session cookie"))) for key in (secret, *previous)]
        )

    def close(self, text: str, purpose: str) -> str:
        """Return ``text`` sealed for ``purpose``: a cookie under another's name opens to nothing.

        It is compressed only where it would not fit otherwise: lengths after compression tell of the contents.
        """
        plain = f"{purpose}\n{text}".encode()
        sealed = self._fernet.encrypt(_PLAIN + plain)
        if len(sealed) > LARGEST:
            sealed = self._fernet.encrypt(_PACKED + zlib.compress(plain, 9))
        return sealed.decode("ascii")

    def open(self, sealed: str, purpose: str) -> str | None:
        """Return the text, or None for what was altered, is too old, or was never ours."""
        try:
            opened = self._fernet.decrypt(sealed.encode("utf-8", "replace"), ttl=int(MAX_AGE.total_seconds()))
        except InvalidToken:
            return None
        plain = zlib.decompress(opened[1:]) if opened[:1] == _PACKED else opened[1:]
        found, _, text = plain.decode().partition("\n")
        return text if found == purpose else None


class CookieSessions(SessionInterface):
    """Keep the session in ``__Host-rowhouse`` and ``__Host-rowhouse-page``; without the prefix on loopback over http.

    Both are HttpOnly and SameSite=Lax with Path=/ and no Domain. A cookie that was altered or is too old is an empty
    session, never an error, and is taken away.
    """

    def __init__(self, secret: str, previous: Sequence[str] = (), *, secure: bool) -> None:
        self._seal = Seal(secret, previous)
        self._secure = secure
        name = f"__Host-{NAME}" if secure else NAME
        self.names: Final = (name, f"{name}-page")

    def get_cookie_name(self, app: Flask) -> str:
        return self.names[0]

    def open_session(self, app: Flask, request: Request) -> CookieSession:
        """Return the session that the cookies hold."""
        values: dict[str, Any] = {}
        opened = []
        for name in self.names:
            sealed = request.cookies.get(name)
            text = self._seal.open(sealed, name) if sealed else None
            opened.append(text or "")
            if text:
                values.update(_serializer.loads(text))
        session = CookieSession(values)
        session.opened = (opened[0], opened[1])
        session.present = (self.names[0] in request.cookies, self.names[1] in request.cookies)
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send each cookie whose contents changed, and take away each that has none left."""
        if session.accessed:
            response.vary.add("Cookie")
        opened, present = getattr(session, "opened", ("", "")), getattr(session, "present", (True, True))
        kept = {key: value for key, value in session.items() if key not in PASSING}
        passing = {key: session[key] for key in PASSING if session.get(key)}
        for index, part in enumerate((kept, passing)):
            text = _serializer.dumps(part) if part.keys() - {"_permanent"} else ""
            if text == opened[index] and (text or not present[index]):
                continue
            sealed = self._seal.close(text, self.names[index]) if text else ""
            if len(sealed) > LARGEST:
                if part is kept:
                    raise CookieTooLarge(f"The session needs {len(sealed)} characters; a browser keeps {LARGEST}.")
                sealed = ""  # a toast is not worth a failed request
            self._set(response, self.names[index], sealed, lasting=session.permanent and part is kept)

    def _set(self, response: Response, name: str, sealed: str, *, lasting: bool) -> None:
        max_age = MAX_AGE if lasting else None
        response.set_cookie(
            name,
            sealed,
            max_age=max_age if sealed else 0,
            expires=None if sealed else 0,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
        response.vary.add("Cookie")
