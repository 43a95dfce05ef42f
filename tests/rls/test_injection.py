"""What an injected statement can and cannot do: the database holds where the application fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from tests.fixtures.core import WHO
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls.errors import DatabaseError, IdentityMissing, NotPermitted


def weak(connection: Connection, given: str) -> list[str]:
    """Search products as nobody ever should: by pasting what was typed into the statement."""
    statement = f"select name from products where name = '{given}'"
    return [str(row[0]) for row in connection.exec_driver_sql(statement)]


@pytest.fixture
def connection(web_engine: Engine, world: World) -> Iterator[Connection]:
    """Return the connection of acme's owner."""
    with rls.bind(web_engine, world.acme.owner.identity).connect() as opened:
        yield opened


@pytest.mark.parametrize(
    "given",
    [
        "'; delete from products; --",
        "'; commit; select 'x",
        "'; rollback; set role none; select 'x",
        "'; set role service_role; select name from products; --",
        "'; reset role; --",
    ],
)
def test_stacked_statements_are_refused(given: str, connection: Connection, world: World, database: Database) -> None:
    with pytest.raises(DBAPIError, match="multiple commands"):
        weak(connection, given)
    assert database.sql("select count(*) from products") == [(6,)]


@pytest.mark.parametrize("options", [{}, {"stream_results": True}, {"no_parameters": True}])
def test_stacked_statements_are_refused_in_every_way_of_executing(
    options: dict[str, bool], connection: Connection
) -> None:
    with pytest.raises((DBAPIError, DatabaseError)) as caught:
        connection.execution_options(**options).execute(text("select 1; select 2")).all()
    assert "multiple commands" in str(caught.value.__cause__ or caught.value)


@pytest.mark.parametrize("role", ["service_role", "postgres", "supabase_admin", "rowhouse_inspector"])
def test_no_other_role_can_be_reached(role: str, connection: Connection) -> None:
    with pytest.raises(NotPermitted):
        weak(connection, f"' union select set_config('role', '{role}', true) --")


@pytest.mark.parametrize(
    "given",
    [
        "' union select rolpassword from pg_authid --",
        "' union select encrypted_password from auth.users --",
        "' union select token from auth.refresh_tokens --",
        "' union select id::text from auth.sessions --",
        "' union select version_num from rowhouse.alembic_version --",
        "' union select pg_read_file('/etc/passwd') --",
        "' union select lo_import('/etc/passwd')::text --",
        "' union select set_config('session_replication_role', 'replica', true) --",
        "' union select pg_terminate_backend(pid)::text from pg_stat_activity where usename = 'postgres' --",
    ],
)
def test_what_is_not_granted_is_refused(given: str, connection: Connection) -> None:
    with pytest.raises(NotPermitted):
        weak(connection, given)


@pytest.mark.parametrize("given", ["' or true --", "' union all select name from products --"])
def test_no_condition_shows_another_tenants_rows(given: str, connection: Connection, world: World) -> None:
    found = weak(connection, given)
    assert found
    assert all(world.acme.marker in name for name in found)


def test_row_security_cannot_be_switched_off(connection: Connection) -> None:
    """With row_security off Postgres raises rather than show rows past a policy."""
    weak(connection, "' union select set_config('row_security', 'off', true) --")
    with pytest.raises(NotPermitted):
        weak(connection, "' or true --")


def test_stepping_out_of_the_role_lands_on_a_login_that_reads_nothing(connection: Connection) -> None:
    weak(connection, "' union select set_config('role', 'none', true) --")
    with pytest.raises(NotPermitted):
        weak(connection, "' or true --")


def test_forged_claims_work_and_end_with_the_transaction(connection: Connection, world: World) -> None:
    """Claims can be forged by whoever can run SQL of their own: RLS bounds mistakes, and injection must not happen.

    What a forger needs is a live session's id, which no statement of theirs can read.
    """
    victim = world.globex.owner
    known = f'{{"sub":"{victim.id}","session_id":"{victim.session_id}"}}'
    guessed = f'{{"sub":"{victim.id}","session_id":"{world.acme.owner.session_id}"}}'
    weak(connection, f"' union select set_config('request.jwt.claims', '{guessed}', true) --")
    assert weak(connection, "' or true --") == []
    weak(connection, f"' union select set_config('request.jwt.claims', '{known}', true) --")
    assert all(world.globex.marker in name for name in weak(connection, "' or true --"))
    connection.commit()
    assert connection.execute(WHO).one() == ("authenticated", str(world.acme.owner.id))


@pytest.mark.usefixtures("soiled")
def test_what_is_left_for_the_session_does_not_reach_the_next_identity(
    web_engine: Engine, connection: Connection, world: World
) -> None:
    """A setting for the session stays on the pooler's connection, but each prologue sets its own above it."""
    victim, other = world.globex.owner, world.acme.viewer
    claims = f'{{"sub":"{victim.id}","session_id":"{victim.session_id}"}}'
    become = f"set_config('role', 'authenticated', false) || set_config('request.jwt.claims', '{claims}', false)"
    weak(connection, f"' union select {become} --")
    connection.commit()
    for _ in range(12):  # more than the pooler has server connections
        with rls.unit_of_work(web_engine, other.identity) as later:
            assert later.execute(WHO).one() == ("authenticated", str(other.id))
        with rls.unit_of_work(web_engine, rls.Identity.sign_in()) as later:
            assert later.execute(WHO).one() == ("rowhouse_web", None)


@pytest.mark.parametrize("statement", ["create temporary table products (name text)", "create table mine (name text)"])
def test_the_web_login_makes_no_table_of_its_own(statement: str, connection: Connection) -> None:
    with pytest.raises(NotPermitted):
        connection.execute(text(statement))


def test_an_injection_cannot_commit_and_go_on_as_nobody(connection: Connection) -> None:
    with pytest.raises(IdentityMissing):
        connection.exec_driver_sql("commit and chain")
