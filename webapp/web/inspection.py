"""The Inspector in a request: its desk, through whom it looks, and the entry that each use of it leaves.

The entry is the one thing that a GET writes. It has a transaction of its own, as the administrator, committed before
the first row is read: an answer that was seen without an entry is what the log is there against, so a page that cannot
be recorded is not given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Flask, current_app, request

from webapp import rls
from webapp.inspector import journal, viewpoints
from webapp.inspector.desk import Desk
from webapp.inspector.viewpoints import UnknownViewpoint, Viewpoint
from webapp.models import InspectionAction, Persona
from webapp.settings import BadSettings, Settings
from webapp.web.extensions import db
from webapp.web.scope import SAFE_METHODS, current

log = structlog.get_logger(__name__)
DESK: Final = "rowhouse.desk"
UNCHECKED: Final = "rowhouse.inspector_unchecked"


def init_app(app: Flask, settings: Settings) -> None:
    """Make the desk of ``app``: on a login of its own, or where there is none on that of the requests."""
    url = settings.inspector_database_url
    with app.app_context():
        engine = db.engine
    if url is not None:
        engine = rls.create_engine(
            url.get_secret_value(), application_name="rowhouse inspector", connect_timeout=settings.connect_timeout_s
        )
    app.extensions[DESK] = Desk(
        engine,
        sees_hidden=url is not None,
        roles=frozenset(settings.inspector_roles),
        masks=settings.inspector_masks,
    )
    app.extensions[UNCHECKED] = url is not None


def check_login(app: Flask) -> None:
    """Refuse an Inspector's login that can do too much or too little. Raises BadSettings, or Unavailable."""
    made: Desk = app.extensions[DESK]
    needed = made.roles | {"anon", "authenticated", "service_role"}
    complaints = rls.check_login(made.engine, member_of=needed, may_bypass=frozenset({"service_role"}))
    if complaints:
        advice = (
            "Set INSPECTOR_DATABASE_URL to the login rowhouse_inspector, or unset it; each role of INSPECTOR_ROLES has "
            "to be granted to that login. See docs/deployment.md."
        )
        raise BadSettings("\n".join((*complaints, advice)))
    app.extensions[UNCHECKED] = False


def check_login_at_start(app: Flask) -> None:
    """Check the Inspector's login now where the database answers, else before it is first used."""
    if app.extensions[UNCHECKED]:
        try:
            check_login(app)
        except rls.errors.Unavailable as exc:
            reason = "INSPECTOR_DATABASE_URL cannot be reached yet; its login is checked later."
            log.warning("login_unchecked", reason=reason, cause=str(exc.__cause__))


def desk() -> Desk:
    """Return the desk of this application. Raises BadSettings where its login is unsafe, which is known by now."""
    if current_app.extensions[UNCHECKED]:
        check_login(current_app)
    found: Desk = current_app.extensions[DESK]
    return found


def viewpoint(spec: str) -> Viewpoint:
    """Return the viewpoint that an address names; a persona is looked up as the administrator.

    Raises UnknownViewpoint, whose text is for them.
    """
    kind, _, rest = spec.partition(":")
    if kind != "persona":
        return viewpoints.resolve(desk(), spec)
    try:
        persona = current.session.get(Persona, UUID(rest))
    except ValueError:
        persona = None
    if persona is None:
        raise UnknownViewpoint("There is no such persona; another administrator may have deleted it.")
    if persona.claims is not None:
        return viewpoints.from_claims(desk(), persona.claims)
    return viewpoints.resolve(desk(), persona.viewpoint)


def record(
    action: InspectionAction,
    seen_as: Viewpoint | None = None,
    *,
    schema: str | None = None,
    table: str | None = None,
    key: Mapping[str, Any] | None = None,
    command: str | None = None,
) -> UUID:
    """Record a use of the Inspector, committed, and return the entry's id. Call it before any row is read.

    Raises NotPermitted for whoever is no administrator. In a GET it ends the request's own transaction first, which
    cannot have changed anything, so that one request does not hold two of the pooler's servers and wait for another.
    """
    if request.method in SAFE_METHODS:
        current.session.close()
    entry = journal.Entry(action, seen_as, schema, table, key, command)
    with current.work() as session:
        return journal.write(session, desk(), entry)


def finish(entry_id: UUID, rows: int) -> None:
    """Say in the entry how many rows the answer had; once."""
    with current.work() as session:
        journal.complete(session, entry_id, rows)


@dataclass(slots=True)
class Recorded:
    """Hold an entry that was begun; what ``rows`` is at the end is written to it."""

    id: UUID
    rows: int = 0


@contextmanager
def recorded(action: InspectionAction, seen_as: Viewpoint | None = None, **on: Any) -> Iterator[Recorded]:
    """Record a use of the Inspector around the block that reads: begun before it, finished after it.

    Where the block raises, the entry stays without a number of rows: somebody asked, and got no answer. ``on`` is what
    ``record`` takes.
    """
    entry = Recorded(record(action, seen_as, **on))
    yield entry
    finish(entry.id, entry.rows)
