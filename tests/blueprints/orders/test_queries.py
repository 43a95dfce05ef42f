"""The typed wrappers of the database's functions, and what the list costs the database."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import Person
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.blueprints.orders import lines, queries
from webapp.models import OrderStatus
from webapp.rls.errors import NotPermitted, Refused


@pytest.fixture
def session(web_engine: Engine, world: World) -> Iterator[Session]:
    """Return a Session of the admin of acme, whose changes are taken back."""
    yield from _acting(web_engine, world.acme.admin)


def _acting(engine: Engine, person: Person) -> Iterator[Session]:
    with Session(rls.bind(engine, person.identity)) as session:
        yield session
        session.rollback()


def test_what_an_order_comes_to_is_what_was_composed(session: Session, world: World, database: Database) -> None:
    """The running total of the page and the function that writes the order's own must never part."""
    org, pending = world.acme.org, world.acme.orders[0]
    for currency, rate, tax in (("EUR", "0.2", "5.94"), ("EUR", "0.0775", "2.30"), ("JPY", "0.1", "3.00")):
        changed = "update public.organizations set currency = %s, tax_rate = %s where id = %s"
        database.sql(changed, (currency, Decimal(rate), org.id))
        subtotal = sum((item.amount for item in queries.items(session, org.id, pending.id)), Decimal(0))
        found = queries.total(session, org.id, pending.id)
        assert found is not None
        assert (found.subtotal, found.tax_rate) == (subtotal, Decimal(rate))
        assert queries.tax(session, subtotal, Decimal(rate), currency) == found.tax == Decimal(tax)
        assert lines.Sums(3, subtotal, Decimal(rate), found.tax).total == found.total


def test_a_foreign_order_comes_to_nothing_and_is_nobodys_to_move(session: Session, world: World) -> None:
    org, order = world.globex.org, world.globex.orders[0]
    assert queries.total(session, org.id, order.id) is None
    assert queries.get(session, org.id, order.id) is None
    assert queries.items(session, org.id, order.id) == ()
    with pytest.raises(NotPermitted):
        queries.set_status(session, org.id, order.id, OrderStatus.PROCESSING)
    with pytest.raises(NotPermitted), session.begin_nested():
        queries.take_stock(session, org.id, order.id)


def test_stock_is_taken_by_processing_and_not_again(session: Session, world: World) -> None:
    org, pending = world.acme.org, world.acme.orders[0]
    queries.set_status(session, org.id, pending.id, OrderStatus.PROCESSING)
    assert queries.moved(session, org.id, pending.id) == queries.Moved(2, 0)
    with pytest.raises(Refused) as refused, session.begin_nested():
        queries.take_stock(session, org.id, pending.id)
    assert refused.value.constraint == "orders_status"


def test_stock_that_was_not_taken_yet_is_taken(session: Session, world: World, database: Database) -> None:
    org, processing = world.acme.org, world.acme.orders[1]
    database.sql("delete from public.inventory_movements where order_id = %s", (processing.id,))
    assert queries.take_stock(session, org.id, processing.id) == 1


def test_an_order_that_is_in_the_way_of_nobody_can_be_locked_by_who_may_change_it(
    web_engine: Engine, world: World
) -> None:
    org = world.acme.org
    pending, processing, _ = world.acme.orders
    expected = {world.acme.admin: [True, True], world.acme.member: [True, False], world.acme.viewer: [False, False]}
    for person, mine in expected.items():
        for session in _acting(web_engine, person):
            assert [queries.lock(session, org.id, order.id) for order in (pending, processing)] == mine
