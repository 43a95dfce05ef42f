"""The addresses that machines ask."""

from __future__ import annotations

import structlog
from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from webapp.blueprints.health import queries
from webapp.rls.errors import DatabaseError, SchemaMissing, Unavailable
from webapp.web import access, gate
from webapp.web.scope import current

bp = Blueprint("health", __name__)
log = structlog.get_logger(__name__)


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
        gate.check_login_if_unchecked()
        found = queries.schema_revision(current.session)
    except SchemaMissing:
        found = None
    except DatabaseError as exc:
        log.error("not_ready", kind=type(exc).__name__, sqlstate=exc.sqlstate, cause=str(exc.__cause__))
        reason = (
            "The database cannot be reached." if isinstance(exc, Unavailable) else "The database refuses to answer."
        )
        return jsonify(status="not ready", reason=reason), 503, {"Retry-After": "2"}
    if found != wanted:
        there = f"The schema is at revision {found}" if found else "The database was never migrated"
        reason = f"{there}; this code needs {wanted}. Run: rowhouse migrate"
        return jsonify(status="not ready", reason=reason), 503, {"Retry-After": "10"}
    return jsonify(status="ready", revision=found)
