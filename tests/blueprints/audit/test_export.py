"""The file of an audit trail: a line for each entry that the list finds, for administrators."""

from __future__ import annotations

import csv
import io
import json

from tests.blueprints.audit.conftest import Act
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import World

FILE = "/o/acme/audit/export.csv"
HEADER = ["At", "Who", "Who (id)", "Action", "Table", "Record", "Part of", "Before", "After"]


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    """Return the lines of the file, each cell by its column."""
    response = client.get(FILE + query)
    assert response.status_code == 200, response.get_data(as_text=True)
    found = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"), newline=""))
    assert found.fieldnames == HEADER
    return list(found)


def test_a_line_says_who_changed_what(world: World, admin: Client, act: Act, database: Database) -> None:
    hammer = world.acme.products[0]
    database.sql("update profiles set full_name = '=Ada' where id = %s", (world.acme.member.id,))
    act(world.acme.member, "update products set price = 12.5 where id = :hammer", hammer=hammer.id)
    (line,) = rows(admin, f"?person={world.acme.member.id}&table=products")
    assert (line["Who"], line["Who (id)"]) == ("'=Ada", str(world.acme.member.id))
    assert (line["Action"], line["Table"], line["Record"]) == ("update", "products", str(hammer.id))
    assert json.loads(line["Before"])["price"] == 9.9
    assert json.loads(line["After"])["price"] == 12.5


def test_the_list_narrows_the_file(world: World, admin: Client, act: Act) -> None:
    act(world.acme.admin, "update organizations set name = name || '!' where id = :org")
    everything = rows(admin)
    assert {line["Table"] for line in everything} >= {"products", "organizations", "memberships"}
    assert [line["Table"] for line in rows(admin, "?table=organizations&person=" + str(world.acme.admin.id))] == [
        "organizations"
    ]
    assert rows(admin, "?to=2001-01-01") == []
    assert len(rows(admin, "?after=2001-01-01T00:00:00Z")) == len(everything)


def test_somebody_who_has_left_keeps_their_name(world: World, admin: Client, act: Act, database: Database) -> None:
    act(world.acme.member, "update products set stock = 1 where org_id = :org")
    database.sql("delete from memberships where user_id = %s", (world.acme.member.id,))
    found = rows(admin, f"?table=products&person={world.acme.member.id}")
    assert {line["Who"] for line in found} == {world.acme.member.name}


def test_nothing_of_another_organisation_is_in_it(world: World, client_for: ClientFor, admin: Client) -> None:
    assert world.globex.marker not in str(rows(admin))
    assert client_for(world.both).get(FILE).status_code == 403
    mine = client_for(world.both).get("/o/globex/audit/export.csv").get_data(as_text=True)
    assert world.globex.marker in mine
    assert world.acme.marker not in mine


def test_the_list_leads_to_its_own_file(world: World, admin: Client) -> None:
    page = admin.page("/o/acme/audit/?table=products")
    assert "/o/acme/audit/export.csv?table=products" in {link.get("href") for link in page.all("a")}
