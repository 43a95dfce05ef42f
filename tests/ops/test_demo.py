"""The demonstration: believable, the same each time, and on the embedded database alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.application import Client, MakeApp
from tests.fixtures.database import Database
from webapp.identity import passwords
from webapp.models import LOW_STOCK
from webapp.ops import demo
from webapp.ops.demo import garden, hardware
from webapp.ops.demo.catalogue import Product, products

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STOCKED = {"AC": hardware.FAMILIES, "GX": garden.FAMILIES}


@pytest.fixture(params=sorted(STOCKED))
def goods(request: pytest.FixtureRequest) -> list[Product]:
    return list(products(request.param, STOCKED[request.param], NOW))


def test_there_is_enough_to_page_through(goods: list[Product]) -> None:
    assert len(goods) >= 400
    assert len({product.sku for product in goods}) == len({product.name for product in goods}) == len(goods)
    assert len({product.id for product in goods}) == len(goods)


def test_it_shows_every_state_of_a_product(goods: list[Product]) -> None:
    assert sum(not product.is_active for product in goods) >= 10
    assert sum(product.is_active and product.stock == 0 for product in goods) >= 5
    assert sum(product.is_active and 0 < product.stock <= LOW_STOCK for product in goods) >= 20
    assert sum(bool(product.description) for product in goods) >= len(goods) / 4


def test_its_prices_are_those_of_a_shop(goods: list[Product]) -> None:
    assert all(0 < product.price < 2_000 and product.price == round(product.price, 2) for product in goods)
    assert len({product.price for product in goods}) > 80


def test_its_times_are_spread_over_the_year_and_a_few_are_of_this_hour(goods: list[Product]) -> None:
    assert all(NOW - timedelta(days=366) < p.created_at <= p.updated_at <= NOW for p in goods)
    assert sum(product.updated_at > NOW - timedelta(hours=1) for product in goods) >= 5
    assert len({product.created_at.month for product in goods}) == 12
    assert [p.id for p in sorted(goods, key=lambda p: p.id)] == [
        p.id for p in sorted(goods, key=lambda p: p.created_at)
    ]


def test_it_is_the_same_each_time() -> None:
    first, second = (list(products("AC", hardware.FAMILIES, NOW)) for _ in range(2))
    assert first == second


def test_its_people_know_their_password_and_what_they_are() -> None:
    assert passwords.reasons_against(demo.PASSWORD) == ()
    roles = {account.email: account.role for account in demo.ACCOUNTS}
    assert roles["owner@acme.test"] == "owner of Acme"
    assert roles["both@example.test"] == "member of Acme, admin of Globex"
    assert roles["admin@rowhouse.test"] == "platform administrator"


@pytest.fixture
def empty_database(spare_database: Callable[[], Database]) -> Database:
    return spare_database()


def test_made_by_two_at_once_and_again_it_is_made_once(empty_database: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(demo.seed, [empty_database.direct_url] * 2))
    assert sorted(made) == [False, True]
    rows = empty_database.sql("select count(*) from products")
    assert demo.seed(empty_database.direct_url) is False
    assert empty_database.sql("select count(*) from products") == rows
    assert empty_database.sql("select count(*) from profiles") == [(len(demo.ACCOUNTS),)]


def test_it_is_not_made_where_any_of_it_is(empty_database: Database) -> None:
    empty_database.sql("insert into organizations (slug, name) values ('acme', 'Someone else''s')")
    assert demo.seed(empty_database.direct_url) is False
    assert empty_database.sql("select count(*) from auth.users") == [(0,)]


@pytest.mark.parametrize("setting", ["rowhouse.embedded = ''", "rowhouse.embedded = 'off'"])
def test_it_is_refused_on_every_other_database(empty_database: Database, setting: str) -> None:
    empty_database.admin_sql(f"alter database {empty_database.name} set {setting}")
    with pytest.raises(demo.NotEmbedded, match="only be made on the embedded database"):
        demo.seed(empty_database.direct_url)
    assert empty_database.sql("select count(*) from auth.users") == [(0,)]


def test_each_person_can_step_in_and_sees_their_organisations(empty_database: Database, make_app: MakeApp) -> None:
    demo.seed(empty_database.direct_url)
    app = make_app(empty_database, rowhouse_demo=True)
    for account in demo.ACCOUNTS:
        client = app.test_client()
        assert isinstance(client, Client)
        assert account.name in client.get("/").get_data(as_text=True)
        answer = client.submit("/signin", {"email": account.email, "password": demo.PASSWORD})
        assert answer.status_code == 303, account
        for house in demo.HOUSES:
            seen = client.get(f"/o/{house.slug}/products/")
            assert seen.status_code == (200 if house.slug in account.houses else 404), (account, house)
