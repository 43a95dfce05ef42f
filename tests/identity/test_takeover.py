"""One injected SELECT opens no account: what signing in is made of cannot be reached from a request's transaction.

A statement in a statement runs where no FROM clause is looked at: ts_stat and query_to_xml take it as text, and
set_config steps out of the role first. Both were a way to the hash of any password, and to a session of anybody.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests.factories import Person
from tests.fixtures.cluster import Postgres
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.identity import logins
from webapp.rls import Identity
from webapp.rls.errors import NotPermitted

HASH = """
array_to_tsvector(array[user_id::text, password_hash])
from rowhouse_auth.begin_sign_in('{email}', null, 1000, 1000, '1s')
"""
OPEN = """
array_to_tsvector(array[session_id::text])
from rowhouse_auth.open_session('{id}', (select encrypted_password from auth.users where id = '{id}'),
  '{email}', null, '', repeat('a', 64), '1 day')
"""
CREATE = """
array_to_tsvector(array[session_id::text])
from rowhouse_auth.create_account('new@example.test', 'hash', '', null, '', repeat('a', 64), '1 day')
"""
ROTATE = "array_to_tsvector(array[outcome]) from rowhouse_auth.rotate_token('a', 'b', '1 day')"
END = "array_to_tsvector(array['ended']) from rowhouse_auth.end_session('{id}', '{session}') e"
COUNT = "array_to_tsvector(array['counted']) from rowhouse_auth.count_attempt('account', '{email}', 1, '1 day') c"
STEPS = {"hash": HASH, "open": OPEN, "create": CREATE, "rotate": ROTATE, "end": END, "count": COUNT}

# Each runs a statement that it is given as text; each tries with the login's own role and with the one it has.
WAYS = {
    "ts_stat, out of the role": "select set_config('role', 'none', true),"
    " (select string_agg(word, ' ') from ts_stat($$select {step}$$))",
    "ts_stat": "select string_agg(word, ' ') from ts_stat($$select {step}$$)",
    "query_to_xml, out of the role": "select set_config('role', 'none', true),"
    " query_to_xml($$select {step}$$, true, false, '')::text",
    "query_to_xml": "select query_to_xml($$select {step}$$, true, false, '')::text",
    "query_to_xml, back in the session's role": "select set_config('role', 'none', false),"
    " query_to_xml($$select {step}$$, true, false, '')::text",
    "by itself": "select {step}",
}


def identities(world: World) -> dict[str, Identity]:
    """Return whom a request may act as, and the login by itself."""
    return {
        "member": world.acme.member.identity,
        "anon": Identity.anonymous(),
        "none": Identity.sign_in(),
    }


def statement(way: str, step: str, victim: Person) -> str:
    """Return the statement that takes over ``victim`` if it can."""
    whole = WAYS[way].replace("{step}", STEPS[step])
    return whole.format(email=victim.email, id=victim.id, session=victim.session_id)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ["member", "anon", "none"])
def test_no_statement_of_a_request_reaches_what_signing_in_is_made_of(
    who: str, way: str, world: World, database: Database, web_engine: Engine
) -> None:
    before, identity = database.snapshot(), identities(world)[who]
    for step in STEPS:
        given = statement(way, step, world.platform_admin)
        with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, identity) as connection:
            connection.exec_driver_sql(given)
        assert database.snapshot() == before, step


def test_the_statement_would_work_for_the_login_that_signs_people_in(world: World, database: Database) -> None:
    """Without this the tests above could be green for a mistake in their statements."""
    engine = rls.create_engine(database.signin_url)
    with rls.unit_of_work(engine, Identity.sign_in()) as connection:
        given = statement("ts_stat, out of the role", "hash", world.platform_admin)
        found = str(connection.exec_driver_sql(given).one())
    assert "$2" in found
    assert str(world.platform_admin.id) in found


@pytest.mark.parametrize("role", ["rowhouse_signin", "rowhouse_inspector", "postgres"])
@pytest.mark.usefixtures("database")
def test_the_requests_cannot_become_another_login(role: str, web_engine: Engine) -> None:
    for setting in ("role", "session_authorization"):
        with (
            pytest.raises(NotPermitted),
            rls.unit_of_work(web_engine, Identity.anonymous()) as connection,
        ):
            connection.execute(text("select set_config(:setting, :role, true)"), {"setting": setting, "role": role})


def complaints(database: Database) -> str:
    """Return what the application would say at start of the logins of ``database``."""
    return "\n".join(logins.complaints(rls.create_engine(database.web_url), rls.create_engine(database.signin_url)))


def test_nothing_is_wrong_with_the_logins_that_the_migrations_make(database: Database) -> None:
    assert complaints(database) == ""


@pytest.mark.parametrize(
    ("unsafe", "safe", "said"),
    [
        ("grant anon to rowhouse_signin", "revoke anon from rowhouse_signin", "member of anon"),
        ("grant authenticated to rowhouse_signin", "revoke authenticated from rowhouse_signin", "of authenticated"),
        ("grant service_role to rowhouse_signin", "revoke service_role from rowhouse_signin", "of service_role"),
        ("alter role rowhouse_signin superuser", "alter role rowhouse_signin nosuperuser", "superuser"),
        ("alter role rowhouse_signin bypassrls", "alter role rowhouse_signin nobypassrls", "BYPASSRLS"),
        ("grant rowhouse_signin to rowhouse_web", "revoke rowhouse_signin from rowhouse_web", "as rowhouse_signin"),
        ("grant usage on schema rowhouse_auth to rowhouse_web", "", "as rowhouse_web"),
        ("grant usage on schema rowhouse_auth to authenticated", "", "as authenticated"),
        (
            "grant execute on function rowhouse_auth.close_session(text) to public",
            "",
            "as anon, authenticated, rowhouse_web",
        ),
    ],
)
def test_a_login_that_could_be_misused_is_refused_by_name(
    spare_database: Callable[[], Database], postgres: Postgres, unsafe: str, safe: str, said: str
) -> None:
    database = spare_database()
    try:
        database.admin_sql(unsafe)
        assert said in complaints(database)
    finally:
        if safe:
            database.admin_sql(safe)


def test_a_database_before_its_first_migration_is_no_reason_to_refuse(
    spare_database: Callable[[], Database],
) -> None:
    database = spare_database()
    database.admin_sql("drop schema rowhouse_auth cascade")
    assert complaints(database) == ""
