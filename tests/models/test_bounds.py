"""What a person who may write is held to all the same: no price that is no number, no flood of locks or of bytes."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.factories import Factories
from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.models.desk import Desk
from webapp import rls
from webapp.rls.errors import CheckViolation, Refused


@pytest.fixture
def desk(world: World, web_engine: Engine) -> Desk:
    return Desk(web_engine, world.acme.org, world.acme.member)


def test_a_price_is_a_number(desk: Desk) -> None:
    with pytest.raises(CheckViolation, match="products_price_is_a_number_check"):
        desk.run("update products set price = 'NaN' where org_id = :org returning id")


def test_one_transaction_places_no_thousands_of_orders(desk: Desk, database: Database) -> None:
    """Each holds a lock until the end, and a server has a few thousand of them for all tenants."""
    before = database.sql("select count(*) from orders")
    with pytest.raises(Refused) as refused:
        desk.run("insert into orders (org_id) select :org from generate_series(1, 1200) returning id")
    assert refused.value.constraint == "orders_at_once"
    assert database.sql("select count(*) from orders") == before
    assert len(desk.run("insert into orders (org_id) select :org from generate_series(1, 800) returning id")) == 800


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ("product_import_chunks (org_id, import_id, created_by, position, piece)", "1, repeat('x', 1048577)::bytea"),
        ("product_import_chunks (org_id, import_id, created_by, position, piece)", "4096, 'x'"),
        ("product_import_lines (org_id, import_id, created_by, line, is_good, stock)", "7, true, -1"),
        ("product_import_lines (org_id, import_id, created_by, line, is_good, price)", "7, true, 'NaN'"),
        (
            "product_import_errors (org_id, import_id, created_by, line, place, column_name, reason, value)",
            "1, 1, 'x', 'x', repeat('x', 2001)",
        ),
    ],
)
def test_what_an_import_keeps_has_bounds(columns: str, value: str, world: World, web_engine: Engine) -> None:
    house = world.acme
    sql = f"insert into {columns} values (:org, :import, auth.uid(), {value}) returning 1"
    with rls.bind(web_engine, house.owner.identity).connect() as connection, pytest.raises(CheckViolation):
        connection.execute(text(sql), {"org": house.org.id, "import": house.upload})


@pytest.mark.parametrize("table", ["product_imports", "product_changes", "product_change_items"])
def test_what_functions_and_people_write_is_not_written_by_the_service_role(table: str, database: Database) -> None:
    with psycopg.connect(database.inspector_url) as connection:
        connection.execute("set local role service_role")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"delete from {table}")


def test_who_has_left_keeps_their_address_to_themselves(
    world: World, web_engine: Engine, database: Database, factories: Factories
) -> None:
    """An administrator reads the names of those who stand in the trail; a new private address is none of theirs."""
    database.sql("update profiles set full_name = '' where id = %s", (world.removed.id,))
    names = "select name from rowhouse.audit_people(:org, array[cast(:person as uuid)])"
    admin = Desk(web_engine, world.acme.org, world.acme.admin)
    assert admin.run(names, person=world.removed.id) == [("Former member",)]
    factories.membership(world.acme.org, world.removed)
    assert admin.run(names, person=world.removed.id) == [(world.removed.email,)]
