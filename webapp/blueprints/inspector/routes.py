"""The Inspector's addresses: whose eyes, the tables, a table's rows with why beside them, and the log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, jsonify, redirect, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from webapp.blueprints.inspector import addresses, answers, looks, queries, shown, telling
from webapp.blueprints.inspector.addresses import Address, NameConverter
from webapp.blueprints.inspector.problems import ERRORS, Problem, problem
from webapp.inspector import as_json, reasons, viewpoints
from webapp.inspector.findings import COMMANDS
from webapp.inspector.people import UnknownViewpoint
from webapp.inspector.viewpoint import Viewpoint
from webapp.models import InspectionAction
from webapp.web import access, inspection
from webapp.web.scope import current
from webapp.web.templating import part_asked_for

bp = Blueprint("inspector", __name__, url_prefix="/inspector", template_folder="templates")


@bp.record_once
def take_any_name(state: BlueprintSetupState) -> None:
    """Give the addresses below the part that takes any name."""
    state.app.url_map.converters["pg"] = NameConverter


WHOSE = Problem(400, "Say through whose eyes", "Add ?as=anon, ?as=user:ID, ?as=email:ADDRESS or another viewpoint.")
KEPT = 60  # seconds for which a browser need not count again


@bp.before_request
def errors_as_asked() -> None:
    """Let the application's own errors be JSON too where that was asked for."""
    g.as_json = answers.wants_json()


@bp.get("/")
@access.platform_admin()
def index() -> ResponseReturnValue:
    """Choose through whose eyes to look; whoever is chosen stands in the addresses from there on."""
    return start()


def start(*, status: int = 200, **context: Any) -> ResponseReturnValue:
    """Render the first page, or go on where somebody was chosen on it."""
    args = request.values
    typed = {name: args.get(name, "").strip() for name in ("q", "claims", "org", "role", "as")}
    errors: dict[str, str] = {}
    found: tuple[Any, ...] | None = None
    seen = _tried("as", typed["as"], errors)
    if part_asked_for() != "inspector_people":
        looks.noted(seen)
    if typed["claims"]:
        spec = "claims:" + viewpoints.encoded(typed["claims"])
        if _tried("claims", spec, errors):
            return redirect(chosen(_canonical(spec)), 303)
    elif typed["org"] and _tried("org", spec := f"role:{typed['org']}:{typed['role'] or 'member'}", errors):
        return redirect(chosen(spec), 303)
    if "q" in args and "\0" not in typed["q"]:
        try:
            found = looks.people(typed["q"])
        except UnknownViewpoint as exc:
            errors["q"] = str(exc)
    saved = () if part_asked_for() == "inspector_people" else queries.personas(current.session)
    if answers.wants_json():
        if errors:
            return answers.error(Problem(422, "Nobody can be looked through by that", next(iter(errors.values()))))
        people = {"people": [answers.person_json(person) for person in found or ()]}
        return jsonify(people | {"personas": [answers.persona_json(persona) for persona in saved]})
    return answers.page(
        "inspector/index.html",
        "inspector_people",
        status=422 if errors else status,
        **({"seen": seen, "typed": typed, "errors": errors, "found": found, "personas": saved} | context),
        at=kept_table() or Address("", "", typed["as"]),
        here="index",
        roles=("owner", "admin", "member", "viewer"),
        comparing=bool(args.get("compare")) and seen is not None,
        chosen=chosen,
        sees_hidden=inspection.desk().sees_hidden,
        schemas=looks.schemas(seen) if seen and not part_asked_for() else (),
    )


def _tried(field: str, spec: str, errors: dict[str, str]) -> Viewpoint | None:
    if not spec:
        return None
    try:
        return answers.seen(spec)
    except UnknownViewpoint as exc:
        errors[field] = str(exc)
        return None


def _canonical(spec: str) -> str:
    return answers.seen(spec).spec


def kept_table() -> Address | None:
    """Return the table that choosing somebody leads back to."""
    schema, table = request.values.get("schema", ""), request.values.get("table", "")
    return Address(schema, table, request.values.get("as", "")) if schema and table else None


def chosen(spec: str) -> str:
    """Return where choosing ``spec`` leads: to the table that one came from, else to all of them."""
    first = request.values.get("as", "")
    kept: dict[str, Any] = answers.here(kept_table())
    kept |= {"as": first, "with": spec} if first and request.values.get("compare") else {"as": spec}
    return url_for("inspector.table" if "table" in kept else "inspector.tables", **kept)


@bp.get("/tables")
@access.platform_admin()
def tables() -> ResponseReturnValue:
    """List every table, with how many rows there are and how many of them are seen."""
    spec = request.args.get("as", "")
    if not spec:
        return unseen(None)
    seen = answers.seen(spec)
    other = answers.seen(request.args["with"]) if request.args.get("with") else None
    listed = looks.schemas(seen)
    if request.args.get("counts") == "no":
        looks.noted(seen)
        counts = {}
    else:
        counts = looks.counted(seen, listed)
    if not part_asked_for():
        looks.noted(other)
    if answers.wants_json():
        every = [line for schema in listed for line in answers.schema_json(schema, counts)]
        return jsonify({"viewpoint": answers.viewpoint_json(seen), "tables": every})
    answer = answers.page(
        "inspector/tables.html",
        "inspector_tables",
        seen=seen,
        other=other,
        at=Address("", "", spec, request.args.get("with", "")),
        schemas=listed,
        counts=counts,
        here="tables",
    )
    if part_asked_for() == "inspector_tables":
        # The sidebar of every page asks for it: counting anew at each click would say little more, and cost much.
        answer.headers["Cache-Control"] = f"private, max-age={KEPT}"  # type: ignore[union-attr]  # a Response of ours
        answer.vary.update(("Cookie", "Authorization"))  # type: ignore[union-attr]
    return answer


@bp.get("/<pg:schema>/<pg:table>")
@access.platform_admin()
def table(schema: str, table: str) -> ResponseReturnValue:
    """Show a table's rows as one or two people see them; beside them why, where the address names a row."""
    at = Address.read(schema, table, request.args)
    if not at.seen_as:
        return unseen(at)
    people = [answers.seen(spec) for spec in (at.seen_as, at.other) if spec]
    part = part_asked_for()
    if answers.wants_json():
        return _table_json(at, people)
    context: dict[str, Any] = {
        "at": at,
        "seen": people[0],
        "other": people[1] if at.other else None,
        "why": _why(at, people) if at.row and part in (None, "why") else None,
        "sheet": looks.sheet(people, at) if part in (None, "inspector_rows") else None,
        "tallies": _tallies(at, people) if part == "inspector_count" or request.args.get("count") else None,
        "people": people,
        "part": part,
    }
    sheet, why = context["sheet"], context["why"]
    if sheet:
        context |= {
            "schemas": sheet.schemas,
            "columns": shown.columns(sheet.table, sheet.page.masked if sheet.page else frozenset()),
            "lines": shown.lines(sheet.page, at) if sheet.page else (),
        }
    said = (sheet and sheet.problem) or (why and why["problem"])
    status = said.status if said else 200
    # htmx puts no server's failure into a part of a page; what took too long is an answer there as any other.
    return answers.page(
        "inspector/table.html",
        ("inspector_rows", "inspector_count", "why"),
        status=200 if part and status >= 500 else status,
        **context,
    )


def _table_json(at: Address, people: list[Viewpoint]) -> ResponseReturnValue:
    whose = {"viewpoints": [answers.viewpoint_json(person) for person in people]}
    if at.row:
        found = looks.why(people[-1] if at.who == "other" else people[0], at)
        return jsonify(whose | as_json.explanation(found))
    if request.args.get("count"):
        return jsonify(whose | {"counts": [answers.count_json(count) for count in looks.count(people, at)]})
    sheet = looks.sheet(people, at)
    if sheet.page is None:
        return answers.error(sheet.problem or Problem(500, "No rows", ""))
    return jsonify(whose | as_json.page(sheet.page))


def _why(at: Address, people: list[Viewpoint]) -> dict[str, Any]:
    """Return what the panel shows: an explanation, or what is the matter."""
    whom = people[-1] if at.who == "other" else people[0]
    try:
        found = looks.why(whom, at)
    except ERRORS as exc:
        return {"problem": problem(exc), "found": None, "whom": whom}
    return {"problem": None, "found": found, "whom": whom}


def _tallies(at: Address, people: list[Viewpoint]) -> list[tuple[Viewpoint, Any]]:
    try:
        return list(zip(people, looks.count(people, at), strict=True))
    except ERRORS:
        return []  # what is wrong with the filters stands above the rows


@bp.get("/log")
@access.platform_admin()
def log() -> ResponseReturnValue:
    """Show what the Inspector was used for: who looked at what as whom, newest first."""
    spec = request.args.get("as", "")
    edges = {name: _id(request.args.get(name)) for name in ("after", "before")}
    seen = _tried("as", spec, {})
    entry = inspection.record(InspectionAction.LOG, seen)
    found = queries.log(current.session, **edges)
    inspection.finish(entry, len(found.entries))
    if answers.wants_json():
        newer, older = (str(edge) if edge else None for edge in (found.newer, found.older))
        entries = [answers.entry_json(entry) for entry in found.entries]
        return jsonify({"before": newer, "after": older, "entries": entries})
    return answers.page(
        "inspector/log.html",
        seen=seen,
        at=Address("", "", spec) if seen else None,
        found=found,
        key=addresses.key,
        schemas=looks.schemas(seen) if seen else (),
        here="log",
    )


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def unseen(at: Address | None) -> ResponseReturnValue:
    """Answer an address that does not say through whose eyes: they are to be chosen first."""
    if answers.wants_json():
        return answers.error(WHOSE)
    return redirect(url_for("inspector.index", **answers.here(at)), 303)


def failed(exc: Exception) -> ResponseReturnValue:
    """Say in the Inspector's own frame what the engine found wrong."""
    whose = request.args.get("as", "")
    known: dict[str, Viewpoint] = g.get(answers.EYES, {})
    seen = known.get(whose)
    return answers.refused(problem(exc), seen=seen, at=Address("", "", whose) if seen else None)


for kind in ERRORS:
    bp.register_error_handler(kind, failed)
bp.add_app_template_filter(reasons.plain, "plain_sql")
bp.add_app_template_filter(telling.sql, "sql")


@bp.context_processor
def words() -> dict[str, Any]:
    """Give the Inspector's templates what they write with."""
    return {"telling": telling, "answers": answers, "shown": shown, "addresses": addresses, "COMMANDS": COMMANDS}
