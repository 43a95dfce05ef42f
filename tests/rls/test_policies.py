"""Who may do what with which row: each table × command × person.

``MATRIX`` says how many of acme's rows a person reaches, in a world where acme has three products, three orders and
seven members. Whoever is not named reaches none, or is REFUSED. A table that the catalogue has and the matrix has not
fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import pytest
from sqlalchemy import Connection, Engine, text

from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.rls import catalogue
from webapp import rls
from webapp.rls import Identity

Command = Literal["select", "insert", "update", "delete"]
Reach = Mapping[str, int]
REFUSED = -1

OUTSIDERS = ("other", "removed", "banned", "signed_out", "stranger", "platform_admin")
NOBODIES = ("nobody", "anon")
MEMBERS = ("viewer", "member", "admin", "owner")


@dataclass(frozen=True)
class Rights:
    """What may be done with the rows that ``where`` selects, as acme's own.

    ``granted`` are the commands that signed-in people have a grant for: policies decide there. ``insert`` is the text
    of an INSERT into acme. ``may`` counts rows, for each command and for each person who reaches any.
    """

    where: str = "true"
    insert: str = ""
    granted: tuple[Command, ...] = ()
    may: Mapping[Command, Reach] = field(default_factory=dict)


def all_of(people: tuple[str, ...], rows: int) -> Reach:
    return dict.fromkeys(people, rows)


CLOSED = Rights()
_OWN: Reach = {"owner": 1}  # an import is its own person's alone
_IMPORT = (
    "insert into public.product_imports (org_id, file_name, size, delimiter, header)"
    " values (:acme, 'new.csv', 1, ',', '{SKU}')"
)
MATRIX: dict[str, Rights] = {
    "public.organizations": Rights(
        where="id = :acme",
        granted=("select", "update", "delete"),
        may={"select": all_of(MEMBERS, 1), "update": {"admin": 1, "owner": 1}, "delete": {"owner": 1}},
    ),
    "public.memberships": Rights(
        where="org_id = :acme",
        granted=("select",),
        may={"select": all_of(MEMBERS, 7)},
    ),
    "public.profiles": Rights(
        where="id in (:viewer, :member, :admin, :owner)",
        granted=("select", "update"),
        may={"select": all_of(MEMBERS, 4), "update": all_of(MEMBERS, 1)},
    ),
    "public.products": Rights(
        where="org_id = :acme",
        insert="insert into public.products (org_id, name, sku, price) values (:acme, 'New', 'NEW', 1)",
        granted=("select", "insert", "update"),
        may={
            "select": all_of(MEMBERS, 3),
            "insert": all_of(("member", "admin", "owner"), 1),
            "update": all_of(("member", "admin", "owner"), 3),
        },
    ),
    "public.orders": Rights(
        where="org_id = :acme",
        insert="insert into public.orders (org_id, customer) values (:acme, 'New')",
        granted=("select", "insert", "update"),
        may={
            "select": all_of(MEMBERS, 3),
            "insert": all_of(("member", "admin", "owner"), 1),
            "update": {"member": 1, "admin": 3, "owner": 3},
        },
    ),
    "public.order_items": Rights(where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 5)}),
    "public.inventory_movements": Rights(
        where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 3)}
    ),
    "public.order_events": Rights(where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 7)}),
    "public.product_changes": Rights(where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 1)}),
    "public.product_change_items": Rights(
        where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 1)}
    ),
    "public.audit_log": Rights(
        where="org_id = :acme and table_name = 'products'",
        granted=("select",),
        may={"select": all_of(("admin", "owner"), 3)},
    ),
    "public.product_imports": Rights(
        where="org_id = :acme",
        insert=_IMPORT,
        granted=("select", "insert", "update", "delete"),
        may={"select": _OWN, "insert": all_of(("member", "admin", "owner"), 1), "update": _OWN, "delete": _OWN},
    ),
    "public.product_import_chunks": Rights(
        where="org_id = :acme",
        insert=f"with made as ({_IMPORT} returning org_id, id, created_by) insert into public.product_import_chunks"
        " (org_id, import_id, created_by, position, piece) select org_id, id, created_by, 0, 'a' from made",
        granted=("select", "insert", "delete"),
        may={"select": _OWN, "insert": all_of(("member", "admin", "owner"), 1), "delete": _OWN},
    ),
    "public.product_import_lines": Rights(
        where="org_id = :acme",
        insert=f"with made as ({_IMPORT} returning org_id, id, created_by) insert into public.product_import_lines"
        " (org_id, import_id, created_by, line, is_good) select org_id, id, created_by, 2, true from made",
        granted=("select", "insert", "update", "delete"),
        may={"select": _OWN, "insert": all_of(("member", "admin", "owner"), 1), "update": _OWN, "delete": _OWN},
    ),
    "public.product_import_errors": Rights(
        where="org_id = :acme",
        insert=f"with made as ({_IMPORT} returning org_id, id, created_by) insert into public.product_import_errors"
        " (org_id, import_id, created_by, line, place, column_name, value, reason)"
        " select org_id, id, created_by, 2, 0, '', '', 'wrong' from made",
        granted=("select", "insert", "delete"),
        may={"select": _OWN, "insert": all_of(("member", "admin", "owner"), 1), "delete": _OWN},
    ),
    "public.sales_daily": Rights(where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 2)}),
    "public.sales_daily_deltas": Rights(
        where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 1)}
    ),
    "public.sales_totals": Rights(where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 2)}),
    "public.sales_products": Rights(where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 1)}),
    "public.sales_products_deltas": Rights(
        where="org_id = :acme", granted=("select",), may={"select": all_of(MEMBERS, 2)}
    ),
    "auth.identities": CLOSED,
    "auth.refresh_tokens": CLOSED,
    "auth.sessions": CLOSED,
    "auth.users": CLOSED,
    "rowhouse.alembic_version": CLOSED,
    "rowhouse.inspections": Rights(granted=("select",), may={"select": {"platform_admin": 1}}),
    "rowhouse.personas": Rights(
        insert="insert into rowhouse.personas (name, viewpoint) values ('New', 'anon')",
        granted=("select", "insert", "update", "delete"),
        may={command: {"platform_admin": 1} for command in get_args(Command)},
    ),
    "rowhouse_auth.attempts": CLOSED,
}


def identities(world: World) -> dict[str, Identity]:
    """Return everybody whom a policy may meet, by the name that the matrix calls them."""
    return {
        "nobody": Identity.sign_in(),
        "anon": Identity.anonymous(),
        **{role: getattr(world.acme, role).identity for role in MEMBERS},
        "other": world.globex.owner.identity,
        **{name: getattr(world, name).identity for name in OUTSIDERS if name != "other"},
    }


def expected(rights: Rights, command: Command, person: str) -> int:
    """Return how many rows ``person`` reaches, or REFUSED."""
    if person in NOBODIES or command not in rights.granted:
        return REFUSED
    return rights.may.get(command, {}).get(person, REFUSED if command == "insert" else 0)


def statement(database: Database, table: str, command: Command, rights: Rights) -> str:
    """Return what to run for ``command`` on ``table``."""
    if command == "select":
        return f"select 1 from {table} where {rights.where}"
    if command == "delete":
        return f"delete from {table} where {rights.where}"
    if command == "insert":
        return rights.insert or f"insert into {table} default values"
    columns = database.sql(
        "select quote_ident(attname) from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and attgenerated = ''"
        " order by has_column_privilege('authenticated', attrelid, attnum, 'update') desc, attnum",
        (table,),
    )
    column = columns[0][0]
    return f"update {table} set {column} = {column} where {rights.where}"


def reach(connection: Connection, sql: str, parameters: Mapping[str, object]) -> int:
    """Run ``sql`` and return how many rows it reached, or REFUSED."""
    wanted = {name: value for name, value in parameters.items() if f":{name}" in sql}
    try:
        return len(connection.execute(text(sql + " returning 1" * (not sql.startswith("select"))), wanted).all())
    except rls.errors.NotPermitted:
        return REFUSED


@pytest.mark.parametrize("table", MATRIX)
def test_everybody_reaches_exactly_what_the_matrix_says(
    table: str, world: World, database: Database, web_engine: Engine
) -> None:
    rights = MATRIX[table]
    parameters = {"acme": world.acme.org.id, **{role: getattr(world.acme, role).id for role in MEMBERS}}
    found: dict[tuple[str, str], int] = {}
    wanted: dict[tuple[str, str], int] = {}
    for person, identity in identities(world).items():
        for command in get_args(Command):
            with rls.bind(web_engine, identity).connect() as connection:
                sql = statement(database, table, command, rights)
                found[person, command] = reach(connection, sql, parameters)
            wanted[person, command] = expected(rights, command, person)
    assert found == wanted


def test_every_table_has_its_place_in_the_matrix(database: Database) -> None:
    assert {str(row[0]) for row in database.admin_sql(catalogue.TABLES)} == set(MATRIX)


def test_a_person_of_two_organisations_reaches_both_each_by_its_role(world: World, web_engine: Engine) -> None:
    """A member in acme and an admin in globex: six products to change, one organisation to rename."""
    with rls.bind(web_engine, world.both.identity).connect() as connection:
        assert reach(connection, "select 1 from products", {}) == 6
        assert reach(connection, "update products set stock = 1", {}) == 6
        assert reach(connection, "update organizations set name = name", {}) == 1


def test_a_row_cannot_be_handed_to_another_organisation(world: World, web_engine: Engine) -> None:
    ids = {"acme": world.acme.org.id, "globex": world.globex.org.id}
    for sql in (
        "update products set org_id = :globex where org_id = :acme",
        "insert into products (org_id, name, sku, price) values (:globex, 'x', 'x', 1)",
        "insert into memberships (org_id, user_id, role) values (:globex, auth.uid(), 'owner')",
        "update memberships set role = 'owner' where org_id = :acme",
    ):
        with rls.bind(web_engine, world.acme.owner.identity).connect() as connection:
            assert reach(connection, sql, ids) == REFUSED


def test_a_taken_sku_of_another_organisation_is_free_in_ours(world: World, web_engine: Engine) -> None:
    """A unique constraint across tenants would tell one what another has."""
    taken = world.globex.products[0]
    sql = "insert into products (org_id, id, name, sku, price) values (:acme, :id, 'x', :sku, 1)"
    ours = {"acme": world.acme.org.id, "id": taken.id, "sku": taken.sku}
    with rls.bind(web_engine, world.acme.owner.identity).connect() as connection:
        assert reach(connection, sql, ours) == 1


def test_the_matrix_notices_a_policy_that_opens_to_everybody(database: Database, world: World) -> None:
    """The matrix can fail: with one policy more, an outsider reaches rows."""
    database.admin_sql("create policy loose on public.products for select to authenticated using (true)")
    engine = rls.create_engine(database.web_url)
    try:
        with rls.bind(engine, world.stranger.identity).connect() as connection:
            sql = statement(database, "public.products", "select", MATRIX["public.products"])
            assert reach(connection, sql, {"acme": world.acme.org.id}) == 3
            assert expected(MATRIX["public.products"], "select", "stranger") == 0
    finally:
        database.admin_sql("drop policy loose on public.products")
