"""The demonstration's year of trade: every state of an order, figures that add up, and a trail of who did what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from tests.fixtures.database import Database
from webapp.ops import demo
from webapp.ops.demo import hardware
from webapp.ops.demo.catalogue import Product, products
from webapp.ops.demo.trade import Order, orders

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAFF = [UUID(int=number) for number in range(4)]


@pytest.fixture(scope="module")
def goods() -> list[Product]:
    return list(products("AC", hardware.FAMILIES, NOW))


@pytest.fixture(scope="module")
def trade(goods: list[Product]) -> list[Order]:
    return list(orders("AC", goods, STAFF, Decimal("0.21"), NOW))


def test_it_shows_every_state_of_an_order(trade: list[Order]) -> None:
    states = Counter(order.status for order in trade)
    assert set(states) == {"pending", "processing", "shipped", "delivered", "cancelled"}
    assert states["pending"] == 6
    assert 1_500 < len(trade) < 4_000


def test_its_numbers_rise_with_time(trade: list[Order]) -> None:
    placed = [order.happened[0].at for order in trade]
    assert placed == sorted(placed)
    assert [order.number for order in trade] == list(range(1001, 1001 + len(trade)))
    assert all(done.at < NOW for order in trade for done in order.happened)
    assert placed[-1] > NOW - timedelta(hours=4)


def test_it_is_the_same_each_time(goods: list[Product], trade: list[Order]) -> None:
    assert list(orders("AC", goods, STAFF, Decimal("0.21"), NOW)) == trade


def test_the_database_finds_nothing_wrong_with_it(spare_database: Callable[[], Database]) -> None:
    database = spare_database()
    demo.seed(database.direct_url)
    wrong = database.sql(
        "select o.number from orders o join lateral ("
        " select sum(amount) as subtotal, sum(quantity) as pieces from order_items i"
        " where i.org_id = o.org_id and i.order_id = o.id) i on true"
        " join organizations g on g.id = o.org_id"
        " where (o.subtotal, o.item_count) is distinct from (i.subtotal, i.pieces)"
        " or o.tax <> rowhouse.tax_on(o.subtotal, o.tax_rate, g.currency)"
    )
    assert wrong == []
    trail = database.sql("select action::text, count(*) from audit_log where user_id is not null group by 1")
    assert {str(action) for action, _ in trail} == {"insert", "update"}
    assert database.sql("select count(*) from audit_log where user_id is null") == [(0,)]
    assert database.sql("select count(*) from audit_log where old_data = new_data") == [(0,)]
    assert database.sql("select count(*) from pg_trigger where tgenabled = 'D'") == [(0,)]
    counted = database.sql("select sum(orders) from sales_daily")
    assert counted == database.sql("select count(*) from orders")
