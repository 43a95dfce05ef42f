"""Changes of many products: who may make and undo them, that they are exact, and that nothing is half done."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from tests.factories import Factories, Item, Org, Person
from tests.fixtures.database import Database
from tests.fixtures.world import World, build
from tests.models.desk import Desk, together
from webapp import rls
from webapp.rls.errors import CheckViolation, InvalidValue, NotPermitted, Refused, UniqueViolation

CHANGE = (
    "select * from change_products(:org, :id, cast(:kind as public.product_change_kind), :percent, :digits, :products)"
)
UNDO = "select * from undo_product_change(:org, :id)"


def change(
    desk: Desk, kind: str, products: Sequence[Item], percent: str | None = None, *, digits: int = 2, **more: Any
) -> tuple[UUID, tuple[Any, ...]]:
    """Change products and return the id of the change, and what the function says of it."""
    made = more.get("id") or uuid4()
    wanted = {"kind": kind, "percent": percent and Decimal(percent), "digits": digits}
    (row,) = desk.run(CHANGE, id=made, products=[item.id for item in products], **wanted)
    return made, tuple(row)


def undo(desk: Desk, change_id: UUID) -> tuple[int, int]:
    """Undo a change and return how many products have their old value again, and how many were left alone."""
    (row,) = desk.run(UNDO, id=change_id)
    return row[0], row[1]


def prices(database: Database, org: Org) -> list[Decimal]:
    return [row[0] for row in database.sql("select price from products where org_id = %s order by sku", (org.id,))]


def active(database: Database, org: Org) -> list[bool]:
    return [row[0] for row in database.sql("select is_active from products where org_id = %s order by sku", (org.id,))]


@pytest.fixture
def org(factories: Factories) -> Org:
    return factories.organization()


@pytest.fixture
def ada(factories: Factories, org: Org) -> Person:
    person = factories.person("Ada Example")
    factories.membership(org, person, "member")
    return person


@pytest.fixture
def desk(web_engine: Engine, org: Org, ada: Person) -> Desk:
    return Desk(web_engine, org, ada)


@pytest.fixture
def three(factories: Factories, org: Org) -> list[Item]:
    """Return products that cost 1.00, 2.00 and 3.00, the last one archived."""
    return [factories.product(org, sku=f"A-{price}", price=Decimal(price), is_active=price < 3) for price in (1, 2, 3)]


@pytest.mark.parametrize("sql", [CHANGE, UNDO])
@pytest.mark.parametrize("who", ["viewer", "other", "removed", "banned", "signed_out", "stranger", "platform_admin"])
def test_only_who_may_write_products_changes_many(
    sql: str, who: str, world: World, web_engine: Engine, database: Database
) -> None:
    person = {"viewer": world.acme.viewer, "other": world.globex.owner}.get(who) or getattr(world, who)
    desk = Desk(web_engine, world.acme.org, person)
    before = database.snapshot()
    for change_id in (world.acme.change, uuid4()):  # whether there is such a change is not told either
        wanted = {"kind": "restore", "percent": None, "digits": 2, "products": [world.acme.products[2].id]}
        with pytest.raises(NotPermitted):
            desk.run(sql, id=change_id, **(wanted if sql == CHANGE else {}))
    assert database.snapshot() == before


def test_another_organisations_products_are_as_good_as_absent(
    world: World, web_engine: Engine, database: Database
) -> None:
    desk = Desk(web_engine, world.acme.org, world.both)
    _, done = change(desk, "price", [world.globex.products[0], world.acme.products[0]], "10")
    assert done == (1, Decimal("9.90"), Decimal("10.89"))
    assert set(prices(database, world.globex.org)) == {Decimal("9.90")}
    with pytest.raises(Refused):  # an admin over there, and the change is not theirs
        Desk(web_engine, world.globex.org, world.both).run(UNDO, id=world.acme.change)


def test_archiving_and_restoring_touch_only_what_is_not_so_yet(
    desk: Desk, three: list[Item], database: Database, org: Org, ada: Person
) -> None:
    made, done = change(desk, "archive", three)
    assert done == (2, Decimal("3.00"), Decimal("3.00"))
    assert active(database, org) == [False, False, False]
    assert database.sql("select kind::text, percent, changed, created_by, undone_at from product_changes") == [
        ("archive", None, 2, ada.id, None)
    ]
    assert {row[0] for row in database.sql("select product_id from product_change_items")} == {
        item.id for item in three[:2]
    }
    assert undo(desk, made) == (2, 0)
    assert active(database, org) == [True, True, False]


def test_what_changes_nothing_leaves_no_record(desk: Desk, three: list[Item], database: Database) -> None:
    for kind, products, percent in (("restore", three[:2], None), ("price", three, "0.01"), ("archive", [], None)):
        _, done = change(desk, kind, products, percent)
        assert done == (0, 0, 0)
    assert database.sql("select count(*) from product_changes") == [(0,)]


@pytest.mark.parametrize(
    ("percent", "digits"), [("5", 2), ("-5", 2), ("0.01", 2), ("12.34", 2), ("-99.99", 2), ("8", 0)]
)
def test_prices_are_rounded_once_and_half_away_from_zero(
    percent: str, digits: int, desk: Desk, factories: Factories, org: Org, database: Database
) -> None:
    rng = random.Random(7)
    for number in range(40):
        price = Decimal(rng.choice([rng.randrange(100), rng.randrange(10**5), rng.randrange(10**11)])) / 100
        factories.product(org, sku=f"{number:03}", price=price)
    before = prices(database, org)
    items = [Item(org.id, row[0], "", "") for row in database.sql("select id from products")]
    made, done = change(desk, "price", items, percent, digits=digits)
    unit = Decimal(1).scaleb(-digits)
    exact = [(price * (100 + Decimal(percent)) / 100).quantize(unit, ROUND_HALF_UP) for price in before]
    assert prices(database, org) == exact
    changed = [pair for pair in zip(before, exact, strict=True) if pair[0] != pair[1]]
    assert done == (len(changed), sum(one for one, _ in changed), sum(other for _, other in changed))
    assert undo(desk, made) == (len(changed), 0)
    assert prices(database, org) == before


@pytest.mark.parametrize(
    ("kind", "percent", "error"),
    [
        ("price", "-100", CheckViolation),
        ("price", "1000.01", CheckViolation),
        ("archive", "5", CheckViolation),
        ("price", "900", InvalidValue),
    ],
)
def test_what_no_page_would_send_is_refused_whole(
    kind: str, percent: str, error: type[Exception], desk: Desk, three: list[Item], factories: Factories,
    org: Org, database: Database,
) -> None:  # fmt: skip
    dear = factories.product(org, price=Decimal("9999999999.99"))
    before = database.snapshot()
    with pytest.raises(error):
        change(desk, kind, [*three, dear], percent)
    assert database.snapshot() == before


def test_undoing_leaves_alone_what_was_changed_since(
    desk: Desk, three: list[Item], database: Database, org: Org
) -> None:
    made, _ = change(desk, "price", three, "100")
    database.sql("update products set price = 7 where id = %s", (three[1].id,))
    database.sql("update products set stock = 9 where id = %s", (three[2].id,))  # another column is no reason
    assert undo(desk, made) == (2, 1)
    assert prices(database, org) == [Decimal("1.00"), Decimal("7.00"), Decimal("3.00")]
    assert database.sql("select product_id from product_change_items where left_alone") == [(three[1].id,)]
    assert database.sql("select restored, undone_by from product_changes") == [(2, desk.person.id)]


def test_what_is_undone_cannot_be_undone_again_nor_what_is_not_there(desk: Desk, three: list[Item]) -> None:
    made, _ = change(desk, "archive", three)
    undo(desk, made)
    for change_id, reason in ((made, "product_changes_undone"), (uuid4(), "product_changes_missing")):
        with pytest.raises(Refused) as refused:
            undo(desk, change_id)
        assert refused.value.constraint == reason


def test_the_same_change_sent_by_many_at_once_is_made_once(
    desk: Desk, three: list[Item], database: Database, org: Org
) -> None:
    key = uuid4()
    outcomes = together(*(lambda: change(desk, "price", three, "10", id=key) for _ in range(4)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["UniqueViolation"] * 3 + ["tuple"]
    assert all(isinstance(outcome, UniqueViolation | tuple) for outcome in outcomes)
    assert prices(database, org) == [Decimal("1.10"), Decimal("2.20"), Decimal("3.30")]


def test_changes_of_the_same_products_take_their_turn_and_nobody_waits_in_a_ring(
    desk: Desk, factories: Factories, org: Org, database: Database
) -> None:
    items = [factories.product(org, sku=f"{number:02}", price=Decimal(100)) for number in range(30)]
    orders = [random.Random(seed).sample(items, len(items)) for seed in range(4)]
    outcomes = together(*(partial(change, desk, "price", products, "10") for products in orders))
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert set(prices(database, org)) == {Decimal("146.41")}
    made = [outcome[0] for outcome in outcomes]
    undone = together(*(partial(undo, desk, change_id) for change_id in made for _ in range(2)))
    assert sum(isinstance(outcome, Refused) for outcome in undone) == 4


def test_ten_thousand_products_change_in_one_go_though_the_session_has_seen_changes_of_a_few(
    desk: Desk, three: list[Item], database: Database, org: Org
) -> None:
    for _ in range(6):  # from the sixth time on Postgres may keep a plan
        undo(desk, change(desk, "price", three, "10")[0])
    database.sql("delete from products where org_id = %s", (org.id,))
    database.sql(
        "insert into products (org_id, name, sku, price)"
        " select %s, 'P ' || n, 'P-' || n, n from generate_series(1, 10000) n",
        (org.id,),
    )
    # As autovacuum does within a minute. Until then foreign keys are checked by a plan for an empty table.
    database.sql("analyze products")
    items = [Item(org.id, row[0], "", "") for row in database.sql("select id from products")]
    made, done = change(desk, "price", items, "10")
    assert done == (10000, Decimal(50_005_000), Decimal("55005500.00"))
    assert undo(desk, made) == (10000, 0)
    assert database.sql("select sum(price) from products") == [(Decimal("50005000.00"),)]


def test_the_audit_trail_says_who_changed_what(desk: Desk, three: list[Item], database: Database, org: Org) -> None:
    change(desk, "price", three, "10")
    assert database.sql(
        "select table_name, action::text, user_id, count(*) from audit_log where org_id = %s and user_id is not null"
        " group by 1, 2, 3 order by 1",
        (org.id,),
    ) == [("product_changes", "insert", desk.person.id, 1), ("products", "update", desk.person.id, 3)]


def test_an_organisation_with_changes_can_be_deleted(world: World, web_engine: Engine, database: Database) -> None:
    Desk(web_engine, world.acme.org, world.acme.owner).run("delete from organizations where id = :org returning 1")
    found = (
        "select count(*) from product_changes c join product_change_items i on i.change_id = c.id where c.org_id = %s"
    )
    assert database.sql(found, (world.acme.org.id,)) == [(0,)]


FAULT = """
create function public.fault() returns trigger language plpgsql as $$
begin
  raise exception 'a fault' using errcode = 'P0001', constraint = 'fault';
end $$;
create constraint trigger z_fault after insert or update on public.{table}
deferrable initially {when} for each row execute function public.fault();
"""


@pytest.mark.parametrize(
    ("table", "when"),
    [
        ("product_changes", "immediate"),
        ("product_change_items", "immediate"),
        ("products", "immediate"),
        ("products", "deferred"),
    ],
)
def test_a_fault_at_any_step_leaves_nothing_half_done(
    table: str, when: str, spare_database: Callable[[], Database]
) -> None:
    database = spare_database()
    world = build(Factories(database.owner))
    engine = rls.create_engine(database.web_url)
    desk = Desk(engine, world.acme.org, world.acme.member)
    made, _ = change(desk, "price", world.acme.products, "10")
    database.sql("update products set price = 5 where id = %s", (world.acme.products[0].id,))
    database.admin_sql(FAULT.format(table=table, when=when))
    before = database.snapshot()
    for act in (lambda: change(desk, "archive", world.acme.products), lambda: undo(desk, made)):
        with pytest.raises(Refused, match="fault"):
            act()
        assert database.snapshot() == before
    engine.dispose()
