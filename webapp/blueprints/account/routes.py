"""The addresses of signing up, in and out.

Every refusal of a form is a 422 with the form, wrong credentials too: 401 would ask the browser for credentials of
another kind. Too many attempts are a 429 that says when the next one counts.
"""

from __future__ import annotations

import math
from typing import Any

from flask import Blueprint, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from webapp.blueprints.account.forms import SignInForm, SignUpForm
from webapp.identity import accounts
from webapp.identity.identify import held_tokens, hold_tokens
from webapp.identity.provider import AccountExists, Tokens, TooManyAttempts, Visitor, WeakPassword, WrongCredentials
from webapp.web import access
from webapp.web.redirects import safe_next
from webapp.web.scope import current
from webapp.web.templating import render
from webapp.web.toasts import toast

bp = Blueprint("account", __name__, template_folder="templates")


@bp.get("/signin")
@access.public()
def signin() -> ResponseReturnValue:
    """Show the form; whoever is signed in already goes on to where they were going."""
    if current.context().viewer is not None:
        return redirect(safe_next(request.args.get("next"), url_for("organizations.enter")), 303)
    return render("account/signin.html", form=SignInForm(formdata=None, next=request.args.get("next", "")))


@bp.post("/signin")
@access.public()
def signin_submit() -> ResponseReturnValue:
    """Sign in; a session that the browser had before ends."""
    form = SignInForm()
    if not form.validate():
        return _again("account/signin.html", form)
    try:
        tokens = accounts().provider.sign_in(
            form.email.data or "", form.password.data or "", _visitor(), remember=bool(form.remember.data)
        )
    except WrongCredentials:
        form.form_errors.append("No account has this e-mail address and password. Check both, and try again.")
        return _again("account/signin.html", form)
    except TooManyAttempts as exc:
        return _later("account/signin.html", form, exc)
    _begin_session(tokens, remember=bool(form.remember.data))
    return redirect(safe_next(form.next.data, url_for("organizations.enter")), 303)


@bp.get("/signup")
@access.public()
def signup() -> ResponseReturnValue:
    """Show the form; whoever is signed in already goes on to where they were going."""
    if current.context().viewer is not None:
        return redirect(safe_next(request.args.get("next"), url_for("organizations.enter")), 303)
    return render("account/signup.html", form=SignUpForm(formdata=None, next=request.args.get("next", "")))


@bp.post("/signup")
@access.public()
def signup_submit() -> ResponseReturnValue:
    """Make an account and sign in with it; it is in no organisation yet, so the next thing is to make one."""
    form = SignUpForm()
    if not form.validate():
        return _again("account/signup.html", form)
    try:
        tokens = accounts().provider.sign_up(
            form.email.data or "", form.password.data or "", _visitor(), full_name=form.name.data or ""
        )
    except WeakPassword as exc:
        form.password.errors = [*form.password.errors, *exc.reasons]
        return _again("account/signup.html", form)
    except AccountExists:
        form.email.errors = [*form.email.errors, "This address has an account already. Sign in with it."]
        return _again("account/signup.html", form)
    except TooManyAttempts as exc:
        return _later("account/signup.html", form, exc)
    _begin_session(tokens, remember=False)
    return redirect(safe_next(form.next.data, url_for("organizations.new")), 303)


@bp.post("/signout")
@access.public()
def signout() -> ResponseReturnValue:
    """End the session, in every copy of the cookie; one that is over already only loses its cookie.

    A Bearer token ends the session that it names and no other: what the cookie says is not asked then, or left alone.
    """
    who = current.who
    if who.source == "bearer" and who.claims is not None:
        accounts().provider.end_session(who.claims)
        return "", 204
    _end_session()
    session.clear()
    toast("You are signed out.")
    return redirect(url_for("site.landing"), 303)


def _begin_session(tokens: Tokens, *, remember: bool) -> None:
    """Put ``tokens`` into a session that has nothing of the one before it, the CSRF token included."""
    _end_session()
    session.clear()
    session.permanent = remember
    hold_tokens(session, tokens)
    # Made now, with the tokens: a page that made it later would send this cookie again, perhaps after a refresh.
    g.pop("csrf_token", None)
    generate_csrf()


def _end_session() -> None:
    held = held_tokens(session)
    if held is not None:
        accounts().provider.sign_out(held)


def _visitor() -> Visitor:
    return Visitor.at(request.remote_addr, request.user_agent.string)


def _again(template: str, form: Any) -> ResponseReturnValue:
    response = render(template, form=form)
    response.status_code = 422
    return response


def _later(template: str, form: Any, refusal: TooManyAttempts) -> ResponseReturnValue:
    minutes = math.ceil(refusal.retry_after / 60)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    form.form_errors.append(f"There were too many attempts. Try again in {wait}.")
    response = render(template, form=form)
    response.status_code = 429
    response.headers["Retry-After"] = str(refusal.retry_after)
    return response
