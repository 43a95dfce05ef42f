"""The people of Flask-Login, made from verified claims: nothing is loaded, and nothing of its own is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from flask import Flask, Request
from flask_login import LoginManager

from webapp.identity.identify import Identified
from webapp.identity.tokens import Claims
from webapp.rls.identity import Identity


@dataclass(frozen=True, slots=True)
class User:
    """Stand for a signed-in person, as ``flask_login.current_user``.

    The claims were verified, and say nothing of whether the session still lives: the database does, at the request's
    first query.
    """

    claims: Claims
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    def get_id(self) -> str:
        """Return the person's id as text, which Flask-Login asks for."""
        return str(self.claims.user_id)

    @property
    def email(self) -> str:
        """Return the e-mail address of the account."""
        return self.claims.email

    @property
    def identity(self) -> Identity:
        """Return who a transaction acts as for this person."""
        return self.claims.identity


@dataclass(frozen=True, slots=True)
class Nobody:
    """Stand for somebody who is not signed in."""

    is_authenticated: ClassVar[bool] = False
    is_active: ClassVar[bool] = False
    is_anonymous: ClassVar[bool] = True

    def get_id(self) -> None:
        """Return None: nobody has an id."""

    @property
    def identity(self) -> Identity:
        """Return who a transaction acts as for everybody without an account."""
        return Identity.anonymous()


def install(manager: LoginManager, app: Flask, identified: Callable[[], Identified | None]) -> None:
    """Make ``manager`` answer with the person whom the request's first step found.

    ``identified`` returns that step's result. Flask-Login's own cookie and its session protection stay off: the one
    would be a second proof of who somebody is, the other compares browsers' names and writes into each session.
    """
    # Where a cookie of this name came, the loader below would not be asked; so it has one that nobody sends.
    app.config["REMEMBER_COOKIE_NAME"] = "__Host-rowhouse-unused"
    manager.session_protection = None
    manager.anonymous_user = Nobody

    def load(_request: Request) -> User | None:
        found = identified()
        return User(found.claims) if found is not None and found.claims is not None else None

    manager.request_loader(load)
