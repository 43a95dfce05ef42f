"""An answer as a page or as JSON, and errors in either with the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from webapp.blueprints.inspector import queries
from webapp.blueprints.inspector.addresses import Address
from webapp.blueprints.inspector.looks import Schema
from webapp.blueprints.inspector.problems import Problem
from webapp.inspector import people as accounts
from webapp.inspector import viewpoints
from webapp.inspector.oracle import MOST_COUNTED, Count
from webapp.inspector.viewpoint import Viewpoint
from webapp.models import Inspection, Persona
from webapp.web import formats, inspection
from webapp.web.errors import RETRY_AFTER
from webapp.web.scope import current
from webapp.web.templating import render

EYES: Final = "inspector_eyes"


def wants_json() -> bool:
    """Tell whether JSON was asked for: by ?format=json, or by an Accept that prefers it to a page."""
    if "format" in request.args:
        return request.args["format"] == "json"
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes["text/html"] < 1


def seen(spec: str) -> Viewpoint:
    """Return the viewpoint of an address, found once per request. Raises UnknownViewpoint."""
    known: dict[str, Viewpoint] = g.setdefault(EYES, {})
    if spec not in known:
        if len(spec) > viewpoints.LONGEST * 6:
            raise accounts.UnknownViewpoint("That is too long to name anybody.")
        found = inspection.viewpoint(spec)
        if spec.startswith("persona:") and found.spec.startswith("claims:"):
            # Nothing in claims says what to call them; whoever saved them did.
            saved = queries.persona(current.session, UUID(spec.removeprefix("persona:")))
            found = replace(found, name=saved.name, short=saved.name) if saved else found
        known[spec] = found
    return known[spec]


def page(template: str, block: str | tuple[str, ...] = (), *, status: int = 200, **context: Any) -> ResponseReturnValue:
    """Render a page of the Inspector; what its frame needs and nobody gave is nothing."""
    usual: dict[str, Any] = {"seen": None, "other": None, "at": None, "schemas": (), "counts": None, "here": ""}
    return _again(render(template, block, **(usual | context)), status)


def refused(said: Problem, **context: Any) -> ResponseReturnValue:
    """Return what is the matter in place of what was asked for."""
    if wants_json():
        return error(said)
    return page("inspector/refused.html", status=said.status, said=said, **context)


def error(said: Problem) -> ResponseReturnValue:
    """Return an error as JSON."""
    response = jsonify(error={"status": said.status, "title": said.title, "message": said.message})
    return _again(response, said.status)


def _again(response: Response, status: int) -> Response:
    """Return the response with its status; one that says "not now" says when to try again."""
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def viewpoint_json(of: Viewpoint) -> dict[str, Any]:
    """Return a viewpoint as JSON."""
    claims = viewpoints.parse_claims(of.identity.claims) if of.identity.claims else None
    return {"as": of.spec, "name": of.name, "detail": of.detail, "role": of.identity.role, "claims": claims}


def person_json(person: accounts.Person) -> dict[str, Any]:
    """Return an account as JSON."""
    return {
        "as": f"user:{person.id}",
        "id": str(person.id),
        "email": person.email,
        "name": person.full_name,
        "state": person.state or None,
        "organizations": [{"slug": of.slug, "name": of.org_name, "role": of.role} for of in person.memberships],
    }


def persona_json(persona: Persona) -> dict[str, Any]:
    """Return a saved viewpoint as JSON."""
    return {
        "as": f"persona:{persona.id}",
        "name": persona.name,
        "viewpoint": persona.viewpoint,
        "claims": persona.claims,
    }


def entry_json(entry: Inspection) -> dict[str, Any]:
    """Return an entry of the log as JSON."""
    return {
        "id": str(entry.id),
        "at": entry.at.isoformat(),
        "actor": str(entry.actor) if entry.actor else None,
        "actor_name": entry.actor_name,
        "action": entry.action,
        "viewpoint": entry.viewpoint,
        "viewed_as": entry.viewed_as,
        "role": entry.role,
        "schema": entry.schema_name,
        "table": entry.table_name,
        "key": entry.record_key,
        "command": entry.command,
        "rows": entry.rows,
    }


def schema_json(schema: Schema, counts: dict[int, Count]) -> list[dict[str, Any]]:
    """Return a schema's tables as JSON, with how many rows they have."""
    return [
        {
            "schema": one.entry.schema,
            "table": one.entry.name,
            "kind": one.entry.kind,
            "is_partition": one.entry.is_partition,
            "row_security": one.entry.rls_enabled,
            "forced": one.entry.rls_forced,
            "policies": one.entry.policies,
            "may_select": one.entry.may_select,
            "open_to_browsers": one.is_open,
            "estimate": one.entry.estimate if one.entry.estimate >= 0 else None,
            "rows": count_json(counts.get(one.entry.oid)),
        }
        for one in (*schema.tables, *schema.partitions)
    ]


def count_json(count: Count | None) -> dict[str, Any] | None:
    """Return a count as JSON; ``or_more`` where counting stopped."""
    if count is None:
        return None
    return {
        "visible": count.visible,
        "visible_or_more": count.is_more_visible,
        "total": count.total,
        "total_or_more": count.is_more,
    }


def tally(count: Count | None, *, may_select: bool = True) -> str:
    """Return "63 / 214": how many rows are visible, and how many there are."""
    if count is None:
        return ""
    return f"{visible(count) if may_select else '–'} / {total(count)}"


def visible(count: Count) -> str:
    """Return how many rows are visible, in words of figures."""
    return _figure(count.visible, is_more=count.is_more_visible)


def total(count: Count) -> str:
    """Return how many rows there are: counted, else what the planner believes."""
    if (count.total is None or count.is_more) and count.estimate > MOST_COUNTED:
        return f"≈ {formats.number(_rounded(count.estimate))}"
    return _figure(count.total, is_more=count.is_more)


def _figure(value: int | None, *, is_more: bool) -> str:
    return "?" if value is None else f"{formats.number(value)}{'+' if is_more else ''}"


def _rounded(value: int) -> int:
    """Return an estimate with its two first digits: more of them would be a pretence."""
    unit: int = 10 ** max(0, len(str(value)) - 2)
    return round(value / unit) * unit


def here(at: Address | None) -> dict[str, Any]:
    """Return what of an address chooses whose eyes keeps: the table that it goes back to."""
    return {"schema": at.schema, "table": at.table} if at else {}
