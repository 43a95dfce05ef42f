"""The identity is right, or the statement is refused: after whatever may happen in a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from tests.factories import Person
from tests.fixtures.core import WHO
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.models import Product
from webapp.rls import Identity
from webapp.rls.connection import GuardedConnection
from webapp.rls.errors import DatabaseError, IdentityChanged, IdentityMissing, NotPermitted, UniqueViolation
from webapp.rls.transaction import Transaction, prologue

ALL = select(Product).order_by(Product.sku)


def is_still(who: Person, session: Session | Connection) -> None:
    """Check that the server takes this session for ``who``, and shows exactly their rows."""
    assert session.execute(WHO).one() == ("authenticated", str(who.id))
    assert session.execute(select(func.count()).select_from(Product)).scalar_one() == 3


@pytest.fixture
def session(web_engine: Engine, world: World) -> Iterator[Session]:
    """Return a Session of acme's member, who sees acme's three products and no other."""
    with Session(rls.bind(web_engine, world.acme.member.identity)) as opened:
        yield opened


def commit(session: Session) -> None:
    session.commit()


def rollback(session: Session) -> None:
    session.rollback()


def close(session: Session) -> None:
    session.close()


def fail_and_rollback(session: Session) -> None:
    with pytest.raises(DatabaseError):
        session.execute(text("select 1 / 0"))
    session.rollback()


def release_a_savepoint(session: Session) -> None:
    with session.begin_nested():
        session.execute(text("select 1"))


def roll_back_a_savepoint(session: Session) -> None:
    with pytest.raises(DatabaseError), session.begin_nested():
        session.execute(text("select 1 / 0"))


def violate_a_constraint_in_a_savepoint(session: Session) -> None:
    taken = session.scalars(ALL).first()
    assert taken is not None
    with pytest.raises(UniqueViolation) as caught, session.begin_nested():
        session.execute(insert(Product).values(org_id=taken.org_id, name="Again", sku=taken.sku, price=1))
    assert caught.value.constraint == "products_org_id_sku_key"


def lose_the_connection(session: Session) -> None:
    driver = session.connection().connection.driver_connection
    assert driver is not None
    driver.pgconn.finish()
    with pytest.raises(DatabaseError):
        session.execute(text("select 1"))
    session.rollback()


def leave_rows_unread(session: Session) -> None:
    session.execute(text("select generate_series(1, 1000)")).fetchone()
    session.commit()


@pytest.mark.parametrize(
    "what",
    [
        commit,
        rollback,
        close,
        fail_and_rollback,
        release_a_savepoint,
        roll_back_a_savepoint,
        violate_a_constraint_in_a_savepoint,
        lose_the_connection,
        leave_rows_unread,
    ],
)
def test_the_identity_is_the_same_after(what: Callable[[Session], None], session: Session, world: World) -> None:
    is_still(world.acme.member, session)
    what(session)
    is_still(world.acme.member, session)


def test_a_lazy_load_after_a_commit_has_the_identity(session: Session, world: World) -> None:
    product = session.scalars(ALL).first()
    assert product is not None
    session.commit()  # expires what was loaded, so the next look at it is a query of its own
    assert product.name == world.acme.products[0].name


def test_two_sessions_of_one_engine_are_two_people(web_engine: Engine, world: World) -> None:
    ours, theirs = world.acme.member, world.globex.member
    with (
        Session(rls.bind(web_engine, ours.identity)) as mine,
        Session(rls.bind(web_engine, theirs.identity)) as other,
    ):
        for _ in range(2):
            is_still(ours, mine)
            is_still(theirs, other)
            mine.commit()


def test_one_session_cannot_be_handed_to_another_person(session: Session, web_engine: Engine, world: World) -> None:
    bound = rls.bind(web_engine, world.acme.member.identity)
    with pytest.raises(IdentityChanged):
        rls.bind(bound, world.globex.member.identity)
    wanted = rls.Transaction(world.globex.member.identity)
    with bound.connect() as connection, pytest.raises(IdentityChanged):
        connection.execution_options(rowhouse_transaction=wanted)
    with pytest.raises(IdentityChanged):
        session.connection(execution_options={"rowhouse_transaction": wanted})


def test_an_identity_cannot_arrive_in_the_middle_of_a_transaction(web_engine: Engine, world: World) -> None:
    wanted = rls.Transaction(world.acme.member.identity)
    with rls.bind(web_engine, Identity.anonymous()).connect() as connection:
        connection.execute(text("select 1"))
        with pytest.raises(IdentityChanged):
            connection.execution_options(rowhouse_transaction=wanted)


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


def test_autocommit_is_refused(web_engine: Engine, session: Session) -> None:
    with pytest.raises(ArgumentError):
        web_engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    with pytest.raises(ArgumentError):
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


def test_a_stream_keeps_its_identity_while_others_come_and_go(web_engine: Engine, world: World) -> None:
    ours, theirs = world.acme.member, world.globex.member

    def rows() -> Iterator[Product]:
        with Session(rls.bind(web_engine, ours.identity)) as session:
            yield from session.scalars(ALL.execution_options(yield_per=1))

    stream = rows()
    names = [next(stream).name]
    with Session(rls.bind(web_engine, theirs.identity)) as other:
        is_still(theirs, other)
    names += [product.name for product in stream]
    assert names == [item.name for item in world.acme.products]


def test_a_stream_that_outlives_its_session_ends_with_it(web_engine: Engine, world: World) -> None:
    with Session(rls.bind(web_engine, world.acme.member.identity)) as session:
        rows = iter(session.scalars(ALL.execution_options(yield_per=1)))
        next(rows)
        session.commit()
        with pytest.raises(DatabaseError):
            list(rows)


def test_the_login_itself_reads_nothing_even_where_the_guard_is_passed_by(database: Database, world: World) -> None:
    with (
        psycopg.connect(database.web_url, prepare_threshold=None) as driver,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        driver.execute("select * from products")


def test_a_read_only_transaction_refuses_every_write(web_engine: Engine, world: World) -> None:
    with (
        pytest.raises(rls.errors.ReadOnly),
        rls.unit_of_work(web_engine, world.acme.owner.identity, read_only=True) as connection,
    ):
        connection.execute(text("update products set stock = 0"))


def test_a_read_only_transaction_cannot_be_made_writable(web_engine: Engine, world: World) -> None:
    """Postgres lets nobody turn READ ONLY off once a query has run; before that the gate's own query has."""
    with rls.unit_of_work(web_engine, world.acme.owner.identity, read_only=True) as connection:
        is_still(world.acme.owner, connection)
        with pytest.raises(DBAPIError, match="before any query"):
            connection.execute(text("set transaction read write"))
        connection.rollback()


def test_the_sign_in_identity_reads_no_table(web_engine: Engine, world: World) -> None:
    with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, Identity.sign_in()) as connection:
        connection.execute(ALL)
