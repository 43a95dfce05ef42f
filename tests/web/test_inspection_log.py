"""The Inspector in a request: an entry stands before the first row is read, and says who it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests.factories import Person
from tests.fixtures.application import Client, MakeApp
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp.inspector import journal
from webapp.inspector.journal import Entry
from webapp.inspector.viewpoints import UnknownViewpoint, Viewpoint
from webapp.models import InspectionAction, Persona
from webapp.rls.errors import NotPermitted, Refused
from webapp.settings import BadSettings
from webapp.web import access, inspection
from webapp.web.scope import current

LOG = (
    "select actor, actor_name, action, viewpoint, viewed_as, role, schema_name, table_name, record_key, command, rows"
    " from rowhouse.inspections where not (action = 'counts' and role = 'anon') order by id"  # not that of the world
)
View = Callable[[], Any]
As = Callable[[Person, View], Any]


@pytest.fixture(scope="module")
def lab(make_app: MakeApp) -> Flask:
    """Return an application with a page that does what a test wants of it."""
    app = make_app()
    app.config["DOES"] = None

    @app.route("/lab", methods=["GET", "POST"])
    @access.signed_in()
    def laboratory() -> dict[str, str]:
        app.config["DOES"]()
        return {}

    return app


@pytest.fixture
def visit(lab: Flask, database: Database) -> Iterator[Callable[..., Any]]:
    """Return what does something within a request of a person, and returns or raises what that does."""

    def run(person: Person, does: View, method: str = "GET") -> Any:
        client = lab.test_client()
        assert isinstance(client, Client)
        assert client.sign_in(person).status_code == 303
        came: list[Any] = []

        def caught() -> None:
            try:
                came.append((does(), None))
            except Exception as exc:
                came.append((None, exc))
                raise

        lab.config["DOES"] = caught
        answer = client.get("/lab") if method == "GET" else client.submit("/lab")
        assert came, answer.status
        value, failed = came[0]
        if failed is not None:
            assert answer.status_code >= 400
            raise failed
        assert answer.status_code == 200
        return value

    yield run
    lab.config["DOES"] = None


def entries(database: Database) -> list[tuple[Any, ...]]:
    return database.sql(LOG)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_use_leaves_who_as_whom_on_what_and_how_many_rows(
    method: str, visit: Any, world: World, database: Database
) -> None:
    seen, admin = world.acme.owner, world.platform_admin

    def look() -> None:
        maya = inspection.viewpoint(f"email:{seen.email}")
        with inspection.recorded(
            InspectionAction.WHY, maya, schema="public", table="products", key={"id": 7}, command="update"
        ) as entry:
            entry.rows = 1

    visit(admin, look, method)
    assert entries(database) == [
        (
            admin.id,
            "Priya Platform (admin@rowhouse.test)",
            "why",
            f"user:{seen.id}",
            f"{seen.name} ({seen.email} · owner of Acme Hardware)",
            "authenticated",
            "public",
            "products",
            {"id": 7},
            "update",
            1,
        )
    ]


def test_the_entry_is_committed_before_the_first_row_is_read(visit: Any, world: World, database: Database) -> None:
    seen: list[Any] = []

    def look() -> None:
        with inspection.recorded(InspectionAction.BROWSE, inspection.viewpoint("anon")) as entry:
            seen.extend(entries(database))  # another connection, while the block has read nothing
            entry.rows = 3

    visit(world.platform_admin, look)
    assert [(row[2], row[-1]) for row in seen] == [("browse", None)]
    assert [(row[2], row[-1]) for row in entries(database)] == [("browse", 3)]


def test_an_answer_that_fails_leaves_its_entry_without_rows(visit: Any, world: World, database: Database) -> None:
    def look() -> None:
        with inspection.recorded(InspectionAction.BROWSE, inspection.viewpoint("anon")):
            raise LookupError("no answer")

    with pytest.raises(LookupError):
        visit(world.platform_admin, look)
    assert [(row[2], row[-1]) for row in entries(database)] == [("browse", None)]


def test_who_is_no_administrator_gets_no_answer_and_leaves_no_entry(
    visit: Any, world: World, database: Database
) -> None:
    read = []

    def look() -> None:
        with inspection.recorded(InspectionAction.BROWSE, inspection.viewpoint("anon")):
            read.append("a row")

    for person in (world.acme.owner, world.stranger):
        with pytest.raises(NotPermitted):
            visit(person, look)
    assert (read, entries(database)) == ([], [])


def test_an_administrator_that_was_revoked_is_none_from_the_next_statement_on(
    visit: Any, world: World, database: Database
) -> None:
    """The claim is still in the cookie's token; the account says otherwise."""
    admin = world.platform_admin

    def look() -> None:
        database.sql("update auth.users set raw_app_meta_data = '{}' where id = %s", (admin.id,))
        inspection.record(InspectionAction.BROWSE)

    with pytest.raises(NotPermitted):
        visit(admin, look)
    assert entries(database) == []


def test_an_entry_is_finished_once_and_by_whoever_began_it(visit: Any, world: World, database: Database) -> None:
    begun: list[UUID] = []
    visit(world.platform_admin, lambda: begun.append(inspection.record(InspectionAction.LOG)))
    database.sql(
        "update auth.users set raw_app_meta_data = '{\"rowhouse_admin\": true}' where id = %s", (world.stranger.id,)
    )
    with pytest.raises(NotPermitted):
        visit(world.stranger, lambda: inspection.finish(begun[0], 5))
    visit(world.platform_admin, lambda: inspection.finish(begun[0], 2))
    with pytest.raises(Refused, match="inspections_finished"):
        visit(world.platform_admin, lambda: inspection.finish(begun[0], 3))
    # What is refused to an administrator is diagnosed, which leaves entries of its own.
    assert [row[-1] for row in entries(database) if row[2] == "log"] == [2]


def test_a_masked_column_of_the_key_is_masked_in_the_log(visit: Any, world: World, database: Database) -> None:
    key = {"Reset-Token": "sesame", "note": "a\0b", "at": world.acme.noted_at}
    visit(world.platform_admin, lambda: inspection.record(InspectionAction.WHY, key=key))
    assert entries(database)[0][8] == {"Reset-Token": "•••", "note": "a\ufffdb", "at": str(world.acme.noted_at)}


def test_a_key_that_is_as_long_as_a_book_is_left_out(visit: Any, world: World, database: Database) -> None:
    visit(world.platform_admin, lambda: inspection.record(InspectionAction.WHY, key={"id": "x" * 50_000}))
    assert entries(database)[0][8] == {"too_long": 50_010}


def test_one_request_holds_one_of_the_poolers_servers_while_it_records(
    visit: Any, world: World, database: Database
) -> None:
    """In a GET the request's own transaction ends first: so many at once would wait for each other."""
    open_now = (
        "select count(*) from pg_stat_activity where usename = 'rowhouse_web' and state like 'idle in transaction%'"
    )

    def look() -> list[int]:
        before = database.admin_sql(open_now)[0][0]
        inspection.record(InspectionAction.BROWSE)
        return [before, database.admin_sql(open_now)[0][0]]

    assert visit(world.platform_admin, look) == [1, 0]


def test_a_persona_is_looked_up_and_looked_through(visit: Any, world: World) -> None:
    def keep() -> tuple[Viewpoint, Viewpoint]:
        current.session.add(Persona(name="Owner", viewpoint="role:acme:owner"))
        claims = {"role": "anon", "country": "NL"}
        made = Persona(name="From NL", viewpoint="claims", claims=claims)
        current.session.add(made)
        current.session.flush()
        owner = current.session.query(Persona).filter_by(name="Owner").one()
        return inspection.viewpoint(f"persona:{owner.id}"), inspection.viewpoint(f"persona:{made.id}")

    owner, dutch = visit(world.platform_admin, keep, "POST")
    assert owner.identity.user_id == world.acme.owner.id
    assert '"country":"NL"' in dutch.identity.claims


@pytest.mark.parametrize("spec", [f"persona:{UUID(int=7)}", "persona:x", "persona:"])
def test_a_persona_that_is_not_there_is_said_to_be_gone(spec: str, visit: Any, world: World) -> None:
    with pytest.raises(UnknownViewpoint, match="no such persona"):
        visit(world.platform_admin, lambda: inspection.viewpoint(spec))


def test_the_command_line_is_recorded_by_its_login(lab: Flask, world: World, database: Database) -> None:
    with lab.app_context():
        desk = inspection.desk()
    first = journal.record_as_operator(desk, Entry("why", None, "public", "products", {"id": 1}, "select"))
    journal.complete_as_operator(desk, first, 1)
    with pytest.raises(Refused):
        journal.complete_as_operator(desk, first, 1)
    assert [(row[0], row[1], row[-1]) for row in entries(database)] == [(None, "command line (rowhouse_inspector)", 1)]


def test_without_a_login_of_its_own_the_desk_sees_nothing_hidden(make_app: MakeApp, database: Database) -> None:
    app = make_app(inspector_database_url=None, inspector_roles=("anon",), inspector_masks=("pin",))
    with app.app_context():
        desk = inspection.desk()
    assert (desk.sees_hidden, sorted(desk.roles)) == (False, ["anon"])
    assert desk.is_masked("user_pin")
    assert not desk.is_masked("password")


@pytest.mark.parametrize(
    ("made_unsafe", "undone", "said"),
    [
        (
            "alter role rowhouse_inspector bypassrls",
            "alter role rowhouse_inspector nobypassrls",
            "inspector has BYPASS",
        ),
        ("alter role rowhouse_inspector superuser", "alter role rowhouse_inspector nosuperuser", "is a superuser"),
        ("grant pg_monitor to rowhouse_inspector", "revoke pg_monitor from rowhouse_inspector", "member of pg_monitor"),
        ("revoke anon from rowhouse_inspector", "grant anon to rowhouse_inspector", "no member of anon"),
    ],
)
def test_an_inspectors_login_that_can_do_too_much_or_too_little_is_refused_at_start(
    made_unsafe: str, undone: str, said: str, make_app: MakeApp, database: Database
) -> None:
    # A grant is taken back by whoever gave it.
    run = database.sql if "anon" in made_unsafe else database.admin_sql
    run(made_unsafe)
    try:
        with pytest.raises(BadSettings, match=f"{said}(.|\n)*INSPECTOR_DATABASE_URL"):
            make_app()
    finally:
        run(undone)


@pytest.mark.usefixtures("database")
def test_a_role_that_was_never_granted_to_the_inspectors_login_is_refused_at_start(make_app: MakeApp) -> None:
    with pytest.raises(BadSettings, match=r"rowhouse_inspector is no member of editor(.|\n)*INSPECTOR_ROLES"):
        make_app(inspector_roles=("anon", "editor"))


def test_an_inspectors_login_that_does_not_answer_stops_nobody_but_the_inspector(
    make_app: MakeApp, world: World, database: Database
) -> None:
    app = make_app(inspector_database_url="postgresql://rowhouse_inspector@127.0.0.1:1/nowhere")
    client = app.test_client()
    assert isinstance(client, Client)
    assert client.sign_in(world.acme.owner).status_code == 303
    client.page("/o/acme/products/")
    with app.app_context(), pytest.raises(Exception, match="cannot be reached"):
        inspection.desk()


def test_the_desk_is_one_for_all_threads(lab: Flask) -> None:
    found = []

    def ask() -> None:
        with lab.app_context():
            found.append(inspection.desk())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(desk) for desk in found}) == 1
