"""The way into every request: who is it, may they use this route, and did they mean to."""

from __future__ import annotations

import structlog
from flask import Flask, abort, current_app, g, request, session
from flask_wtf.csrf import CSRFError

from webapp import rls
from webapp.identity import logins
from webapp.identity.extension import accounts
from webapp.identity.identify import Identified, identify
from webapp.identity.user import install
from webapp.settings import BadSettings, Settings
from webapp.web import access
from webapp.web.errors import BadCsrfToken
from webapp.web.extensions import csrf, db, login_manager
from webapp.web.scope import SAFE_METHODS, open_scope

log = structlog.get_logger(__name__)
UNCHECKED = "rowhouse.login_unchecked"
# They are the same for everybody: they answer while the database is away, and never touch the session, which a shared
# cache would keep with a static file.
READY = "health.ready"  # asks for itself, and answers in its own words
FOR_NOBODY = frozenset({"health.alive", "assets.file"})


def init_app(app: Flask, settings: Settings) -> None:
    """Put the gate before every view of ``app``, and the organisation of the URL into every address that is built."""

    @app.url_value_preprocessor
    def take_slug(endpoint: str | None, values: dict[str, object] | None) -> None:
        slug = values.pop("slug", None) if values else None
        g.slug = str(slug) if slug is not None else None

    @app.url_defaults
    def give_slug(endpoint: str, values: dict[str, object]) -> None:
        if "slug" not in values and g.get("slug") and app.url_map.is_endpoint_expecting(endpoint, "slug"):
            values["slug"] = g.slug

    install(login_manager, app, lambda: g.get("identified"))

    @app.before_request
    def gate() -> None:
        declared = access.declared(app)
        if request.routing_exception is not None or declared is None or request.endpoint in FOR_NOBODY:
            open_scope(Identified(rls.Identity.anonymous()), settings.limits, slug=None)
            if request.routing_exception is None and declared is None:
                abort(403)
            return
        found = accounts()
        g.identified = who = identify(request, session, found.provider, found.tokens)
        scope = open_scope(who, settings.limits, slug=g.slug)
        if who.refused is not None:
            raise access.SignInFirst
        if who.identity.user_id is not None:
            # Before anything reads the form, as the check of its token does. Nobody else may fill the disk.
            request.max_content_length = app.config[declared.body]
        if who.source == "bearer":
            g.csrf_valid = True  # for the forms: no site can make a browser send a Bearer token
        elif request.method not in SAFE_METHODS:
            _meant_it(settings)
        if request.endpoint != READY:
            check_login_if_unchecked()
        declared.admit(scope)


def _meant_it(settings: Settings) -> None:
    """Refuse an unsafe request that another site may have made, by token and by origin (OWASP ASVS 5.0, 3.5)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise BadCsrfToken(f"Sec-Fetch-Site is {site}")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (settings.public_url, request.host_url.rstrip("/")):
        raise BadCsrfToken("Origin is another site")
    try:
        csrf.protect()
    except CSRFError as exc:
        from_here = origin is not None or site == "same-origin"
        raise BadCsrfToken(str(exc.description), from_here=from_here) from None


def check_login(app: Flask) -> None:
    """Refuse to serve as logins that are not bound. Raises BadSettings, or Unavailable where nobody can tell."""
    complaints = [*rls.check_login(db.engine), *logins.complaints(db.engine, accounts().engine)]
    if complaints:
        advice = (
            "Set DATABASE_URL to the login rowhouse_web and SIGNIN_DATABASE_URL to rowhouse_signin, which the "
            "migrations create; see docs/deployment.md."
        )
        raise BadSettings("\n".join((*complaints, advice)))
    app.extensions[UNCHECKED] = False


def check_login_if_unchecked() -> None:
    """Check the login unless that was done since the start. Raises as ``check_login`` does."""
    if current_app.extensions.get(UNCHECKED):
        check_login(current_app)


def check_login_at_start(app: Flask) -> None:
    """Check the login now where the database answers, else before the first request that reaches it."""
    app.extensions[UNCHECKED] = True
    with app.app_context():
        try:
            check_login(app)
        except rls.errors.Unavailable as exc:
            reason = "DATABASE_URL or SIGNIN_DATABASE_URL cannot be reached yet; their logins are checked later."
            log.warning("login_unchecked", reason=reason, cause=str(exc.__cause__))
