"""The guard: without an identity nothing is sent, by whatever door, and nothing takes the identity away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.fixtures.core import is_still
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity
from webapp.rls.connection import GuardedConnection
from webapp.rls.errors import IdentityMissing
from webapp.rls.transaction import Transaction, prologue


def by_connect(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(text("select 1")).all()


def by_begin(engine: Engine) -> Any:
    with engine.begin() as connection:
        return connection.execute(text("select 1")).all()


def by_session(engine: Engine) -> Any:
    with Session(engine) as session:
        return session.execute(text("select 1")).all()


def by_driver_sql(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql("select 1").all()


@contextmanager
def raw(engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    """Yield the driver's connection, as code does that wants COPY or a notice."""
    with closing(engine.raw_connection()) as proxy:
        assert isinstance(proxy.driver_connection, psycopg.Connection)
        yield proxy.driver_connection


def by_raw_cursor(engine: Engine) -> Any:
    with raw(engine) as connection:
        return connection.cursor().execute("select 1").fetchall()


def by_raw_connection(engine: Engine) -> Any:
    with raw(engine) as connection:
        return connection.execute("select 1").fetchall()


def by_executemany(engine: Engine) -> Any:
    with raw(engine) as connection:
        return connection.cursor().executemany("select %s", [(1,), (2,)])


def by_stream(engine: Engine) -> Any:
    with raw(engine) as connection:
        return list(connection.cursor().stream("select 1"))


def by_copy(engine: Engine) -> Any:
    with raw(engine) as connection, connection.cursor().copy("copy (select 1) to stdout") as copy:
        return list(copy)


def by_server_side_cursor(engine: Engine) -> Any:
    with raw(engine) as connection, connection.cursor("named") as cursor:
        return cursor.execute("select 1").fetchall()


def by_psycopg_transaction(engine: Engine) -> Any:
    with raw(engine) as connection, connection.transaction():
        return connection.execute("select 1").fetchall()


def by_pipeline(engine: Engine) -> Any:
    with raw(engine) as connection, connection.pipeline():
        return connection.execute("select 1").fetchall()


def by_cursor_class(engine: Engine) -> Any:
    with raw(engine) as connection:
        return connection.cursor_factory(connection).execute("select 1").fetchall()


@pytest.mark.parametrize(
    "door",
    [
        by_connect, by_begin, by_session, by_driver_sql, by_raw_cursor, by_raw_connection, by_executemany, by_stream,
        by_copy, by_server_side_cursor, by_psycopg_transaction, by_pipeline,
        by_cursor_class,
    ],
)  # fmt: skip
def test_without_an_identity_nothing_is_sent(door: Callable[[Engine], Any], web_engine: Engine) -> None:
    with pytest.raises(IdentityMissing):
        door(web_engine)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_raw_connection_is_nobody_again_after_its_transaction(end: str, web_engine: Engine, world: World) -> None:
    with rls.bind(web_engine, world.acme.member.identity).connect() as connection:
        is_still(world.acme.member, connection)
        driver = connection.connection.driver_connection
        assert driver is not None
        getattr(driver, end)()
        with pytest.raises(IdentityMissing):
            driver.execute("select 1")


@pytest.mark.parametrize(
    "words",
    [
        "commit", "COMMIT AND CHAIN", "rollback", "rollback and chain", "rollback/**/and/**/chain", "end", "abort",
        "begin",
        "/* a /* b */ */ ; -- c\n commit and chain", "prepare transaction 'x'", "start transaction",
    ],
)  # fmt: skip
def test_no_statement_ends_the_transaction(web_engine: Engine, world: World, words: str) -> None:
    with rls.bind(web_engine, world.acme.member.identity).connect() as connection:
        is_still(world.acme.member, connection)
        with pytest.raises(IdentityMissing):
            connection.exec_driver_sql(words)
        is_still(world.acme.member, connection)


@pytest.mark.parametrize("kind", [psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor])
def test_no_cursor_of_psycopgs_own_goes_around_the_guard(web_engine: Engine, kind: type[psycopg.Cursor[Any]]) -> None:
    with raw(web_engine) as driver, kind(driver) as cursor, pytest.raises(IdentityMissing):
        cursor.execute("select 1")


LEFT_BEHIND = """
select set_config('request.jwt.claim', %(claims)s, false), set_config('request.jwt.claim.sub', %(sub)s, false),
       set_config('request.jwt.claim.role', 'authenticated', false),
       set_config('request.jwt.claims', %(claims)s, false),
       set_config('search_path', 'pg_catalog', false), set_config('default_transaction_read_only', 'on', false),
       set_config('row_security', 'off', false), set_config('default_transaction_isolation', 'serializable', false)
"""
FOUND = """
select auth.uid(), auth.role(), coalesce(auth.jwt() ->> 'sub', ''), current_setting('search_path'),
       current_setting('transaction_read_only'), current_setting('row_security'),
       current_setting('transaction_isolation')
"""


@pytest.mark.usefixtures("soiled")
def test_what_somebody_left_on_the_connection_for_its_session_reaches_nobody(web_engine: Engine, world: World) -> None:
    ours, theirs = world.acme.owner, world.globex.owner
    with raw(web_engine) as driver:
        assert isinstance(driver, GuardedConnection)

        def begin(identity: Identity) -> None:
            driver.begin_as(identity, prologue(Transaction(identity), driver.info.server_version))

        begin(theirs.identity)
        driver.execute(LEFT_BEHIND, {"claims": theirs.identity.claims, "sub": str(theirs.id)})
        driver.commit()
        begin(ours.identity)
        row = driver.execute(FOUND).fetchone()
        assert row == (ours.id, "authenticated", str(ours.id), "public", "off", "on", "read committed")
        driver.commit()
        begin(Identity.anonymous())
        assert driver.execute("select auth.uid(), auth.role()").fetchone() == (None, "anon")
        driver.rollback()


@pytest.mark.parametrize("how", ["copy", "stream"])
def test_a_server_side_cursor_sends_nothing_by_its_other_methods(web_engine: Engine, how: str) -> None:
    def copied(cursor: psycopg.ServerCursor[Any]) -> object:
        with cursor.copy("copy (select 1) to stdout") as copy:
            return copy.read()

    def streamed(cursor: psycopg.ServerCursor[Any]) -> object:
        return next(iter(cursor.stream("select 1")))

    with raw(web_engine) as driver, driver.cursor("named") as cursor, pytest.raises(IdentityMissing):
        (copied if how == "copy" else streamed)(cursor)


def test_the_login_itself_reads_nothing_even_where_the_guard_is_passed_by(database: Database, world: World) -> None:
    with (
        psycopg.connect(database.web_url, prepare_threshold=None) as driver,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        driver.execute("select * from products")
