"""Choosing through whose eyes, and saving that under a name."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tests.blueprints.inspector.conftest import Inspector
from tests.fixtures.application import ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import World

CLAIMS = '{"role": "authenticated", "sub": "00000000-0000-4000-8000-000000000000"}'


def led_to(inspector: Inspector) -> tuple[str, dict[str, list[str]]]:
    """Return the path and the arguments of a redirect."""
    parts = urlsplit(inspector.response.location)
    return parts.path, parse_qs(parts.query)


def test_a_person_is_found_by_address_and_by_name_and_leads_to_the_tables(inspector: Inspector, world: World) -> None:
    for query in ("member@acme", "Member"):
        inspector.get("/", q=query)
        assert "Member of Acme" in inspector.text
        assert "member of Acme Hardware" in inspector.text
    inspector.follow("Member of Acme")
    assert inspector.page.first("h1").text == "Tables"
    assert "Viewing as Member of Acme" in inspector.said("identity")
    assert inspector.page.text(inspector.page.first("title")) == "Tables as Member of Acme, Inspector · Rowhouse"


def test_whoever_is_not_found_is_said_to_be_so(inspector: Inspector) -> None:
    inspector.get("/", q="zzzz", part="inspector-people")
    assert "Nobody has an address or a name that begins so." in inspector.response.get_data(as_text=True)


def test_choosing_leads_back_to_the_table_that_one_came_from(inspector: Inspector, world: World) -> None:
    inspector.get("/", q="member@acme", as_="anon", schema="public", table="products")
    path, args = urlsplit(inspector.hrefs("Member of Acme")[0])[2:4]
    assert path == "/inspector/public/products"
    assert parse_qs(args) == {"as": [f"user:{world.acme.member.id}"]}


def test_a_second_person_stands_beside_the_first(inspector: Inspector, world: World) -> None:
    inspector.get("/", q="member@acme", as_="anon", schema="public", table="products", compare="1")
    assert "Compare Anonymous visitor with whom" in inspector.text
    _, args = urlsplit(inspector.hrefs("Member of Acme")[0])[2:4]
    assert parse_qs(args) == {"as": ["anon"], "with": [f"user:{world.acme.member.id}"]}


def test_a_role_within_an_organisation_and_claims_are_other_ways(inspector: Inspector, world: World) -> None:
    inspector.get("/", 303, org="acme", role="viewer")
    assert led_to(inspector) == ("/inspector/tables", {"as": ["role:acme:viewer"]})
    inspector.get("/", 303, claims=CLAIMS)
    path, args = led_to(inspector)
    assert args["as"][0].startswith("claims:")
    inspector.get(path.removeprefix("/inspector"), as_=args["as"][0])
    assert "Viewing as Custom claims" in inspector.said("identity")
    assert "00000000-0000-4000-8000-000000000000" in inspector.said("claims")


def test_whom_nobody_can_look_through_is_said_with_what_was_typed_still_there(inspector: Inspector) -> None:
    wrong: tuple[tuple[dict[str, str], str], ...] = (
        ({"claims": '{"role": "postgres"}'}, "may not be looked through"),
        ({"claims": "{not json"}, "no JSON"),
        ({"org": "nowhere", "role": "owner"}, "no such organisation"),
        ({"as": "email:nobody@nowhere.test"}, "There is no account with the address"),
        ({"as": "what:ever"}, "names nobody"),
        ({"as": "persona:00000000-0000-4000-8000-000000000000"}, "no such persona"),
        ({"as": "role:\0:owner"}, "Nobody has the role"),
    )
    for args, said in wrong:
        inspector.get("/", 422, **args)
        assert said in inspector.text
        typed = [one.get("value") or one.text for one in inspector.page.all("input", "textarea")]
        assert all(value in typed for name, value in args.items() if name in ("claims", "org"))
        answer = inspector.json("/", 422, **args)
        assert said in answer["error"]["message"]


def test_an_address_that_says_nobody_leads_to_choosing(inspector: Inspector) -> None:
    inspector.get("/public/products", 303)
    assert led_to(inspector) == ("/inspector/", {"schema": ["public"], "table": ["products"]})
    assert "as=" in inspector.json("/tables", 400)["error"]["message"]
    inspector.get("/tables", 422, as_="what:ever")
    assert "names nobody" in inspector.text


def test_a_persona_is_saved_used_renamed_deleted_and_brought_back(inspector: Inspector, world: World) -> None:
    inspector.post("/personas", {"name": "A clerk", "as": "email:member@acme.test"})
    path, args = led_to(inspector)
    inspector.get(path.removeprefix("/inspector"), as_=args["as"][0])
    assert "Viewing as Member of Acme" in inspector.said("identity")
    inspector.post("/personas", {"name": "A clerk", "as": "anon"}, 422)
    assert "Another persona has this name" in inspector.text
    inspector.post("/personas", {"name": " ", "as": "anon"}, 422)
    assert "Give it a name." in inspector.text
    one = args["as"][0].removeprefix("persona:")
    inspector.post(f"/personas/{one}/rename", {"name": ""}, 422)
    assert "Give it a name." in inspector.text
    inspector.post(f"/personas/{one}/rename", {"name": "A new clerk"})
    inspector.get("/")
    assert "A new clerk" in inspector.text
    inspector.post(f"/personas/{one}/delete")
    inspector.get("/")
    assert "A new clerk" not in inspector.text
    undo = next(f.get("action", "") for f in inspector.page.all("form") if "personas?" in f.get("action", ""))
    assert inspector.client.submit(undo).headers["Location"].endswith("/inspector/")
    assert "A new clerk" in [one["name"] for one in inspector.json("/")["personas"]]
    inspector.post(f"/personas/{one}/rename", {"name": "x"}, 404)


def test_claims_are_saved_as_they_are(inspector: Inspector) -> None:
    inspector.get("/", 303, claims=CLAIMS)
    spec = led_to(inspector)[1]["as"][0]
    inspector.post("/personas", {"name": "Made up", "as": spec})
    inspector.get("/tables", as_=led_to(inspector)[1]["as"][0])
    assert "Made up" in inspector.said("identity")
    made_up = next(one for one in inspector.json("/")["personas"] if one["name"] == "Made up")
    assert made_up["claims"]["role"] == "authenticated"


def test_only_administrators_of_the_platform_are_shown_the_way(
    inspector: Inspector, world: World, client_for: ClientFor
) -> None:
    def leads(html: str) -> bool:
        return 'href="/inspector/"' in html

    assert leads(inspector.client.get("/o").get_data(as_text=True))
    owner = client_for(world.acme.owner)
    assert not leads(owner.get("/o/acme/products/").get_data(as_text=True))


def test_every_use_is_in_the_log_before_the_first_row_is_read(
    inspector: Inspector, world: World, database: Database
) -> None:
    who = "user:" + str(world.acme.viewer.id)
    row = f'{{"id":"{world.acme.products[0].id}","org_id":"{world.acme.org.id}"}}'
    table = "/public/products"
    before = database.sql(
        "select coalesce(max(id::text), '00000000-0000-7000-8000-000000000000') from rowhouse.inspections"
    )[0][0]
    inspector.get("/", q="viewer@acme")
    inspector.get("/tables", as_=who)
    inspector.get(table, as_=who)
    inspector.get(table, as_=who, part="why", row=row)
    inspector.get(table, as_=who, with_="anon", part="inspector-rows")
    inspector.get(table, as_=who, part="inspector-count")
    inspector.get(f"{table}/what-if", as_=who, do="insert", given="{}")
    inspector.post(f"{table}/what-if", {"act": "try", "confirm": "yes"}, 200, as_=who, do="delete", row=row)
    inspector.get(table, 422, as_=who, f="no filter")
    inspector.get("/log")
    mine = "select action, rows is null from rowhouse.inspections where actor = %s and id > %s order by id"
    assert database.sql(mine, (world.platform_admin.id, before)) == [
        ("people", False), ("counts", False), ("browse", False), ("why", False), ("compare", False),
        ("compare", False), ("counts", False), ("what-if", False), ("trial", False), ("browse", True), ("log", False),
    ]  # fmt: skip
    entries = inspector.json("/log")["entries"]
    why = next(one for one in entries if one["action"] == "why")
    assert why["key"] == {"id": str(world.acme.products[0].id), "org_id": str(world.acme.org.id)}
    assert (why["viewpoint"], why["table"], why["command"], why["rows"]) == (who, "products", "select", 1)
    inspector.get("/log")
    assert "Priya Platform" in inspector.rows()[0]
    assert any("Viewer of Acme" in row and "trial" in row and "delete" in row for row in inspector.rows())


def test_who_somebody_is_and_their_claims_are_not_shown_without_an_entry(
    inspector: Inspector, world: World, database: Database
) -> None:
    mine = "select action, viewpoint from rowhouse.inspections where actor = %s order by id desc limit 1"
    whom = "user:" + str(world.acme.viewer.id)
    for path in ("/", "/tables?counts=no", "/public/products/what-if", "/log"):
        inspector.get("/public/products", as_="anon")  # another entry in between
        path, _, counts = path.partition("?counts=")
        inspector.get(path, as_=whom, counts=counts)
        action = "log" if path == "/log" else "people"
        assert database.sql(mine, (world.platform_admin.id,)) == [(action, whom)], path
    inspector.get("/tables", as_="anon", with_=whom)
    assert database.sql(mine, (world.platform_admin.id,)) == [("people", whom)]


def test_looking_changes_nothing_but_the_log(inspector: Inspector, world: World, database: Database) -> None:
    before = database.snapshot()
    row = f'{{"id":"{world.acme.products[0].id}","org_id":"{world.acme.org.id}"}}'
    inspector.get("/public/products", as_="email:owner@acme.test", row=row, do="delete")
    inspector.post(
        "/public/products/what-if", {"act": "try", "confirm": "yes", "given": '{"name": "Changed"}'}, 200,
        as_="email:owner@acme.test", do="update", row=row,
    )  # fmt: skip
    assert "Postgres agrees" in inspector.text
    after = database.snapshot()
    assert {name for name in before if before[name] != after[name]} == {"rowhouse.inspections"}
