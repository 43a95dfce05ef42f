"""Why a write was held back, for the operator's log; for an administrator of the platform on the error page too.

A statement that meets no row, or is refused by a grant or a policy, looks to the application like one that had nothing
to do, or like any other failure. What such a statement was about is noted when it happens, which costs next to nothing;
the engine finds out why when the answer has been sent, in a thread of its own. Nothing in here may fail a request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import structlog
from flask import Flask, Response, current_app, g, has_request_context, request, url_for
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from webapp import rls
from webapp.inspector.attempts import Attempt, Diagnosis, settled, undecided
from webapp.inspector.desk import Desk
from webapp.inspector.diagnose import PATIENCE, diagnose
from webapp.inspector.viewpoint import Viewpoint
from webapp.models import InspectionAction
from webapp.settings import Settings
from webapp.web import inspection, statements
from webapp.web.afterwards import Afterwards
from webapp.web.context import Viewer
from webapp.web.extensions import db

log = structlog.get_logger(__name__)
EVENT: Final = "write_held_back"
FAILED: Final = "diagnosis_failed"
MOST: Final = 3  # of one request
TOGETHER: Final = 2.0  # seconds for all of them, and for an administrator's page to wait
CONNECT: Final = 2  # seconds, the least that libpq knows
SHOWN_ON: Final = frozenset({403, 404, 409, 500})
INSPECTOR: Final = "inspector.table"
TOO_MANY: Final = "Too much was being looked into at that moment, so this was not."
TOO_SLOW: Final = "The database did not say why in time; the log will, if it does."
STATE: Final = "rowhouse.diagnosis"
_NOTES: Final = "held_back"
_REFUSALS: Final = frozenset({"42501", "42P17"})


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what an error page tells an administrator; ``address`` is that of the row in the Inspector, or empty."""

    sentence: str
    diagnosis: Diagnosis | None = None
    address: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it as the JSON of an error has it."""
        found = self.diagnosis
        more = {"kind": found.kind, "policy": found.policy, "clause": found.clause, "step": found.step} if found else {}
        return {name: value for name, value in {"sentence": self.sentence, **more}.items() if value}


@dataclass(slots=True)
class _Notes:
    """Hold what a request has met. ``is_open`` is false while its error page asks the database for itself."""

    refused: list[Attempt] = field(default_factory=list)
    unmet: list[Attempt] = field(default_factory=list)
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class _State:
    """Hold what an application diagnoses with: an engine that gives up sooner than those of the pages."""

    engine: Engine
    afterwards: Afterwards[list[Diagnosis]]


def watch(app: Flask, settings: Settings) -> None:
    """Have ``app`` say what is held back, by the desk that ``inspection.init_app`` made; not if it is switched off."""
    if not settings.inspector_diagnosis:
        return
    url = (settings.inspector_database_url or settings.database_url).get_secret_value()
    engine = rls.create_engine(url, application_name="rowhouse diagnosis", connect_timeout=CONNECT)
    app.extensions[STATE] = _State(engine, Afterwards())
    with app.app_context():
        listen(db.engine)

    @app.after_request
    def look_into_it(response: Response) -> Response:
        if g.get(_NOTES) is not None and (attempts := _take()):
            response.call_on_close(partial(app.extensions[STATE].afterwards.submit, _job(attempts)))
        return response


def listen(engine: Engine) -> None:
    """Have what is held back on ``engine`` noted with the request that it happens in."""
    event.listen(engine, "after_cursor_execute", _met)
    event.listen(engine, "handle_error", _refused)


def _met(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
    """Note an UPDATE or DELETE that met fewer rows than it was sent for (SQLAlchemy's ``after_cursor_execute``)."""
    # Each statement of each request passes here; -1 is a query whose rows still come.
    count = cursor.rowcount
    if count < 0 or count >= (len(parameters) if executemany else 1):
        return
    try:
        _note(statements.of_no_row(connection, cursor, context))
    except Exception:
        log.exception(FAILED, step="note")


def _refused(context: ExceptionContext) -> None:
    """Note a statement that a grant or a policy refused (SQLAlchemy's ``handle_error``)."""
    try:
        error: Any = context.original_exception
        if getattr(error, "sqlstate", None) in _REFUSALS:
            _note(statements.of_refusal(context.connection, error, context.execution_context))
    except Exception:
        log.exception(FAILED, step="note")


def _note(attempts: Sequence[Attempt]) -> None:
    if not attempts or not has_request_context():
        return
    notes: _Notes = g.setdefault(_NOTES, _Notes())
    if notes.is_open:
        for attempt in attempts:
            kept = notes.refused if attempt.sqlstate else notes.unmet
            if len(kept) < MOST:
                kept.append(attempt)


def _take() -> list[Attempt]:
    """Return what this request has met, refusals first and at most a few, and forget it."""
    notes: _Notes | None = g.get(_NOTES)
    if notes is None:
        return []
    # Those first of which most can be said.
    found = [*notes.refused, *sorted(notes.unmet, key=lambda attempt: not attempt.table)][:MOST]
    notes.refused, notes.unmet = [], []
    return found


def _job(attempts: Sequence[Attempt]) -> partial[list[Diagnosis]]:
    """Return the job of finding out about ``attempts`` and logging it, which needs no request any more."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # of the proxy
    facts = {"request_id": g.get("request_id"), "route": str(request.url_rule) if request.url_rule else None}
    return partial(_look, app, tuple(attempts), facts)


def _look(app: Flask, attempts: Sequence[Attempt], facts: Mapping[str, Any]) -> list[Diagnosis]:
    """Find out about ``attempts`` one after the other, within a time for all of them, and log each."""
    state: _State = app.extensions[STATE]
    if dropped := state.afterwards.dropped():
        log.warning("diagnoses_dropped", count=dropped)
    until = time.monotonic() + TOGETHER
    found = []
    for attempt in attempts:
        began = time.monotonic()
        try:
            diagnosis = settled(attempt) or diagnose(_desk(app), attempt, patience=min(PATIENCE, until - began))
        except rls.errors.Unavailable:
            diagnosis = undecided(attempt, "the Inspector's database cannot be reached")
        except Exception:
            log.exception(FAILED, step="diagnose", **facts)
            continue
        found.append(diagnosis)
        _write(attempt, diagnosis, facts, time.monotonic() - began)
    return found


def _desk(app: Flask) -> Desk:
    """Return the Inspector's desk on an engine that gives up sooner. Raises as ``inspection.desk`` does."""
    with app.app_context():
        return replace(inspection.desk(), engine=app.extensions[STATE].engine)


def _write(attempt: Attempt, diagnosis: Diagnosis, facts: Mapping[str, Any], seconds: float) -> None:
    if diagnosis.is_alarming or (attempt.sqlstate and not attempt.raised):
        write = log.warning
    elif diagnosis.kind == "missing" and not attempt.names_row:
        write = log.debug  # many rows could have been meant, and there were none: nothing was hidden
    else:
        write = log.info
    write(
        EVENT,
        kind=diagnosis.kind,
        sentence=diagnosis.sentence,
        table=f"{attempt.schema}.{attempt.table}" if attempt.table else None,
        command=attempt.command or None,
        policy=diagnosis.policy or None,
        clause=diagnosis.clause or None,
        key=dict(diagnosis.key) or None,
        sqlstate=attempt.sqlstate or None,
        milliseconds=round(seconds * 1000, 1),
        **facts,
    )


def for_page(status: int) -> Told | None:
    """Return what an administrator is told on an error page of ``status``; None for everybody else, asking nobody.

    It shows what they may not see as themselves, so it is a use of the Inspector: it is recorded before anything is
    read, and the database decides whether they are an administrator. Waits a bounded time; raises nothing.
    """
    scope, state = g.get("scope"), current_app.extensions.get(STATE)
    if state is None or status not in SHOWN_ON or g.get(_NOTES) is None:
        return None
    if scope is None or scope.viewer is None or not scope.viewer.is_platform_admin:
        return None
    try:
        return _for_page(state, scope.viewer)
    except Exception:
        log.exception(FAILED, step="page")
        return None


def _for_page(state: _State, viewer: Viewer) -> Told | None:
    taken = _take()
    if not taken:
        return None
    first = taken[0]
    notes: _Notes = g.get(_NOTES)
    notes.is_open = False  # what recording meets is none of the request's own
    try:
        seen_as = Viewpoint(f"user:{viewer.id}", viewer.name, first.identity)
        on: dict[str, Any] = {"command": first.command or None, "key": first.key}
        if first.table:
            on |= {"schema": first.schema, "table": first.table}
        entry = inspection.record(InspectionAction.WHY, seen_as, **on)
        future = state.afterwards.submit(_job([first]))
        try:
            found = future.result(TOGETHER) if future else None
        except TimeoutError:
            return Told(TOO_SLOW)
        if not found:
            return Told(TOO_MANY) if future is None else None
        inspection.finish(entry, int(found[0].explanation is not None))
        return Told(found[0].sentence, found[0], _address(viewer, first, found[0]))
    finally:
        notes.is_open = True
        _note(taken[1:])


def _address(viewer: Viewer, attempt: Attempt, diagnosis: Diagnosis) -> str:
    """Return the Inspector's address of what was met, where there are such pages."""
    if not attempt.table or INSPECTOR not in current_app.view_functions:
        return ""
    asked: dict[str, Any] = {"as": f"user:{viewer.id}", "command": attempt.command}
    key = diagnosis.explanation.key if diagnosis.explanation else attempt.key
    if key and attempt.command != "insert":
        asked["row"] = json.dumps(dict(key))
    return url_for(INSPECTOR, schema=attempt.schema, table=attempt.table, **asked)
