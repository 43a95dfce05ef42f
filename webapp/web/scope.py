"""One request, one identity, one transaction: begun at the first query, committed once, or rolled back.

The order never varies: identify, begin at the first query, load, authorise, act, commit, answer. An exception rolls
back before its error page renders.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, cast

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.local import LocalProxy

from webapp import rls
from webapp.identity.identify import Identified
from webapp.rls.errors import IdentityMissing
from webapp.web.context import Context, OrgContext, Viewer, load
from webapp.web.extensions import db

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Scope:
    """Hold what is known of a request: who, through which organisation, and the Session that acts as them."""

    def __init__(self, who: Identified, *, slug: str | None, read_only: bool, limits: rls.Limits) -> None:
        self.who = who
        self.identity = who.identity
        self.slug = slug
        self._read_only = read_only
        self._limits = limits
        self._bound: dict[Engine, Engine] = {}
        self._context: Context | None = None

    def bound(self, engine: Engine) -> Engine:
        """Return ``engine`` as this request's identity; always the same object, or the Session would open two."""
        if engine not in self._bound:
            self._bound[engine] = rls.bind(engine, self.identity, read_only=self._read_only, limits=self._limits)
        return self._bound[engine]

    @property
    def session(self) -> Session:
        """Return the request's Session. Nothing is sent before its first query."""
        return db.session()

    def work(self, *, read_only: bool = False, limits: rls.Limits | None = None) -> AbstractContextManager[Session]:
        """Return a Session in a transaction of its own as the same person: committed at its end, whatever the answer.

        For what must outlive the request's own transaction, such as the progress of long work, or needs more time
        than a page has. Its changes are seen by the request's Session only in a later statement.
        """
        return rls.session_of_work(db.engine, self.identity, read_only=read_only, limits=limits or self._limits)

    def context(self) -> Context:
        """Return who looks, asked of the database once per request."""
        if self._context is None:
            user_id = self.identity.user_id
            if user_id is None:
                self._context = Context(alive=False)
            else:
                administers = self.who.claims is not None and self.who.claims.is_platform_admin
                self._context = load(self.session, user_id, self.slug, is_platform_admin=administers)
        return self._context

    @property
    def known(self) -> Context | None:
        """Return who looks if that was asked already: an error page must not ask a database that is away."""
        return self._context

    @property
    def viewer(self) -> Viewer | None:
        """Return who looks, as far as that was asked already."""
        return self._context.viewer if self._context else None

    @property
    def orgs(self) -> tuple[OrgContext, ...]:
        """Return the viewer's organisations, as far as they were asked for already."""
        return self._context.orgs if self._context else ()

    @property
    def org(self) -> OrgContext | None:
        """Return the organisation of the URL, or None where there is none or nobody has asked yet."""
        return self._context.org(self.slug) if self._context and self.slug else None

    def tenant(self) -> OrgContext:
        """Return the organisation of the URL; the gate has made sure that there is one."""
        org = self.org
        if org is None:
            raise LookupError("This route declares no organisation.")
        return org


def current_scope() -> Scope:
    """Return the scope of this request. Raise IdentityMissing where none was opened."""
    scope = g.get("scope") if has_request_context() else None
    if not isinstance(scope, Scope):
        raise IdentityMissing()
    return scope


current = cast("Scope", LocalProxy(current_scope))


def open_scope(who: Identified, limits: rls.Limits, *, slug: str | None) -> Scope:
    """Open the scope of this request; GET and HEAD are read only, which Postgres holds them to."""
    g.scope = Scope(who, slug=slug, read_only=request.method in SAFE_METHODS, limits=limits)
    return cast("Scope", g.scope)


class Application(Flask):
    """Flask with the end of the transaction in the one place where every request passes."""

    def dispatch_request(self) -> Response:
        """Run the view, then commit: a commit that fails is an error page, never a success."""
        response = self.make_response(super().dispatch_request())
        self._finish(response.status_code)
        return response

    def _finish(self, status: int) -> None:
        if not db.session.registry.has():
            return
        if status >= 400:
            db.session.rollback()
        else:
            db.session.commit()

    def handle_user_exception(self, e: Exception) -> Any:
        """Roll back, then let the error page render: what was begun is not left open while it does."""
        if db.session.registry.has():
            db.session.rollback()
        return super().handle_user_exception(e)
