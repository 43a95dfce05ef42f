"""What-if: a write that has not happened, predicted, and where that is asked for tried and rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp.blueprints.inspector import answers, given, looks
from webapp.blueprints.inspector.addresses import Address
from webapp.blueprints.inspector.given import Typed
from webapp.blueprints.inspector.looks import Schema
from webapp.blueprints.inspector.problems import ERRORS, Problem, problem
from webapp.blueprints.inspector.routes import unseen
from webapp.inspector import as_json, whatif
from webapp.inspector.catalog import Table
from webapp.inspector.findings import Command, Explanation
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import BadRow, Wanted
from webapp.models import InspectionAction
from webapp.web import access, inspection

CONFIRM = "Tick it to have the command run, and rolled back."


def add_to(bp: Blueprint) -> None:
    """Add the addresses to the Inspector's."""
    where = "/<pg:schema>/<pg:table>/what-if"
    bp.add_url_rule(where, view_func=what_if, methods=["GET"])
    bp.add_url_rule(where, view_func=what_if_answer, methods=["POST"])


@dataclass(frozen=True)
class Asked:
    """Hold a what-if: of which table, through whose eyes, what was typed, and the write that it means."""

    at: Address
    seen: Viewpoint
    command: Command
    table: Table
    schemas: tuple[Schema, ...]
    typed: Typed
    wanted: Wanted


@access.platform_admin()
def what_if(schema: str, table: str) -> ResponseReturnValue:
    """Show the form; an address that says what is to be written is answered at once."""
    asked = _asked(schema, table, request.args)
    if isinstance(asked, Address):
        return unseen(asked)
    rowless = asked.command != "insert" and not asked.at.row
    if rowless or answers.wants_json() or "given" in request.args or "predict" in request.args:
        return _answer(asked, InspectionAction.WHAT_IF)
    looks.noted(asked.seen)
    return _form(asked)


@access.platform_admin()
def what_if_answer(schema: str, table: str) -> ResponseReturnValue:
    """Predict what was typed; or try it, and roll it back, where that was asked for and confirmed."""
    asked = _asked(schema, table, request.form)
    if isinstance(asked, Address):
        return unseen(asked)
    if request.form.get("act") != "try":
        return _answer(asked, InspectionAction.WHAT_IF)
    if not asked.typed.confirmed:
        asked.typed.errors["confirm"] = CONFIRM
    return _answer(asked, InspectionAction.TRIAL)


def _asked(schema: str, table: str, values: MultiDict[str, str]) -> Asked | Address:
    """Return what is asked; the address alone where it does not say through whose eyes."""
    at = Address.read(schema, table, request.args)
    if not at.seen_as:
        return at
    command = at.do() if at.command in ("insert", "update", "delete") else "update" if at.row else "insert"
    seen = answers.seen(at.seen_as)
    of, schemas = looks.table(seen, at)
    typed, wanted = given.read(values, of, command)
    return Asked(at, seen, command, of, schemas, typed, wanted)


def _answer(asked: Asked, action: InspectionAction) -> ResponseReturnValue:
    """Answer what was typed; what is wrong with it is marked where it was typed."""
    errors, found, said = asked.typed.errors, None, None
    if asked.command != "insert" and not asked.at.row:
        said = Problem(400, "No row is named", "Open a row of the table and ask from there what if.")
    elif not errors:
        try:
            found = looks.predicted(asked.seen, asked.at, asked.command, asked.wanted, action)
        except BadRow as exc:
            errors.update(_places(asked) or {"given": str(exc)})
        except ERRORS as exc:
            said = problem(exc)
    if answers.wants_json():
        if found is not None:
            return jsonify({"viewpoints": [answers.viewpoint_json(asked.seen)]} | as_json.explanation(found))
        first = next(iter(errors.values()), "")
        return answers.error(said or Problem(422, "That is not a row of this table", first))
    return _form(asked, found, said)


def _form(asked: Asked, found: Explanation | None = None, said: Problem | None = None) -> ResponseReturnValue:
    context: dict[str, Any] = {
        "at": asked.at,
        "seen": asked.seen,
        "schemas": asked.schemas,
        "table": asked.table,
        "command": asked.command,
        "typed": asked.typed,
        "found": found,
        "said": said,
        "returnable": [column.name for column in asked.table.columns],
    }
    status = said.status if said else 422 if asked.typed.errors else 200
    return answers.page("inspector/what_if.html", status=status, **context)


def _places(asked: Asked) -> dict[str, str]:
    """Return what is wrong with which field: each value is read alone, in a row of NULLs."""
    nothing, found = f"({',' * (len(asked.table.columns) - 1)})", {}
    with inspection.desk().look(asked.seen.identity) as look:
        for place, column in enumerate(asked.table.columns):
            if column.name not in asked.wanted.given:
                continue
            try:
                only = Wanted({column.name: asked.wanted.given[column.name]})
                whatif.check(asked.table, only, asked.command)
                whatif.written(look.person, asked.table, nothing, only)
            except BadRow as exc:
                typed = asked.typed.values.get(place) or asked.typed.empties.get(place)
                found[f"c{place}" if typed else "given"] = str(exc)
    return found
