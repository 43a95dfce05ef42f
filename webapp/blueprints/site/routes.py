"""The addresses that belong to no organisation and to no account."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, request
from flask.typing import ResponseReturnValue

from webapp.web import access
from webapp.web.redirects import safe_next
from webapp.web.scope import current
from webapp.web.templating import render

bp = Blueprint("site", __name__, template_folder="templates")
A_YEAR = 365 * 24 * 3600  # seconds


@bp.get("/")
@access.public()
def landing() -> ResponseReturnValue:
    """Say what Rowhouse is; with demonstration data, offer to step in as each of its people."""
    return render(
        "site/landing.html",
        demo=current_app.config["DEMO_ACCOUNTS"],
        demo_password=current_app.config["DEMO_PASSWORD"],
        signed_in=current.identity.user_id is not None,
    )


@bp.post("/theme")
@access.public()
def theme() -> ResponseReturnValue:
    """Remember light or dark in a cookie of its own; anything else goes back to the system's choice."""
    response = redirect(safe_next(request.form.get("next"), "/"), 303)
    wanted = request.form.get("theme")
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    if wanted in ("light", "dark"):
        response.set_cookie("theme", wanted, max_age=A_YEAR, secure=secure, samesite="Lax")
    else:
        response.delete_cookie("theme", secure=secure, samesite="Lax")
    return response
