"""The organisations' addresses."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.organizations import queries
from webapp.blueprints.organizations.forms import OrganizationForm
from webapp.web import access, navigation
from webapp.web.scope import current
from webapp.web.templating import render
from webapp.web.toasts import toast

bp = Blueprint("organizations", __name__, url_prefix="/o", template_folder="templates")


@bp.get("")
@access.signed_in()
def index() -> ResponseReturnValue:
    """List the organisations that the viewer is in."""
    return render("organizations/index.html")


@bp.get("/enter")
@access.signed_in()
def enter() -> ResponseReturnValue:
    """Lead to where the viewer works: into their organisation where they have but one, else to the list."""
    if len(current.orgs) == 1:
        return redirect(url_for(navigation.home().endpoint, slug=current.orgs[0].slug), 303)
    return redirect(url_for("organizations.index"), 303)


@bp.get("/new")
@access.signed_in()
def new() -> ResponseReturnValue:
    """Show the form for another organisation."""
    return render("organizations/new.html", form=OrganizationForm())


@bp.post("")
@access.signed_in()
def create() -> ResponseReturnValue:
    """Make an organisation and go into it."""
    form = OrganizationForm()
    if form.validate():
        name, slug, currency = str(form.name.data), str(form.slug.data), str(form.currency.data)
        try:
            queries.create(current.session, name=name, slug=slug, currency=currency)
        except queries.SlugTaken:
            form.slug.errors = [*form.slug.errors, f"{slug} is taken. Choose another address."]
        else:
            toast(f"{name} is ready. You are its owner.")
            return redirect(url_for(navigation.home().endpoint, slug=slug), 303)
    response = render("organizations/new.html", form=form)
    response.status_code = 422
    return response
