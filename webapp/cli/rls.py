"""``rowhouse rls``: ask the Inspector's engine from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from webapp.inspector.desk import Desk
    from webapp.inspector.explain import Question
    from webapp.inspector.findings import Explanation

ALLOWED, DENIED, UNDECIDED = 0, 1, 2
_STATUS = {"allowed": ALLOWED, "denied": DENIED, "undecided": UNDECIDED}
_NAME = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<bare>[^".]+))(?:\.|$)')


@click.group()
def rls() -> None:
    """Row Level Security: why a row is seen or held back."""


@rls.command("why")
@click.argument("table", metavar="SCHEMA.TABLE")
@click.argument("pk", required=False)
@click.option("--as", "who", required=True, metavar="anon|EMAIL|USER_ID|claims.json", help="Through whose eyes.")
@click.option(
    "--command",
    type=click.Choice(["select", "insert", "update", "delete"]),
    default="select",
    show_default=True,
    help="What they want to do.",
)
@click.option("--row", metavar="JSON", help="The values that INSERT or UPDATE writes, as a JSON object.")
@click.option("--returning", is_flag=True, help="The statement ends in RETURNING the row's key.")
@click.option("--on-conflict", type=click.Choice(["nothing", "update"]), help="INSERT … ON CONFLICT (the key) DO this.")
@click.option("--try", "trial", is_flag=True, help="Do the write, as them, and roll it back: Postgres's own answer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--data", envvar="ROWHOUSE_DATA", help="Folder of the embedded Postgres, where no other is set.")
def why(
    table: str,
    pk: str | None,
    who: str,
    command: str,
    row: str | None,
    returning: bool,
    on_conflict: str | None,
    trial: bool,
    as_json: bool,
    data: str | None,
) -> None:
    """Say why somebody may or may not do something to a row of SCHEMA.TABLE, clause by clause.

    PK is the value of a key of one column; of a longer key, and for a table without one, a JSON object of columns and
    values. INSERT needs none. A name with capitals or a dot in it stands in double quotes: 'public."Order"'.

    The exit status is 0 where it is allowed, 1 where it is not, 2 where that could not be decided.
    """
    from webapp.inspector import as_json as rendering
    from webapp.inspector.evaluate import fault_of
    from webapp.web.typed import printable

    wanted = {"row": row, "returning": returning, "on_conflict": on_conflict, "trial": trial, "data": data}
    problems = _problems()
    try:
        found = _explained(table, pk, who, command, wanted)
    except problems as exc:
        import psycopg

        from webapp.inspector.desk import TooSlow

        said = fault_of(exc).message if isinstance(exc, psycopg.Error) else str(exc)
        if isinstance(exc, TooSlow):
            said = f"Postgres was stopped before it had an answer: {said}."
        if as_json:
            click.echo(json.dumps(rendering.undecided(said), ensure_ascii=False, indent=2))
        click.echo(f"Error: {printable(said)}", err=True)
        raise SystemExit(UNDECIDED) from None
    if as_json:
        click.echo(json.dumps(rendering.explanation(found), ensure_ascii=False, indent=2))
    else:
        for line in lines(found):
            click.echo(printable(line, allowed="\n\t"))  # a value could command the terminal
    raise SystemExit(_STATUS[found.verdict])


def _problems() -> tuple[type[Exception], ...]:
    import psycopg

    from webapp.inspector.catalog import NoSuchTable
    from webapp.inspector.desk import Busy, TooSlow
    from webapp.inspector.explain import NoSuchRow
    from webapp.inspector.viewpoints import UnknownViewpoint
    from webapp.rls.errors import DatabaseError
    from webapp.settings import BadSettings

    ours = (BadSettings, UnknownViewpoint, NoSuchTable, NoSuchRow, TooSlow, Busy)
    return (*ours, ValueError, DatabaseError, psycopg.Error)


def _explained(table: str, pk: str | None, who: str, command: str, wanted: dict[str, Any]) -> Explanation:
    """Record the question, and answer it."""
    from webapp.inspector import catalog, explain, viewpoints

    desk = _desk(wanted["data"])
    schema, name = table_of(table)
    viewpoint = viewpoints.of_command_line(desk, who)
    with desk.look(viewpoint.identity) as look:
        found = catalog.table(look.any_eye, schema, name, viewpoint.identity.role)
    question = _question(found, viewpoint, pk, command, wanted)
    with _recorded(desk, found, question):
        return explain.explain(desk, schema, name, question)


def _question(found: Any, viewpoint: Any, pk: str | None, command: Any, wanted: dict[str, Any]) -> Question:
    from webapp.inspector.explain import Question, key_of
    from webapp.inspector.rows import key_names
    from webapp.inspector.whatif import Wanted

    given = _object(wanted["row"], "--row") if wanted["row"] is not None else {}
    key = key_of(found, pk, _maybe_object(pk)) if pk is not None else None
    if command == "insert" and key is not None:
        given = {**key, **given}
    if command == "insert" and not given:
        raise ValueError('INSERT writes a row: give it by --row, such as --row \'{"name": "Claw hammer"}\'.')
    if given and command not in ("insert", "update"):
        raise ValueError(f"--row belongs to INSERT and UPDATE, not to {command.upper()}.")
    if wanted["on_conflict"] and command != "insert":
        raise ValueError("--on-conflict belongs to INSERT.")
    return Question(
        viewpoint,
        command,
        None if command == "insert" else key,
        Wanted(
            given,
            returning=key_names(found) if wanted["returning"] else (),
            conflict=wanted["on_conflict"],
            conflict_columns=found.key if wanted["on_conflict"] else (),
        ),
        trial=wanted["trial"],
    )


def _desk(data: str | None) -> Desk:
    from webapp import rls as core
    from webapp.inspector.desk import Desk
    from webapp.ops import serve
    from webapp.settings import BadSettings, load_inspector

    settings = load_inspector()
    given = settings.inspector_database_url
    url = given.get_secret_value() if given else serve.inspector_url(data=Path(data) if data else None)
    if url is None:
        raise BadSettings(
            "INSPECTOR_DATABASE_URL is not set, and no embedded database runs here. Set it to the login "
            "rowhouse_inspector, or start bin/serve."
        )
    engine = core.create_engine(url, application_name="rowhouse rls")
    return Desk(engine, roles=frozenset(settings.inspector_roles), masks=settings.inspector_masks)


@contextmanager
def _recorded(desk: Desk, table: Any, question: Question) -> Iterator[None]:
    """Leave an entry in the log of inspections around the block, where this database has one."""
    from webapp.inspector import journal
    from webapp.rls.errors import SchemaMissing

    action = "trial" if question.trial else "why" if question.command == "select" else "what-if"
    entry = journal.Entry(action, question.viewpoint, table.schema, table.name, question.key, question.command)
    number = None
    try:
        number = journal.record_as_operator(desk, entry)
    except SchemaMissing:
        click.echo("Not recorded: this database has no log of inspections.", err=True)
    yield
    if number is not None:
        journal.complete_as_operator(desk, number, 1)


def table_of(text: str) -> tuple[str, str]:
    """Return the schema and the name of ``schema.table``; ``public`` where none is named. Raises ValueError."""
    parts, at = [], 0
    while at < len(text):
        found = _NAME.match(text, at)
        if found is None:
            break
        parts.append(found["quoted"].replace('""', '"') if found["quoted"] else found["bare"])
        at = found.end()
    if at < len(text) or not 1 <= len(parts) <= 2 or text.endswith("."):
        raise ValueError(
            f"{text!r} names no table. Write SCHEMA.TABLE; a name with a dot in it stands in double quotes."
        )
    return (parts[0], parts[1]) if len(parts) == 2 else ("public", parts[0])


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (ValueError, OSError, RecursionError) as exc:
        raise ValueError(f"{option} is no JSON: {exc}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{option} is no JSON object: write columns and values between {{ and }}.")
    return found


def _maybe_object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def lines(found: Explanation) -> list[str]:
    """Return an explanation as a terminal shows it."""
    from webapp.inspector.words import sentence

    marks = {True: "✓", False: "✗", None: "?"}
    shown = [
        f"{ {'allowed': '✓', 'denied': '✗', 'undecided': '?'}[found.verdict] } {sentence(found)}",
        f"  {found.cause}",
        "",
    ]
    for rung in found.rungs:
        mark = marks[rung.passed] if rung.reached else "–"
        stage = f" ({rung.stage})" if rung.stage else ""
        not_reached = "" if rung.reached else "not reached; "
        shown.append(f"  {mark} {rung.title}{stage}: {not_reached}{rung.evidence}")
        for reading in rung.policies:
            if reading.applies:
                value = "raises" if reading.fault else "unknown" if not reading.is_known else _value(reading.value)
                shown.append(f"      {reading.name}, to {', '.join(reading.roles)}: {value}")
                for clause in reading.clauses:
                    shown += _clause_lines(clause, 8)
    shown += ["", f"  Postgres: {found.oracle.outcome}"]
    shown.append("  Trusted: Postgres said the same." if found.trusted else "  Not trusted:")
    shown += [f"    {doubt}" for doubt in found.doubts]
    shown += [f"  Note: {note}" for note in found.notes]
    return [*shown, "", "  The same in psql:", *(f"    {line}" for line in found.statement.splitlines())]


def _value(value: bool | None) -> str:
    return "NULL" if value is None else str(value).lower()


def _clause_lines(clause: Any, indent: int) -> list[str]:
    from webapp.inspector.reasons import plain

    mark = "?" if not clause.is_known else "✓" if clause.value else "✗"
    words = {"and": "all of these", "or": "any of these", "not": "not"}
    # Postgres prints a CASE on several lines, from the left edge on.
    said = words.get(clause.kind) or plain(clause.sql).replace("\n", f"\n{' ' * (indent + 2)}")
    evidence = f"   {clause.evidence}" if clause.evidence else ""
    return [
        f"{' ' * indent}{mark} {said}{evidence}",
        *(line for part in clause.clauses for line in _clause_lines(part, indent + 2)),
    ]
