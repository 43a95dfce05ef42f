"""Every error as a page of ours: what happened, why, what to do next; never the database's own words."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException, SecurityError

from webapp.identity.identify import CHALLENGE
from webapp.rls import errors as db_errors
from webapp.web import access, diagnosis
from webapp.web.navigation import home
from webapp.web.scope import current
from webapp.web.toasts import toast
from webapp.web.unsaved import Typed, page_of_form, typed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """Hold what a page says of a status."""

    title: str
    message: str


WORDS: dict[int, Words] = {
    400: Words(
        "This request can't be read",
        "Something in it is missing or malformed. Go back, reload the page, and send it again.",
    ),
    401: Words(
        "Sign in first", "This needs an access token, and the one that was sent is missing, expired or revoked."
    ),
    403: Words(
        "You may not do this", "Your role does not allow it. Ask an admin of the organisation for a higher one."
    ),
    404: Words(
        "There is nothing at this address",
        "It may be mistyped, it may have been removed, or it belongs to an organisation that you are not in. "
        "The answer is the same for all three.",
    ),
    405: Words(
        "This address does not take that", "It exists, but not for this kind of request. Go back and try again."
    ),
    409: Words(
        "Someone else was there first",
        "What you changed was changed by another person at the same moment, so nothing of yours was saved. "
        "Go back, reload, and look before you send it again.",
    ),
    413: Words(
        "That is too large", "What you sent is larger than this page takes. Nothing was saved. Send less at once."
    ),
    429: Words("Too many attempts", "Wait for a few minutes, then try again."),
    500: Words(
        "Something broke on our side",
        "Nothing was saved, and the operator's log says what happened. Try again; "
        "if it stays broken, tell them the request's number below.",
    ),
    503: Words(
        "The database can't be reached",
        "Nothing was saved. It usually takes a few seconds: reload this page to try again.",
    ),
}
COMMIT_UNKNOWN = Words(
    "We can't tell whether it was saved",
    "The connection to the database broke at the very moment of saving. Look whether your change is there before you "
    "send it again.",
)
OF_ANOTHER_SITE = Words(
    "This form was not accepted",
    "It seems to come from another site, so nothing was saved. Go back, reload the page, and send it again.",
)
GROWN_OLD = Words(
    "This form has grown old",
    "It was opened before you signed in or out, so it was not accepted and nothing was saved. "
    "Open it again and send it anew.",
)
SIGNED_OUT = Words(
    "You are signed out",
    "You signed out in another tab, or your session ended, so this form was not accepted and nothing was saved. "
    "Sign in and send it anew.",
)
RETRY_AFTER = 2  # seconds

_STATUS_OF: tuple[tuple[type[db_errors.DatabaseError], int], ...] = (
    (db_errors.Unavailable, 503),
    (db_errors.StatementTimeout, 503),
    (db_errors.SchemaMissing, 503),
    (db_errors.LockTimeout, 409),
    (db_errors.Conflict, 409),
    (db_errors.UniqueViolation, 409),
    (db_errors.ForeignKeyViolation, 409),
    (db_errors.NotPermitted, 403),
    (db_errors.InvalidValue, 400),
)


class BadCsrfToken(Exception):
    """Say that an unsafe request came without a valid token, or from another site.

    ``from_here`` where the browser says that a page of ours sent it: what it says may then be shown.
    """

    def __init__(self, reason: str, *, from_here: bool = False) -> None:
        super().__init__(reason)
        self.from_here = from_here


def page(
    status: int,
    words: Words | None = None,
    *,
    headers: dict[str, str] | None = None,
    actions: list[tuple[str, str, bool]] | None = None,
    kept: list[Typed] | None = None,
) -> Response:
    """Return the error page of ``status``; as JSON for a caller with a Bearer token, or where it was asked for.

    ``actions`` are its ways out, as label, address, and whether it is the first choice; ``kept`` is what a form said
    that was not accepted.
    """
    said = words or WORDS.get(status) or Words(HTTPStatus(status).phrase, WORDS[400 if status < 500 else 500].message)
    told = diagnosis.for_page(status)
    if _by_bearer() or g.get("as_json"):
        more = {"diagnosis": told.as_json()} if told else {}
        response = jsonify(error={"status": status, "title": said.title, "message": said.message, **more})
    else:
        body = render_template(
            "errors/error.html",
            status=status,
            title=said.title,
            message=said.message,
            actions=actions or _ways_out(),
            kept=kept or (),
            told=told,
        )
        response = make_response(body)
        if request.headers.get("HX-Request"):
            # A fragment was asked for; an error is a whole page.
            response.headers["HX-Retarget"] = "body"
            response.headers["HX-Reswap"] = "innerHTML"
    response.status_code = status
    response.headers.update(headers or {})
    return response


def _by_bearer() -> bool:
    scope = g.get("scope")
    return scope is not None and scope.who.source == "bearer"


def _ways_out() -> list[tuple[str, str, bool]]:
    scope = g.get("scope")
    who = scope.known if scope else None
    if who and who.viewer and scope.org:
        return [(f"To {scope.org.name}", url_for(home().endpoint, slug=scope.org.slug), True)]
    if who and who.viewer:
        return [("To your organisations", url_for("organizations.index"), True)]
    return [("To the first page", url_for("site.landing"), True)]


def _form_page(status: int, *, signed_out: bool) -> Response:
    """Return the page for a form of ours that came too late, with what was typed and the way to send it again."""
    here = page_of_form()
    if signed_out:
        return page(status, SIGNED_OUT, actions=[("Sign in", _sign_in_to(here), True)], kept=typed())
    return page(status, GROWN_OLD, actions=[("Open the form again", here, True)] if here else None, kept=typed())


def _sign_in_to(path: str | None) -> str:
    return url_for("account.signin", next=path) if path and path != "/" else url_for("account.signin")


def init_app(app: Flask) -> None:
    """Give ``app`` a page for every error."""

    @app.errorhandler(HTTPException)
    def http(exc: HTTPException) -> Any:
        if exc.response is not None:
            return exc.response
        status = exc.code or 500
        if isinstance(exc, SecurityError):
            # A host that is not ours: Flask has no addresses for it, so no page of ours can be rendered.
            return Response("This host is not served here.\n", status, mimetype="text/plain")
        words = WORDS.get(status)
        if status == 403 and exc.description and words and exc.description != type(exc).description:
            words = Words(words.title, exc.description)
        headers = {name: value for name, value in exc.get_headers() if name in ("Allow", "Retry-After")}
        return page(status, words, headers=headers)

    @app.errorhandler(access.SignInFirst)
    def sign_in_first(exc: access.SignInFirst) -> Any:
        if _by_bearer():
            return page(401, headers={"WWW-Authenticate": CHALLENGE})
        session.clear()
        by_htmx = bool(request.headers.get("HX-Request"))
        if exc.ended and request.method == "POST" and not by_htmx and typed():
            return _form_page(403, signed_out=True)
        if exc.ended:
            toast("Your session has ended. Sign in again.")
        wanted = request.full_path.rstrip("?") if request.method == "GET" else page_of_form()
        target = _sign_in_to(wanted)
        if by_htmx:
            return Response(status=204, headers={"HX-Redirect": target})
        return redirect(target, 303)

    @app.errorhandler(BadCsrfToken)
    def bad_token(exc: BadCsrfToken) -> Any:
        log.warning("csrf_refused", reason=str(exc))
        if not exc.from_here:
            return page(400, OF_ANOTHER_SITE)
        declared = access.declared(app)
        public = declared is None or declared.level == "public"
        return _form_page(400, signed_out=not public and current.identity.user_id is None)

    @app.errorhandler(db_errors.DatabaseError)
    def database(exc: db_errors.DatabaseError) -> Any:
        status = next((status for kind, status in _STATUS_OF if isinstance(exc, kind)), 500)
        log.error(
            "database_error",
            kind=type(exc).__name__,
            sqlstate=exc.sqlstate,
            constraint=exc.constraint,
            status=status,
            # How the connection failed; libpq's words for that hold no password and no value of a row.
            cause=str(exc.__cause__) if status == 503 and exc.__cause__ else None,
            exc_info=status == 500,
        )
        words = COMMIT_UNKNOWN if isinstance(exc, db_errors.CommitUnknown) else None
        # Nothing may send a change again by itself that could have been saved.
        again = status == 503 and words is None
        return page(status, words, headers={"Retry-After": str(RETRY_AFTER)} if again else None)

    @app.errorhandler(Exception)
    def anything_else(exc: Exception) -> Any:
        log.error("unhandled_error", exc_info=exc)
        return page(500)
