"""Who may do what with an order by its functions: everybody whom a rule may meet, on their own orders and others'."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.models.desk import SET_ITEMS, SET_STATUS, TAKE, TOTAL, Desk, items
from webapp import rls
from webapp.rls import Identity
from webapp.rls.errors import NotPermitted, Refused

OUTSIDERS = ("other", "removed", "banned", "signed_out", "stranger", "platform_admin", "anon", "nobody")
EVERYBODY = ("viewer", "member", "both", "admin", "owner", *OUTSIDERS)
OWN, OTHERS, TAKEN = range(3)  # the member's pending order, the admin's pending one, one whose stock is to be taken

# What is done, to which order, and who may.
DOINGS = {
    "compose one's own": (SET_ITEMS, OWN, {"member", "admin", "owner"}),
    "compose another's": (SET_ITEMS, OTHERS, {"admin", "owner"}),
    "process one's own": (SET_STATUS.replace(":status", "'processing'"), OWN, {"member", "admin", "owner"}),
    "process another's": (SET_STATUS.replace(":status", "'processing'"), OTHERS, {"admin", "owner"}),
    "cancel one's own": (SET_STATUS.replace(":status", "'cancelled'"), OWN, {"member", "admin", "owner"}),
    "cancel another's": (SET_STATUS.replace(":status", "'cancelled'"), OTHERS, {"admin", "owner"}),
    "ship": (SET_STATUS.replace(":status", "'shipped'"), TAKEN, {"admin", "owner"}),
    "take stock": (TAKE, TAKEN, {"admin", "owner", "member"}),
    "change the details of one's own": (
        "update orders set note = 'x' where org_id = :org and id = :id returning id", OWN, {"member", "admin", "owner"}
    ),
    "change the details of another's": (
        "update orders set note = 'x' where org_id = :org and id = :id returning id", OTHERS, {"admin", "owner"}
    ),
    "change the details of what is no longer pending": (
        "update orders set note = 'x' where org_id = :org and id = :id returning id", TAKEN, {"admin", "owner"}
    ),
    "sum up": (TOTAL, TAKEN, {"viewer", "member", "both", "admin", "owner"}),
}  # fmt: skip


def identities(world: World) -> Mapping[str, Identity]:
    people = {role: getattr(world.acme, role) for role in ("viewer", "member", "admin", "owner")}
    outside = {name: getattr(world, name) for name in (*OUTSIDERS[1:6], "both")}
    return {
        **{name: person.identity for name, person in {**people, **outside, "other": world.globex.owner}.items()},
        "anon": Identity.anonymous(),
        "nobody": Identity.sign_in(),
    }


@pytest.mark.parametrize("doing", DOINGS)
def test_a_function_does_it_for_whom_it_should_and_nobody_else(
    doing: str, world: World, web_engine: Engine, database: Database
) -> None:
    sql, which, may = DOINGS[doing]
    hammer = world.acme.products[0]
    admin, member = (Desk(web_engine, world.acme.org, person) for person in (world.acme.admin, world.acme.member))
    made = [member.place([(hammer, 1)]), admin.place([(hammer, 1)]), member.place([(hammer, 1)])]
    database.sql("update orders set status = 'processing' where id = %s", (made[TAKEN],))
    parameters = {"org": world.acme.org.id, "id": made[which], "items": items([(hammer, 3)])}
    wanted = {name: value for name, value in parameters.items() if f":{name}" in sql}
    did = set()
    for name, identity in identities(world).items():
        with rls.bind(web_engine, identity).connect() as connection:
            try:
                rows = connection.execute(text(sql), wanted).all()
            except NotPermitted:
                continue
            did |= {name} if rows else set()
    assert did == may
    assert set(identities(world)) == set(EVERYBODY)


@pytest.mark.parametrize("sql", [SET_ITEMS, SET_STATUS, TAKE])
def test_a_foreign_order_and_none_are_the_same(sql: str, world: World, web_engine: Engine) -> None:
    """To an outsider both are forbidden; in one's own organisation a foreign order is as missing as none."""
    mine, foreign = world.globex, world.acme.orders[0].id
    for org, order, kind in (
        (world.acme.org, foreign, NotPermitted),
        (world.acme.org, uuid4(), NotPermitted),
        (mine.org, foreign, Refused),
        (mine.org, uuid4(), Refused),
    ):
        with pytest.raises(kind) as caught:
            say(Desk(web_engine, org, mine.owner), sql, order)
        assert caught.value.constraint == ("orders_missing" if kind is Refused else None)


def say(desk: Desk, sql: str, order: UUID) -> None:
    parameters = {"items": items([]), "status": "processing"}
    desk.run(sql, id=order, **{name: value for name, value in parameters.items() if f":{name}" in sql})


def test_an_organisation_that_is_not_named_is_forbidden(world: World, web_engine: Engine) -> None:
    with pytest.raises(NotPermitted):
        Desk(web_engine, world.acme.org, world.acme.owner).run(
            "select set_order_status(null, :id, 'processing')", id=world.acme.orders[0].id
        )


def test_the_service_role_reads_orders_and_changes_none(world: World, database: Database) -> None:
    """A key that passes all policies still keeps to what the functions allow, and they ask for a person."""
    order = world.acme.orders[0]
    with database.postgres.connect(database.name, "rowhouse_inspector") as service:
        service.execute("set role service_role")
        assert service.execute("select count(*) from orders").fetchone() == (6,)
        for sql in (
            "update orders set status = 'delivered'",
            "delete from order_items",
            "insert into order_events (org_id, order_id, event) select org_id, id, 'delivered' from orders",
            "update inventory_movements set delta = 1",
            f"select public.set_order_status('{order.org_id}', '{order.id}', 'processing')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"permission denied|not allowed"):
                service.execute(sql)


def test_an_order_placed_for_another_organisation_tells_nothing_of_its_numbers(
    world: World, web_engine: Engine, database: Database
) -> None:
    """The number's trigger runs before the policy: a stranger sees no order, so it is 1001, and is refused."""
    before = database.snapshot()
    for person in (world.globex.owner, world.acme.viewer, world.stranger):
        with pytest.raises(NotPermitted):
            Desk(web_engine, world.acme.org, person).place()
    assert database.snapshot() == before


def test_nobody_places_an_order_in_anothers_name(world: World, web_engine: Engine) -> None:
    with pytest.raises(NotPermitted):
        Desk(web_engine, world.acme.org, world.acme.owner).run(
            "insert into orders (org_id, placed_by) values (:org, :person)", person=world.acme.member.id
        )
