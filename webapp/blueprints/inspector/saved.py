"""The addresses of personas: viewpoints that are saved under a name, for every administrator of the platform."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.inspector import answers, queries
from webapp.blueprints.inspector.forms import PersonaForm
from webapp.blueprints.inspector.routes import chosen, start
from webapp.inspector import viewpoints
from webapp.models import InspectionAction, Persona
from webapp.web import access, inspection
from webapp.web.scope import current
from webapp.web.toasts import toast

TAKEN = "Another persona has this name. Choose another."


def add_to(bp: Blueprint) -> None:
    """Add the addresses to the Inspector's."""
    bp.add_url_rule("/personas", view_func=persona_create, methods=["POST"])
    bp.add_url_rule("/personas/<uuid:persona_id>/rename", view_func=persona_rename, methods=["POST"])
    bp.add_url_rule("/personas/<uuid:persona_id>/delete", view_func=persona_delete, methods=["POST"])


@access.platform_admin()
def persona_create() -> ResponseReturnValue:
    """Save a viewpoint under a name; undoing a deletion comes here too, with all that it needs in the address."""
    form = PersonaForm(request.values)
    spec = request.values.get("as", "")
    if not form.validate() or not spec:
        return start(status=422, form=form)
    seen = answers.seen(spec)
    inspection.record(InspectionAction.PERSONAS, seen, command="save")
    try:
        made = queries.save(current.session, str(form.name.data), seen)
    except queries.NameTaken:
        form.name.errors = [TAKEN]
        return start(status=422, form=form)
    if "name" in request.args:
        toast(f"{made.name} is back.")
        return redirect(url_for("inspector.index"), 303)
    toast(f"{made.name} is saved.")
    return redirect(chosen(f"persona:{made.id}"), 303)


@access.platform_admin()
def persona_rename(persona_id: UUID) -> ResponseReturnValue:
    """Give a persona another name."""
    found = _persona(persona_id)
    form = PersonaForm()
    wrong = "" if form.validate() else str(next(iter(form.name.errors), "Give it a name."))
    if not wrong:
        inspection.record(InspectionAction.PERSONAS, command="rename")
        try:
            queries.rename(current.session, found, str(form.name.data))
        except queries.NameTaken:
            wrong = TAKEN
    if wrong:
        return start(status=422, renaming=(persona_id, str(form.name.data or ""), wrong))
    toast(f"It is called {form.name.data} now.")
    return redirect(url_for("inspector.index"), 303)


@access.platform_admin()
def persona_delete(persona_id: UUID) -> ResponseReturnValue:
    """Delete a persona; whoever is looked through by it in another tab is gone from there."""
    found = _persona(persona_id)
    inspection.record(InspectionAction.PERSONAS, command="delete")
    spec = found.viewpoint
    if found.claims is not None:
        spec = "claims:" + viewpoints.encoded(viewpoints.canonical(found.claims))
    kept: dict[str, Any] = {"name": found.name, "as": spec}
    undo = url_for("inspector.persona_create", **kept)
    current.session.delete(found)
    current.session.flush()
    # A toast travels in the session's cookie, where long claims have no room.
    toast(f"{found.name} is deleted.", undo=undo if len(undo) < 1_500 else None)
    return redirect(url_for("inspector.index"), 303)


def _persona(persona_id: UUID) -> Persona:
    found = queries.persona(current.session, persona_id)
    if found is None:
        abort(404)
    return found
