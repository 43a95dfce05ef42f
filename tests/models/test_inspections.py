"""The log of inspections and the personas: who writes what, that nobody rewrites it, and who counts as signed in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, Engine, text

from tests.factories import Factories, Person
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity
from webapp.rls.errors import CheckViolation, InvalidValue, NotPermitted, Refused, UniqueViolation

RECORD = text(
    "select rowhouse.record_inspection('browse', 'anon', 'Anonymous', 'anon', 'public', 'products', null, 'select')"
)
FINISH = text("select rowhouse.finish_inspection(:id, :rows)")
COUNT = "select count(*) from rowhouse.inspections"
CHANGES = (
    "update {} set actor_name = 'somebody else'",
    "update {} set rows = 5, viewpoint = 'user:1'",
    "delete from {}",
    "merge into {} e using (select 1) s on true when matched then delete",
    "truncate {}",
    "truncate {} cascade",
)


@pytest.fixture
def inspector(database: Database) -> Engine:
    """Return an engine of the Inspector's login, through the pooler."""
    return rls.create_engine(database.inspector_url)


def record(engine: Engine, identity: Identity) -> UUID:
    with rls.unit_of_work(engine, identity) as connection:
        found: UUID = connection.execute(RECORD).scalar_one()
    return found


def finish(engine: Engine, identity: Identity, entry: UUID, rows: int | None = 1) -> None:
    with rls.unit_of_work(engine, identity) as connection:
        connection.execute(FINISH, {"id": entry, "rows": rows})


def claims(person: Person, **changed: Any) -> Identity:
    """Return the identity of a person with other claims; one that is given as None is left out."""
    return Identity.user({k: v for k, v in (person.claims | changed).items() if v is not None})


def test_an_administrator_is_recorded_by_the_database_and_not_by_what_they_say(
    world: World, web_engine: Engine, database: Database
) -> None:
    admin = world.platform_admin
    entry = record(web_engine, claims(admin, email="somebody@else.test", name="Somebody Else"))
    row = database.sql("select actor, actor_name, rows, at > now() - '1 min'::interval from rowhouse.inspections"
                       " where id = %s", (entry,))  # fmt: skip
    assert row == [(admin.id, "Priya Platform (admin@rowhouse.test)", None, True)]


def test_whoever_has_no_name_is_recorded_by_their_address(
    factories: Factories, web_engine: Engine, database: Database
) -> None:
    admin = factories.person(" ", email="nameless@rowhouse.test", platform_admin=True)
    record(web_engine, admin.identity)
    assert database.sql("select actor_name from rowhouse.inspections") == [("nameless@rowhouse.test",)]


@pytest.mark.parametrize(
    "who", ["anon", "none", "stranger", "owner", "forged", "text", "signed out", "banned", "no session", "revoked"]
)
def test_nobody_else_writes_the_log(
    who: str, world: World, web_engine: Engine, database: Database, factories: Factories
) -> None:
    admin, owner = world.platform_admin, world.acme.owner
    started = record(web_engine, admin.identity)
    identity = {
        "anon": Identity.anonymous(),
        "none": Identity.sign_in(),
        "stranger": world.stranger.identity,
        "owner": owner.identity,
        "forged": claims(owner, app_metadata={"rowhouse_admin": True}),
        "text": claims(admin, app_metadata={"rowhouse_admin": "true"}),
        "no session": claims(admin, session_id=None),
    }.get(who, admin.identity)
    if who == "signed out":
        factories.end_session(admin)
    elif who == "banned":
        database.sql("update auth.users set banned_until = now() + interval '1 day' where id = %s", (admin.id,))
    elif who == "revoked":
        database.sql("update auth.users set raw_app_meta_data = '{}' where id = %s", (admin.id,))
    before = database.sql(COUNT)
    with pytest.raises(NotPermitted):
        record(web_engine, identity)
    with pytest.raises(NotPermitted):
        finish(web_engine, identity, started)
    assert database.sql(COUNT) == before


@pytest.mark.parametrize("who", ["owner", "forged", "text", "revoked"])
def test_nobody_else_reads_the_log_or_the_personas(
    who: str, world: World, web_engine: Engine, database: Database
) -> None:
    admin, owner = world.platform_admin, world.acme.owner
    identity = {
        "owner": owner.identity,
        "forged": claims(owner, app_metadata={"rowhouse_admin": True}),
        "text": claims(admin, app_metadata={"rowhouse_admin": "true"}),
        "revoked": admin.identity,
    }[who]
    if who == "revoked":
        database.sql("update auth.users set raw_app_meta_data = null where id = %s", (admin.id,))
    with rls.unit_of_work(web_engine, identity) as connection:
        for table in ("inspections", "personas"):
            assert connection.scalar(text(f"select count(*) from rowhouse.{table}")) == 0


def test_the_command_line_is_recorded_as_its_login(world: World, inspector: Engine, database: Database) -> None:
    service = Identity.service("a test of the log")
    entry = record(inspector, service)
    assert database.sql("select actor, actor_name from rowhouse.inspections where id = %s", (entry,)) == [
        (None, "command line (rowhouse_inspector)")
    ]
    finish(inspector, service, entry, 0)
    with pytest.raises(NotPermitted):
        finish(inspector, service, record(inspector, world.platform_admin.identity))


def test_whoever_is_only_looked_through_writes_nothing(world: World, inspector: Engine) -> None:
    """As an administrator who is not signed in: the login of the Inspector lets their policies answer, no more."""
    looked_through = claims(world.platform_admin, session_id=None)
    with rls.unit_of_work(inspector, looked_through) as connection:
        assert connection.scalar(text("select rowhouse.is_platform_admin()")) is True
        assert connection.scalar(text(COUNT)) == 1
    with pytest.raises(NotPermitted):
        record(inspector, looked_through)


def test_an_entry_is_finished_once_by_its_own_actor(
    world: World, web_engine: Engine, factories: Factories, database: Database
) -> None:
    other = factories.person(platform_admin=True)
    admin = world.platform_admin.identity
    entry = record(web_engine, admin)
    for wrong in (entry, uuid4()):
        with pytest.raises(NotPermitted):
            finish(web_engine, other.identity, wrong)
    for rows, refused in ((None, InvalidValue), (-1, CheckViolation)):
        with pytest.raises(refused):
            finish(web_engine, admin, entry, rows)
    finish(web_engine, admin, entry, 0)
    with pytest.raises(Refused) as again:
        finish(web_engine, admin, entry, 9)
    assert again.value.constraint == "inspections_finished"
    assert database.sql("select rows from rowhouse.inspections where id = %s", (entry,)) == [(0,)]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_or_deletes_an_entry(change: str, database: Database, inspector: Engine) -> None:
    statement = change.format("rowhouse.inspections")
    before = database.sql("select * from rowhouse.inspections")
    with pytest.raises(NotPermitted), rls.unit_of_work(inspector, Identity.service("a test")) as connection:
        connection.execute(text(statement))
    superuser = database.superuser()
    for role in ("origin", "replica"):
        superuser.execute(sql.SQL("set session_replication_role = {}").format(role))
        try:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
                superuser.execute(sql.SQL(statement))
        finally:
            superuser.execute("reset session_replication_role")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
        database.owner().execute(sql.SQL(statement))
    assert database.sql("select * from rowhouse.inspections") == before


@pytest.mark.parametrize("action", ["", "x", "Browse", "drop table", "a" * 40])
def test_an_action_is_a_word(action: str, world: World, web_engine: Engine) -> None:
    with (
        pytest.raises(CheckViolation),
        rls.unit_of_work(web_engine, world.platform_admin.identity) as connection,
    ):
        connection.execute(text("select rowhouse.record_inspection(:a, 'anon', '', 'anon', '', '', null, '')"),
                           {"a": action})  # fmt: skip


def test_the_newest_entries_are_read_from_an_index(world: World, web_engine: Engine, database: Database) -> None:
    admin = world.platform_admin
    database.sql(
        "insert into rowhouse.inspections (actor, actor_name, action)"
        " select case when i %% 2 = 0 then %s::uuid end, 'x', 'browse' from generate_series(1, 5000) i",
        (admin.id,),
    )
    database.sql("analyze rowhouse.inspections")
    with rls.unit_of_work(web_engine, admin.identity) as connection:
        for where in ("true", f"actor = '{admin.id}'"):
            query = f"select * from rowhouse.inspections where {where} and id < '{uuid4()}' order by id desc limit 50"
            plan = "\n".join(connection.execute(text(f"explain (costs off) {query}")).scalars())
            assert "Index Scan Backward" in plan, plan
            assert "Sort" not in plan, plan


def as_admin(engine: Engine, world: World, statement: str, **parameters: Any) -> list[Any]:
    with rls.unit_of_work(engine, world.platform_admin.identity) as connection:
        result = connection.execute(text(statement), parameters)
        return list(result.all()) if result.returns_rows else []


def test_a_persona_is_its_makers_and_everybodys_to_use(
    world: World, web_engine: Engine, factories: Factories, database: Database
) -> None:
    other = factories.person(platform_admin=True)
    add = "insert into rowhouse.personas (name, viewpoint) values ('Maya', 'user:1') returning created_by"
    assert as_admin(web_engine, world, add) == [(world.platform_admin.id,)]
    with rls.unit_of_work(web_engine, other.identity) as connection:
        connection.execute(text("update rowhouse.personas set name = 'Maya L.' where name = 'Maya'"))
    database.sql("delete from auth.users where id = %s", (world.platform_admin.id,))
    with rls.unit_of_work(web_engine, other.identity) as connection:
        found = connection.execute(text("select name, created_by from rowhouse.personas order by name")).all()
        assert found == [("A visitor", None), ("Maya L.", None)]


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("insert into rowhouse.personas (name, viewpoint) values ('A visitor', 'anon')", UniqueViolation),
        ("insert into rowhouse.personas (name, viewpoint) values ('', 'anon')", CheckViolation),
        ("insert into rowhouse.personas (name, viewpoint) values (' x', 'anon')", CheckViolation),
        ("insert into rowhouse.personas (name, viewpoint) values ('x', '')", CheckViolation),
        ("insert into rowhouse.personas (name, viewpoint) values ('x', 'claims')", CheckViolation),
        ("insert into rowhouse.personas (name, viewpoint, claims) values ('x', 'claims', '[]')", CheckViolation),
        ("insert into rowhouse.personas (name, viewpoint, claims) values ('x', 'anon', '{}')", CheckViolation),
        (
            "insert into rowhouse.personas (name, viewpoint, created_by) values ('x', 'anon', gen_random_uuid())",
            NotPermitted,
        ),
        ("update rowhouse.personas set viewpoint = 'user:1'", NotPermitted),
        ("update rowhouse.personas set created_by = null", NotPermitted),
    ],
)
def test_a_persona_that_is_none_is_refused(
    statement: str, refused: type[Exception], world: World, web_engine: Engine
) -> None:
    with pytest.raises(refused):
        as_admin(web_engine, world, statement)


def alive(connection: Connection) -> bool:
    return bool(connection.scalar(text("select rowhouse.session_alive()")))


@pytest.mark.parametrize("state", ["signed out", "banned", "deleted", "unknown", "nobody"])
def test_who_counts_as_signed_in_without_a_session(
    state: str, world: World, inspector: Engine, web_engine: Engine, database: Database, factories: Factories
) -> None:
    """For the login of the Inspector an account that could sign in; for the requests nobody."""
    person = world.acme.owner
    factories.end_sessions(person)
    if state in ("banned", "deleted"):
        column = {"banned": "banned_until = now() + interval '1 day'", "deleted": "deleted_at = now()"}[state]
        database.sql(f"update auth.users set {column} where id = %s", (person.id,))
    identity = claims(person, session_id=None)
    if state == "unknown":
        identity = claims(person, session_id=None, sub=str(uuid4()))
    elif state == "nobody":
        identity = Identity.anonymous()
    with rls.unit_of_work(inspector, identity) as connection:
        assert alive(connection) is (state == "signed out")
    with rls.unit_of_work(web_engine, identity) as connection:
        assert alive(connection) is False


def test_a_session_that_is_named_has_to_live_whoever_asks(
    world: World, inspector: Engine, web_engine: Engine, factories: Factories
) -> None:
    person = world.acme.owner
    for engine in (inspector, web_engine):
        with rls.unit_of_work(engine, person.identity) as connection:
            assert alive(connection)
    factories.end_session(person)
    for engine in (inspector, web_engine):
        with rls.unit_of_work(engine, person.identity) as connection:
            assert not alive(connection)


def test_an_injected_statement_does_not_make_the_requests_login_the_inspectors(
    world: World, web_engine: Engine
) -> None:
    """Claims without a session are dead on the login of the requests, and it cannot become another."""
    forged = json.dumps({k: v for k, v in world.globex.owner.claims.items() if k != "session_id"})
    with rls.unit_of_work(web_engine, world.acme.owner.identity) as connection:
        connection.execute(text("select set_config('request.jwt.claims', :claims, true)"), {"claims": forged})
        assert connection.scalar(text("select count(*) from products")) == 0
    for name in ("session_authorization", "role"):
        with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, world.acme.owner.identity) as connection:
            connection.execute(text(f"select set_config('{name}', 'rowhouse_inspector', true)"))


def test_no_live_session_of_anybody_is_among_what_is_told_of_people(
    world: World, inspector: Engine, database: Database
) -> None:
    sessions = {str(row[0]) for row in database.sql("select id from auth.sessions")}
    with rls.unit_of_work(inspector, Identity.service("a test")) as connection:
        told = str(connection.execute(text("select * from rowhouse.inspect_people('', 100)")).all())
        told += str(connection.execute(text("select * from rowhouse.inspect_members('acme', 'owner')")).all())
    assert world.acme.owner.email in told
    assert len(sessions) > 5
    assert not any(session in told for session in sessions)
    assert "$2a$" not in told


def test_the_log_is_emptied_between_tests_and_guarded_again(database: Database, make_log: Callable[[], None]) -> None:
    make_log()
    database.empty()
    assert database.sql(COUNT) == [(0,)]
    enabled = database.sql(
        "select tgname, tgenabled from pg_trigger where tgrelid = 'rowhouse.inspections'::regclass order by 1"
    )
    assert enabled == [("inspections_append_only", "A"), ("inspections_no_truncate", "A")]


@pytest.fixture
def make_log(factories: Factories) -> Callable[[], None]:
    def make() -> None:
        factories.inspection(factories.person())

    return make
