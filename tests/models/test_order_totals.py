"""What an order costs: exact in numeric, tax rounded once and as on an invoice, whatever the prices and the rate."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.factories import Factories
from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.models.desk import Books, Desk, Total

PRICES = st.decimals(min_value=0, max_value=Decimal("99999.99"), places=2)
RATES = st.decimals(min_value=0, max_value=Decimal("0.9999"), places=4)
LINES = st.lists(st.tuples(PRICES, st.integers(1, 5_000)), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, rate=RATES, currency=st.sampled_from(["EUR", "JPY", "KWD", "CLP"]))
def test_a_total_is_the_sum_of_its_amounts_and_tax_rounded_once(
    lines: list[tuple[Decimal, int]],
    rate: Decimal,
    currency: str,
    web_engine: Engine,
    factories: Factories,
    database: Database,
) -> None:
    org, person = factories.organization(currency=currency), factories.person()
    factories.membership(org, person)
    database.sql("update organizations set tax_rate = %s where id = %s", (rate, org.id))
    desk = Desk(web_engine, org, person)
    order = desk.place([(factories.product(org, price=price), quantity) for price, quantity in lines])

    subtotal = sum((price * quantity for price, quantity in lines), Decimal(0))
    cent = Decimal(1) if currency in ("JPY", "CLP") else Decimal("0.01")
    tax = (subtotal * rate).quantize(cent, ROUND_HALF_UP)
    wanted = Total(sum(quantity for _, quantity in lines), subtotal, rate, tax, subtotal + tax)
    assert desk.total(order) == wanted
    row = Books(database).order(order)
    assert tuple(row[name] for name in Total._fields) == wanted


@pytest.mark.parametrize(
    ("price", "rate", "currency", "tax"),
    [
        ("0.50", "0.01", "EUR", "0.01"),
        ("2.50", "0.01", "EUR", "0.03"),
        ("0.49", "0.01", "EUR", "0.00"),
        ("150", "0.01", "JPY", "2"),
        ("149", "0.01", "JPY", "1"),
        ("0.50", "0.01", "KWD", "0.01"),
    ],
)
def test_a_half_is_rounded_up_to_the_smallest_unit_of_the_currency(
    price: str, rate: str, currency: str, tax: str, database: Database
) -> None:
    """By tens, and not to the even neighbour, which is what binary fractions and bankers do."""
    found = database.sql("select rowhouse.tax_on(%s, %s, %s)", (Decimal(price), Decimal(rate), currency))
    assert found == [(Decimal(tax),)]


def test_tax_is_rounded_once_and_not_for_each_item(web_engine: Engine, world: World, database: Database) -> None:
    """Three items at 0.10 with 5 %: 0.015 rounds to 0.02, where three roundings would make 0.03."""
    database.sql("update organizations set tax_rate = 0.05")
    database.sql("update products set price = 0.10, is_active = true")
    desk = Desk(web_engine, world.acme.org, world.acme.member)
    total = desk.total(desk.place([(product, 1) for product in world.acme.products]))
    assert total is not None
    assert (total.tax, total.total) == (Decimal("0.02"), Decimal("0.32"))


def test_processing_counts_with_the_rate_of_that_day_and_later_ones_do_not_matter(
    web_engine: Engine, world: World, database: Database
) -> None:
    books, desk = Books(database), Desk(web_engine, world.acme.org, world.acme.admin)
    database.sql("update organizations set tax_rate = 0.10")
    order = desk.place([(world.acme.products[0], 10)])
    assert books.order(order)["total"] == Decimal("108.90")
    database.sql("update organizations set tax_rate = 0.20")
    assert desk.total(order) == (10, Decimal("99.00"), Decimal("0.2"), Decimal("19.80"), Decimal("118.80"))
    desk.set_status(order, "processing")
    row = books.order(order)
    assert (row["tax_rate"], row["tax"], row["total"]) == (Decimal("0.2"), Decimal("19.80"), Decimal("118.80"))
    database.sql("update organizations set tax_rate = 0.30")
    assert desk.total(order) == (10, Decimal("99.00"), Decimal("0.2"), Decimal("19.80"), Decimal("118.80"))


def test_an_order_without_items_costs_nothing(web_engine: Engine, world: World) -> None:
    desk = Desk(web_engine, world.acme.org, world.acme.member)
    assert desk.total(desk.place()) == Total(0, Decimal(0), Decimal(0), Decimal(0), Decimal(0))
