"""The addresses that machines ask."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from webapp.blueprints.health import queries
from webapp.rls.errors import DatabaseError
from webapp.web import access
from webapp.web.scope import current

bp = Blueprint("health", __name__)


@bp.get("/health")
@access.public()
def alive() -> ResponseReturnValue:
    """Answer without the database: a process that answers need not be restarted because Postgres is away."""
    return jsonify(status="alive")


@bp.get("/health/ready")
@access.public()
def ready() -> ResponseReturnValue:
    """Answer 200 when the database is reached and its schema is the one that this code was written for."""
    wanted = current_app.config["SCHEMA_HEAD"]
    try:
        found = queries.schema_revision(current.session)
    except DatabaseError:
        return jsonify(status="not ready", reason="The database cannot be reached."), 503, {"Retry-After": "2"}
    if found != wanted:
        reason = f"The schema is at revision {found}; this code needs {wanted}. Run: rowhouse migrate"
        return jsonify(status="not ready", reason=reason), 503, {"Retry-After": "10"}
    return jsonify(status="ready", revision=found)
