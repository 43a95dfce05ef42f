"""The identity is right, or the statement is refused: after whatever may happen in a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from tests.fixtures.core import is_still
from tests.fixtures.world import World
from webapp import rls
from webapp.models import Product
from webapp.rls import Identity
from webapp.rls.errors import DatabaseError, IdentityChanged, NotPermitted, UniqueViolation

ALL = select(Product).order_by(Product.sku)


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


def test_a_read_only_transaction_refuses_every_write(web_engine: Engine, world: World) -> None:
    with (
        pytest.raises(rls.errors.ReadOnly),
        rls.unit_of_work(web_engine, world.acme.owner.identity, read_only=True) as connection,
    ):
        connection.execute(text("update products set stock = 0"))


def test_a_read_only_transaction_cannot_be_made_writable(web_engine: Engine, world: World) -> None:
    """Postgres lets nobody turn READ ONLY off once a query has run, and the prologue ends with one."""
    with rls.unit_of_work(web_engine, world.acme.owner.identity, read_only=True) as connection:
        with pytest.raises(DBAPIError, match="before any query"):
            connection.execute(text("set transaction read write"))
        connection.rollback()


def test_the_sign_in_identity_reads_no_table(web_engine: Engine, world: World) -> None:
    with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, Identity.sign_in()) as connection:
        connection.execute(ALL)
