"""What the engine finds as JSON: the same for the pages, the command and tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from webapp.inspector.browse import Page, Seen
from webapp.inspector.findings import Clause, Explanation, Fault, PolicyReading, Rung
from webapp.inspector.words import HIDDEN


def explanation(found: Explanation) -> dict[str, Any]:
    """Return an explanation as what json.dumps() takes."""
    return {
        "table": found.table.full_name,
        "command": found.command,
        "key": dict(found.key),
        "label": found.label,
        "viewpoint": found.viewpoint,
        "role": found.role,
        "claims": json.loads(found.claims) if found.claims else None,
        "verdict": found.verdict,
        "cause": found.cause,
        "oracle": found.oracle.verdict,
        "trusted": found.trusted,
        "doubts": list(found.doubts),
        "notes": list(found.notes),
        "asked": {
            "outcome": found.oracle.outcome,
            "sqlstate": found.oracle.sqlstate or None,
            "milliseconds": found.oracle.milliseconds,
            "is_trial": found.oracle.is_trial,
        },
        "rungs": [_rung(rung) for rung in found.rungs],
        "policies": [_policy(reading, rung) for rung in found.rungs for reading in rung.policies],
        "row": _values(found.values, found.masked),
        "statement": found.statement,
    }


def undecided(said: str) -> dict[str, Any]:
    """Return the answer to a question that could not even be asked, with the same names in it."""
    return {
        "verdict": "undecided",
        "cause": said,
        "error": said,
        "oracle": None,
        "trusted": False,
        "doubts": [said],
        "rungs": [],
        "policies": [],
        "statement": None,
    }


def _values(values: Mapping[str, str | None], masked: frozenset[str]) -> dict[str, str | None]:
    return {name: HIDDEN if name in masked and value is not None else value for name, value in values.items()}


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "name": rung.name,
        "title": rung.title,
        "stage": rung.stage,
        "passed": rung.passed,
        "reached": rung.reached,
        "evidence": rung.evidence,
    }


def _policy(reading: PolicyReading, rung: Rung) -> dict[str, Any]:
    return {
        "name": reading.name,
        "permissive": reading.permissive,
        "command": reading.command,
        "roles": list(reading.roles),
        "applies": reading.applies,
        "why_not": reading.why_not,
        "rung": rung.name,
        "part": reading.part,
        "sql": reading.sql,
        "value": reading.value,
        "is_known": reading.is_known,
        "fault": _fault(reading.fault),
        "volatile": list(reading.volatile),
        "ambient": list(reading.ambient),
        "clauses": [_clause(clause) for clause in reading.clauses],
    }


def _clause(clause: Clause) -> dict[str, Any]:
    return {
        "sql": clause.sql,
        "kind": clause.kind,
        "value": clause.value,
        "is_known": clause.is_known,
        "evidence": clause.evidence,
        "fault": _fault(clause.fault),
        "operands": [
            {"sql": operand.sql, "value": HIDDEN if operand.masked else operand.value} for operand in clause.operands
        ],
        "clauses": [_clause(part) for part in clause.clauses],
    }


def _fault(fault: Fault | None) -> dict[str, str] | None:
    return {"sqlstate": fault.sqlstate, "message": fault.message} if fault else None


def page(found: Page) -> dict[str, Any]:
    """Return a page of rows as what json.dumps() takes."""
    return {
        "table": found.table.full_name,
        "key": list(found.table.key),
        "columns": [{"name": column.name, "type": column.type} for column in found.table.columns],
        "sees_hidden": found.sees_hidden,
        "looked_at": found.looked_at,
        "cut": found.cut,
        "after": list(found.after) if found.after else None,
        "before": list(found.before) if found.before else None,
        "rows": [_seen(seen, found) for seen in found.rows],
    }


def _seen(seen: Seen, found: Page) -> dict[str, Any]:
    return {
        "key": seen.row.key,
        "values": _values(seen.row.values, found.masked),
        "sights": [
            {"visible": s.visible, "reason": s.reason, "policy": s.policy or None, "trusted": s.trusted}
            for s in seen.sights
        ],
    }
