"""The gate: each route declares who may use it, and one that declares nothing is refused.

The database decides on rows. This decides on routes, so that a person is told what is the matter, and a page that
asks the database nothing is not open by accident.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from flask import Flask, abort, request

from webapp.models import Role
from webapp.web.scope import Scope

View = TypeVar("View", bound=Callable[..., Any])
Level = Literal["public", "signed_in", "member", "platform_admin"]


class SignInFirst(Exception):
    """Say that the route needs a person and none is signed in; ``ended`` where one was."""

    def __init__(self, ended: bool = False) -> None:
        self.ended = ended


@dataclass(frozen=True, slots=True)
class Access:
    """Declare who may use a route; ``role`` is the least role within the organisation of the URL.

    ``body`` names the entry of the application's configuration that says how many bytes may be sent to it.
    """

    level: Level
    role: Role = Role.VIEWER
    body: str = "MAX_CONTENT_LENGTH"

    def __call__(self, view: View) -> View:
        view.access = self  # type: ignore[attr-defined]  # a function carries attributes; its type does not say so
        return view

    def admit(self, scope: Scope) -> None:
        """Let the request through, or raise: SignInFirst, 404 for what RLS hides, 403 for too low a role."""
        if self.level == "public":
            return
        who = scope.context()
        if who.viewer is None:
            raise SignInFirst(ended=scope.who.ended or scope.identity.user_id is not None)
        if self.level == "platform_admin" and not who.viewer.is_platform_admin:
            abort(404)
        if self.level == "member":
            org = scope.org
            if org is None:
                abort(404)
            if not org.role.reaches(self.role):
                abort(
                    403, description=f"You are a {org.role} of {org.name}; this needs the role {self.role} or higher."
                )


def public() -> Access:
    """Declare a route that anyone may use; it runs as the visitor's own identity all the same."""
    return Access("public")


def signed_in() -> Access:
    """Declare a route for every signed-in person."""
    return Access("signed_in")


def member(
    role: Literal["viewer", "member", "admin", "owner"] = "viewer", *, body: str = "MAX_CONTENT_LENGTH"
) -> Access:
    """Declare a route for members of the organisation in the URL, from ``role`` upwards.

    ``body`` is for a route that takes files: the entry of the configuration that says how large they may be.
    """
    return Access("member", Role(role), body)


def platform_admin() -> Access:
    """Declare a route for platform administrators; for everyone else it does not exist."""
    return Access("platform_admin")


def declared(app: Flask) -> Access | None:
    """Return what the matched route declares; views of MethodViews and blueprints alike."""
    view = app.view_functions.get(request.endpoint or "")
    found = getattr(view, "access", None)
    return found if isinstance(found, Access) else None
