"""What the triggers write: who, what, before and after, once for each row that differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.factories import Factories
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.models import Base
from webapp.models.audited import audited
from webapp.rls.errors import NotPermitted

_ENTRIES = """
select e.at, e.written_at, e.user_id, e.table_name, e.action::text, e.record_id, e.parent_id, e.old_data::text,
  e.new_data::text
from public.audit_log e where e.org_id = %s and e.at >= %s order by e.written_at, e.id
"""


class Entry(NamedTuple):
    """One row of the trail; its numbers are decimals."""

    at: datetime
    written_at: datetime
    user_id: UUID | None
    table: str
    action: str
    record_id: UUID
    parent_id: UUID | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None


class Trail:
    """The trail of acme from now on."""

    def __init__(self, database: Database, org_id: UUID) -> None:
        self._database, self._org_id = database, org_id
        self._since = database.sql("select clock_timestamp()")[0][0]

    def entries(self, table: str | None = None) -> list[Entry]:
        found = self._database.sql(_ENTRIES, (self._org_id, self._since))
        every = [
            Entry(*row[:7], *(json.loads(one, parse_float=Decimal) if one else None for one in row[7:]))
            for row in found
        ]
        return [entry for entry in every if table in (None, entry.table)]


@pytest.fixture
def trail(database: Database, world: World) -> Trail:
    return Trail(database, world.acme.org.id)


@pytest.fixture
def as_member(web_engine: Engine, world: World) -> Callable[..., None]:
    """Return what runs statements as acme's member, in one transaction."""

    def run(*statements: str, **values: object) -> None:
        with rls.unit_of_work(web_engine, world.acme.member.identity) as connection:
            for statement in statements:
                named = {name: value for name, value in values.items() if f":{name}" in statement}
                connection.execute(text(statement), named | ({"org": world.acme.org.id} if ":org" in statement else {}))

    return run


def test_what_came_is_kept_as_it_was_after(trail: Trail, as_member: Callable[..., None], world: World) -> None:
    product = uuid4()
    as_member(
        "insert into products (org_id, id, name, sku, price, stock) values (:org, :id, 'Rip saw', 'RS-1', 21.50, 4)",
        id=product,
    )
    (entry,) = trail.entries()
    assert (entry.user_id, entry.table, entry.action) == (world.acme.member.id, "products", "insert")
    assert (entry.record_id, entry.parent_id, entry.old) == (product, None, None)
    assert entry.new == {
        "sku": "RS-1", "name": "Rip saw", "description": "", "price": Decimal("21.50"), "stock": 4,
        "is_active": True, "image_path": None,
    }  # fmt: skip


def test_what_changed_is_kept_before_and_after(trail: Trail, as_member: Callable[..., None], world: World) -> None:
    as_member("update products set price = 11.90 where org_id = :org and id = :id", id=world.acme.products[0].id)
    (entry,) = trail.entries()
    assert entry.old is not None
    assert entry.new is not None
    assert (entry.old["price"], entry.new["price"]) == (Decimal("9.90"), Decimal("11.90"))
    assert {name for name in entry.new if entry.new[name] != entry.old[name]} == {"price"}


def test_what_went_is_kept_as_it_was_before(database: Database, factories: Factories, world: World) -> None:
    item = factories.product(world.acme.org)
    trail = Trail(database, world.acme.org.id)
    database.sql("delete from public.products where org_id = %s and id = %s", (item.org_id, item.id))
    (entry,) = trail.entries("products")
    assert (entry.action, entry.record_id, entry.new) == ("delete", item.id, None)
    assert entry.old is not None
    assert entry.old["name"] == item.name


def test_an_update_that_changes_nothing_writes_nothing(trail: Trail, as_member: Callable[..., None]) -> None:
    as_member("update products set price = price, name = name || '' where org_id = :org")
    as_member("update products set price = 1 where org_id = :org and sku = 'there is none'")
    assert trail.entries() == []


def test_a_change_of_many_is_one_entry_for_each_that_differs(
    trail: Trail, as_member: Callable[..., None], world: World
) -> None:
    as_member("update products set stock = 3 where org_id = :org")  # one has three already
    found = trail.entries()
    assert {entry.record_id for entry in found} == {world.acme.products[0].id, world.acme.products[2].id}
    assert len({entry.at for entry in found}) == 1


def test_a_plan_made_for_one_row_does_for_ten_thousand(database: Database, factories: Factories) -> None:
    """Nested loops over the rows before and after would be a hundred million comparisons."""
    org = factories.organization()
    trail = Trail(database, org.id)
    factories.product(org)
    owner = database.owner()
    for _ in range(8):
        owner.execute("update public.products set stock = stock + 1 where org_id = %s", (org.id,))
    owner.execute(
        "insert into public.products (org_id, name, sku, price)"
        " select %s, 'n', 'N' || n, 1 from generate_series(1, 10000) n", (org.id,)
    )  # fmt: skip
    with owner.transaction():
        owner.execute("set local statement_timeout = '8s'")
        owner.execute("update public.products set stock = stock + 1 where org_id = %s", (org.id,))
    assert len([entry for entry in trail.entries() if entry.action == "update"]) == 8 + 10_001


def test_a_row_whose_key_changes_went_and_came(database: Database, factories: Factories, world: World) -> None:
    item, other = factories.product(world.acme.org), uuid4()
    trail = Trail(database, world.acme.org.id)
    database.sql("update public.products set id = %s where org_id = %s and id = %s", (other, item.org_id, item.id))
    found = {(entry.action, entry.record_id, entry.old is None, entry.new is None) for entry in trail.entries()}
    assert found == {("delete", item.id, False, True), ("insert", other, True, False)}


def test_insert_on_conflict_is_told_as_what_it_did(trail: Trail, database: Database, world: World) -> None:
    database.sql(
        "insert into public.products (org_id, name, sku, price) values (%s, 'Other name', %s, 1), (%s, 'n', 'NEW', 1)"
        " on conflict (org_id, sku) do update set name = excluded.name",
        (world.acme.org.id, world.acme.products[0].sku, world.acme.org.id),
    )
    assert sorted(entry.action for entry in trail.entries()) == ["insert", "update"]


def test_one_transaction_is_one_moment_and_its_statements_have_an_order(
    trail: Trail, as_member: Callable[..., None]
) -> None:
    as_member(*(f"update products set stock = {number} where org_id = :org" for number in (101, 102, 103)))
    found = [entry for entry in trail.entries() if entry.new]
    assert len({entry.at for entry in found}) == 1
    assert [entry.new["stock"] for entry in found if entry.new][::3] == [101, 102, 103]


def test_what_is_rolled_back_leaves_no_entry(trail: Trail, web_engine: Engine, world: World) -> None:
    with rls.bind(web_engine, world.acme.member.identity).connect() as connection:
        connection.execute(text("update products set stock = 9 where org_id = :org"), {"org": world.acme.org.id})
        connection.rollback()
    assert trail.entries() == []


def test_a_statement_that_the_trail_cannot_take_is_undone(spare_database: Callable[[], Database]) -> None:
    spare = spare_database()
    owner = spare.owner()
    org = owner.execute("insert into public.organizations (slug, name) values ('a-b', 'A') returning id").fetchone()
    assert org
    owner.execute("alter table public.audit_log add constraint full_disk check (table_name <> 'products') not valid")
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("insert into public.products (org_id, name, sku, price) values (%s, 'n', 'N', 1)", org)
    assert spare.sql("select count(*) from public.products") == [(0,)]


def test_an_operator_has_no_name_and_service_role_neither(trail: Trail, database: Database, world: World) -> None:
    database.sql("update public.products set stock = 50 where org_id = %s", (world.acme.org.id,))
    with psycopg.connect(database.inspector_url) as connection:
        connection.execute("set local role service_role")
        connection.execute("update public.products set stock = 51 where org_id = %s", (world.acme.org.id,))
    assert {entry.user_id for entry in trail.entries()} == {None}
    assert len(trail.entries()) == 6


def test_nobody_can_write_in_another_name(trail: Trail, web_engine: Engine, world: World) -> None:
    with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, world.acme.member.identity) as connection:
        connection.execute(text("select rowhouse.audit_products()"))
    assert trail.entries() == []


def test_members_and_the_organisation_are_kept(trail: Trail, database: Database, world: World) -> None:
    acme, viewer = world.acme.org, world.acme.viewer
    database.sql(
        "update public.memberships set role = 'member' where org_id = %s and user_id = %s", (acme.id, viewer.id)
    )
    database.sql("update public.organizations set tax_rate = 0.21 where id = %s", (acme.id,))
    role, rate = trail.entries()
    assert (role.table, role.record_id, role.old, role.new) == (
        "memberships", viewer.id, {"role": "viewer"}, {"role": "member"},
    )  # fmt: skip
    assert (rate.table, rate.record_id, rate.new and rate.new["tax_rate"]) == (
        "organizations",
        acme.id,
        Decimal("0.2100"),
    )


def test_the_trail_outlives_the_organisation_and_its_people(
    trail: Trail, database: Database, web_engine: Engine, world: World
) -> None:
    acme = world.acme
    with rls.unit_of_work(web_engine, acme.owner.identity) as connection:
        connection.execute(text("delete from organizations where id = :id"), {"id": acme.org.id})
    database.sql("delete from auth.users where id = %s", (acme.owner.id,))
    gone = trail.entries()
    assert {entry.action for entry in gone} <= {"delete", "update"}
    assert {"organizations", "memberships", "products", "orders", "order_items"} <= {entry.table for entry in gone}
    assert {entry.user_id for entry in gone} == {acme.owner.id}
    with rls.unit_of_work(web_engine, acme.admin.identity) as connection:
        assert connection.scalar(text("select count(*) from audit_log")) == 0


def test_no_value_beyond_the_declared_columns_is_kept(database: Database, world: World) -> None:
    for table, old, new in database.sql("select distinct table_name, old_data, new_data from public.audit_log"):
        declared = audited(Base.metadata.tables[table])
        for data in (old, new):
            assert data is None or set(data) == set(declared.columns)  # type: ignore[union-attr]
