"""The figures that the dashboard asks for, beside the same ones added up from the orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.factories import Factories, Item, Org, Person, Status
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.blueprints.dashboard import queries
from webapp.blueprints.dashboard.queries import Stats
from webapp.models.sales_reading import LOW_STOCK_COUNTED, PERIODS
from webapp.rls import Identity
from webapp.rls.errors import DatabaseError, NotPermitted

Result = TypeVar("Result")
Ask = Callable[[Callable[[Session], Result]], Result]
Placed = tuple[datetime, str, Decimal]

SOLD: tuple[Status, ...] = ("processing", "shipped", "delivered")
PRICE = Decimal("9.90")
ANY: tuple[Status, ...] = (*SOLD, "pending", "cancelled")
INSTANT = timedelta(microseconds=1)


class House:
    """An organisation with a viewer who asks, and its orders as Python knows them."""

    def __init__(self, factories: Factories, engine: Engine) -> None:
        self.org: Org = factories.organization()
        self.viewer: Person = factories.person()
        factories.membership(self.org, self.viewer, "viewer")
        self.ware: Item = factories.product(self.org, price=PRICE, stock=50)
        self.orders: list[Placed] = []
        self._factories = factories
        self._engine = engine

    def sell(self, when: datetime, pieces: int = 1, status: Status = "delivered") -> None:
        self._factories.order(self.org, self.viewer, [(self.ware, pieces)], status=status, placed_at=when)
        self.orders.append((when, status, pieces * PRICE))

    def ask(self, question: Callable[[Session], Result]) -> Result:
        with rls.session_of_work(self._engine, self.viewer.identity, read_only=True) as session:
            return question(session)

    def stats(self) -> Stats:
        found = self.ask(lambda session: queries.stats(session, self.org.id))
        assert found is not None
        return found

    def sold(self, first: date, last: date) -> tuple[int, Decimal]:
        """Return how many orders were sold on the days from ``first`` to ``last``, and for how much."""
        totals = [total for when, status, total in self.orders if status in SOLD and first <= when.date() <= last]
        return len(totals), sum(totals, Decimal(0))


@pytest.fixture
def house(factories: Factories, web_engine: Engine) -> House:
    return House(factories, web_engine)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def months(today: date) -> tuple[date, date, date]:
    """Return the first day of this month, of the last one, and the day of that one that is compared with today."""
    this = today.replace(day=1)
    last = (this - timedelta(days=1)).replace(day=1)
    return this, last, min(last + (today - this), this - timedelta(days=1))


def test_the_months_end_at_midnight_utc(house: House, factories: Factories) -> None:
    today = house.stats().today
    this, last, same = months(today)
    edges = {midnight(day) for day in (this, last, same, same + timedelta(days=1), today)}
    for number, edge in enumerate(sorted(edges)):
        house.sell(edge, 2 * number + 1)
        house.sell(edge - INSTANT, 2 * number + 2)
    house.sell(midnight(this), 100, "pending")
    house.sell(midnight(this), 1000, "cancelled")
    for folded in (False, True):
        if folded:
            factories.fold_sales(house.org)
        found = house.stats()
        assert (found.month_orders, found.month_revenue) == house.sold(this, today)
        assert (found.same_days_orders, found.same_days_revenue) == house.sold(last, same)
        assert (found.last_month_orders, found.last_month_revenue) == house.sold(last, this - timedelta(days=1))
        assert found.month_average == round(found.month_revenue / found.month_orders, 2)
        assert found.last_month_average == round(found.last_month_revenue / found.last_month_orders, 2)
        assert (found.all_orders, found.pending_orders, found.pending_total) == (len(house.orders), 1, 100 * PRICE)


def test_an_organisation_without_orders_has_zeros_and_no_averages(house: House) -> None:
    found = house.stats()
    assert found.month_orders == found.last_month_orders == found.all_orders == 0
    assert found.month_revenue == found.same_days_revenue == found.last_month_revenue == 0
    assert (found.month_average, found.same_days_average, found.last_month_average) == (None, None, None)
    assert found.pending_orders == found.pending_total == 0
    assert found.has_products


@pytest.mark.parametrize("days", PERIODS)
def test_every_day_of_a_period_stands_beside_the_one_as_many_days_earlier(
    days: int, house: House, factories: Factories
) -> None:
    chance = random.Random(days)
    today = house.stats().today
    for number in range(40):
        back = chance.choice([0, 1, days - 1, days, days + 1, 2 * days - 1, 2 * days, chance.randrange(2 * days)])
        house.sell(midnight(today - timedelta(days=back)), number + 1, chance.choice(ANY))
        if number == 20:
            factories.fold_sales(house.org)
    found = house.ask(lambda session: queries.sales(session, house.org.id, days))
    assert [row.day for row in found] == [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    for row in found:
        assert row.before_day == row.day - timedelta(days=days)
        assert (row.orders, row.revenue) == house.sold(row.day, row.day)
        assert (row.before_orders, row.before_revenue) == house.sold(row.before_day, row.before_day)


@pytest.mark.parametrize("days", [0, -7, 8, 366, None])
def test_another_period_is_refused(days: int | None, house: House) -> None:
    with pytest.raises(DatabaseError) as refused:
        house.ask(lambda session: queries.sales(session, house.org.id, days))  # type: ignore[arg-type]
    assert refused.value.sqlstate == "22023"


def test_the_best_products_are_those_of_the_rows_whatever_is_folded(
    house: House, factories: Factories, database: Database
) -> None:
    """The rollup has its order and what is unfolded has another: some rise, some fall out, some are new."""

    def best(month: date, count: int = 5) -> tuple[queries.Best, ...]:
        return house.ask(lambda session: queries.best_of(session, house.org.id, month, count)).products

    chance = random.Random(7)
    wares = [house.ware, *(factories.product(house.org, price=Decimal(price)) for price in range(1, 16))]
    today = house.stats().today
    this, last, _ = months(today)
    for number in range(40):
        lines = [(ware, chance.randint(1, 9)) for ware in chance.sample(wares, chance.randint(1, 4))]
        when = midnight(chance.choice([this, last]))
        factories.order(house.org, house.viewer, lines, status=chance.choice(ANY[:4]), placed_at=when)
        if number in (15, 25):
            factories.fold_sales(house.org)
        if number % 5 == 0:
            # What sold best is cancelled, which the rollup does not know yet.
            first = best(this, 1)
            database.sql(
                "update public.orders set status = 'cancelled' where id in (select order_id from public.order_items"
                " where product_id = %s order by id desc limit 2)",
                (first[0].product_id if first else house.ware.id,),
            )
        for month in (this, last):
            found = best(month)
            rows = database.sql(
                "select i.product_id, sum(i.quantity), sum(i.amount) from public.order_items i"
                " join public.orders o on o.org_id = i.org_id and o.id = i.order_id"
                " where o.org_id = %s and o.status in ('processing', 'shipped', 'delivered')"
                " and date_trunc('month', o.placed_at at time zone 'UTC') = %s"
                " group by 1 having sum(i.amount) > 0 order by 3 desc, 2 desc, 1",
                (house.org.id, month),
            )
            counted = {row[0]: (row[1], row[2]) for row in rows}
            assert [each.revenue for each in found] == [row[2] for row in rows[:5]]
            assert all(counted[each.product_id] == (each.quantity, each.revenue) for each in found)


def test_a_month_with_too_few_best_products_gives_way_to_a_fuller_one(house: House, factories: Factories) -> None:
    def best() -> queries.BestOf:
        return house.ask(lambda session: queries.best_products(session, house.org.id, today, 3))

    today = house.stats().today
    this, last, _ = months(today)
    wares = [factories.product(house.org) for _ in range(3)]
    assert best() == (this, ())
    house.sell(midnight(this))
    assert [each.product_id for each in best().products] == [house.ware.id]
    for ware in wares[:2]:
        factories.order(house.org, house.viewer, [(ware, 2)], status="shipped", placed_at=midnight(last))
    assert (best().month, len(best().products)) == (last, 2)
    for ware in wares[:2]:
        factories.order(house.org, house.viewer, [(ware, 1)], status="shipped", placed_at=midnight(this))
    assert (best().month, len(best().products)) == (this, 3)


def test_low_on_stock_are_active_products_the_emptiest_first(house: House, factories: Factories) -> None:
    wanted = [factories.product(house.org, stock=stock).id for stock in (0, 3, 10)]
    factories.product(house.org, stock=11)
    factories.product(house.org, stock=0, is_active=False)
    found = house.ask(lambda session: queries.low_on_stock(session, house.org.id, 5))
    assert [(each.id, each.stock) for each in found] == list(zip(wanted, (0, 3, 10), strict=True))
    assert house.stats().low_stock == 3


def test_products_low_on_stock_are_counted_up_to_a_bound(house: House, database: Database) -> None:
    database.sql(
        "insert into public.products (org_id, name, sku, price) select %s, 'P', n, 1 from generate_series(1, %s) n",
        (house.org.id, LOW_STOCK_COUNTED + 1),
    )
    assert house.stats().low_stock == LOW_STOCK_COUNTED


def test_the_latest_orders_come_newest_first_and_name_only_whom_the_viewer_may_know(
    house: House, factories: Factories
) -> None:
    gone = factories.person("Gone Already")
    now = datetime.now(UTC)
    made = [
        factories.order(house.org, person, placed_at=now - timedelta(hours=hours))
        for hours, person in ((3, house.viewer), (1, gone), (2, house.viewer))
    ]
    found = house.ask(lambda session: queries.latest_orders(session, house.org.id, 2))
    assert [(each.id, each.name) for each in found] == [(made[1].id, None), (made[2].id, house.viewer.name)]
    assert [each.initials for each in found] == ["–", "AE"]


def test_counts_by_status_name_every_status(house: House) -> None:
    today = midnight(house.stats().today)
    for status in (ANY[3], ANY[3], ANY[1]):
        house.sell(today, 2, status)
    rows = house.ask(
        lambda session: session.execute(
            text("select status::text, orders, total from public.get_order_counts(:org)"), {"org": house.org.id}
        ).all()
    )
    assert [tuple(row) for row in rows] == [
        ("pending", 2, 4 * PRICE),
        ("processing", 0, 0),
        ("shipped", 1, 2 * PRICE),
        ("delivered", 0, 0),
        ("cancelled", 0, 0),
    ]


OF_AN_ORGANISATION = (
    "get_dashboard_stats(:org)",
    "get_sales_analytics(:org, 30)",
    "get_order_counts(:org)",
    "get_best_products(:org, date_trunc('month', now())::date, 5)",
)


@pytest.mark.parametrize("call", OF_AN_ORGANISATION)
def test_who_is_not_in_an_organisation_gets_no_row_of_its_figures(call: str, world: World, web_engine: Engine) -> None:
    def rows(identity: Identity) -> int:
        with rls.unit_of_work(web_engine, identity) as connection:
            return len(connection.execute(text(f"select * from public.{call}"), {"org": world.acme.org.id}).all())

    assert rows(world.acme.viewer.identity) > 0
    outsiders = (world.globex.owner, world.stranger, world.removed, world.banned, world.signed_out)
    assert {rows(person.identity) for person in outsiders} == {0}
    with pytest.raises(NotPermitted):
        rows(Identity.anonymous())


def test_an_organisation_that_is_none_has_no_figures(house: House) -> None:
    assert house.ask(lambda session: queries.stats(session, uuid4())) is None
