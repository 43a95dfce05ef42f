"""A table's rows as somebody sees them: visible, hidden and why, narrowed, ordered, page by page."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.blueprints.inspector.conftest import Inspector
from tests.fixtures.application import Client, MakeApp
from tests.fixtures.database import Database
from tests.fixtures.world import World

MEMBER = "email:member@acme.test"
PRODUCTS = "/public/products"


def test_hidden_rows_are_shown_greyed_with_the_reason_and_by_the_names_people_know(
    inspector: Inspector, world: World
) -> None:
    inspector.get(PRODUCTS, as_=MEMBER)
    assert inspector.page.text(inspector.page.first("title")) == ("products as Member of Acme, Inspector · Rowhouse")
    hidden, rows = inspector.said("is-hidden"), inspector.rows()
    assert len(rows) == 6
    assert len(inspector.classed("is-hidden")) == 3
    assert "GLOBEX-ONLY hammer" in hidden
    assert "ACME-ONLY hammer" not in hidden
    assert "Globex Garden is not among member_orgs()" in hidden
    assert any("ACME-ONLY" in row and "Acme Hardware is among member_orgs()" in row for row in rows)
    labels = {inspector.mark(row) for row in inspector.classed("is-hidden")}
    assert labels == {"Hidden:"}


def test_the_switch_leaves_only_what_is_visible_or_hidden(inspector: Inspector, world: World) -> None:
    for show, marker in (("visible", "ACME-ONLY"), ("hidden", "GLOBEX-ONLY")):
        inspector.get(PRODUCTS, as_=MEMBER, show=show)
        assert len(inspector.rows()) == 3
        assert all(marker in row for row in inspector.rows())
    inspector.get(PRODUCTS, as_=MEMBER, show="everything")
    assert len(inspector.rows()) == 6


def test_filters_are_typed_by_column_and_each_can_be_taken_away(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER, f=["name ~ HAMMER", "stock >= 25"])
    assert len(inspector.rows()) == 2
    away = inspector.hrefs("Remove the filter: name ~ HAMMER")[0]
    assert parse_qs(urlsplit(away).query)["f"] == ["stock >= 25"]
    inspector.get(PRODUCTS, as_=MEMBER, f="image_path is not null")
    assert "No row of public.products is like that." in inspector.text


def test_a_filter_that_is_wrong_is_said_and_stays_in_its_field(inspector: Inspector, world: World) -> None:
    for typed, said in (
        ("hammer", "is no filter"),
        ("colour = red", "has no column colour"),
        ("stock = many", "Postgres cannot read a value"),
    ):
        inspector.get(PRODUCTS, 422, as_=MEMBER, f=["stock > 1", typed])
        assert said in inspector.text
        field = next(one for one in inspector.page.all("input") if one.get("id") == "q")
        assert field.get("value") == typed
        assert field.get("aria-invalid") == "true"
        assert inspector.hrefs("Remove the filter: stock > 1")
        assert said in inspector.json(PRODUCTS, 422, as_=MEMBER, f=typed)["error"]["message"]
    inspector.get(PRODUCTS, 422, as_=MEMBER, order="colour")
    field = next(one for one in inspector.page.all("input") if one.get("id") == "q")
    assert field.get("aria-invalid") is None


def test_a_header_orders_and_orders_the_other_way(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER)
    inspector.follow("stock")
    up = inspector.rows()
    assert [one.get("aria-sort") for one in inspector.page.all("th") if one.get("aria-sort")] == ["ascending"]
    inspector.get(PRODUCTS, as_=MEMBER, order="-stock")
    assert [one.get("aria-sort") for one in inspector.page.all("th") if one.get("aria-sort")] == ["descending"]
    assert inspector.rows() == up[::-1]
    inspector.get(PRODUCTS, 422, as_=MEMBER, order="-nothing")
    assert "has no column nothing" in inspector.text


def test_pages_go_on_and_back(inspector: Inspector, odd: dict[str, str]) -> None:
    inspector.get(odd["order"], as_="anon", order="-select", limit=10)
    first = inspector.rows()
    assert len(first) == 10
    assert first[0].startswith("24 ")
    inspector.follow("Next")
    assert inspector.rows()[0].startswith("14 ")
    inspector.follow("Next")
    assert len(inspector.rows()) == 4
    assert not inspector.hrefs("Next")
    inspector.follow("Previous")
    inspector.follow("Previous")
    assert inspector.rows() == first


def test_a_page_that_begins_nowhere_is_said_to(inspector: Inspector, odd: dict[str, str]) -> None:
    for after in ("x", "[1]", '["1","2"]', '{"a":1}', '["\\u0000"]'):
        inspector.get(odd["order"], 422, as_="anon", after=after)
        assert "begins nowhere" in inspector.text


def test_any_name_is_one_part_of_an_address(inspector: Inspector, odd: dict[str, str]) -> None:
    inspector.get("/tables", as_="anon", counts="no")
    links = {link.get("href", "").partition("?")[0] for link in inspector.page.all("a")}
    assert {f"/inspector{path}" for path in odd.values()} <= links
    for path in odd.values():
        inspector.get(path, as_="anon")
        assert all(link.get("href", "").partition("?")[0].count("/") <= 4 for link in inspector.page.all("a"))
        if inspector.hrefs("Visible:"):
            inspector.follow("Visible:")
            assert "can read this row" in inspector.said("why")


def test_a_table_called_order_with_a_column_called_select(inspector: Inspector, odd: dict[str, str]) -> None:
    inspector.get(odd["order"], as_="anon", f=["select > 5", "select < 9"])
    rows = inspector.rows()
    assert [row.split()[0] for row in rows] == ["6", "7", "8"]
    assert "NULL" in rows[1]
    inspector.get(odd["order"], as_="anon", f='"from""where" = row 8')
    assert len(inspector.rows()) == 1
    inspector.get(odd["order"], as_="anon", f="select = 6", row='{"select":"6"}')
    assert "can read this row" in inspector.said("why")
    assert '"select" % 2' in inspector.said("clauses")


def test_values_of_secrets_are_withheld_and_nothing_is_ordered_or_found_by_them(
    inspector: Inspector, odd: dict[str, str]
) -> None:
    inspector.get(odd["order"], as_="anon", f="select = 6", row='{"select":"6"}')
    html = inspector.response.get_data(as_text=True)
    assert "•••" in inspector.text
    assert "s3cret" not in html
    assert "order=api" not in html
    inspector.get(odd["order"], 422, as_="anon", f='"api key" = s3cret')
    assert "are withheld" in inspector.text
    assert "s3cret" not in json.dumps(inspector.json(odd["order"], as_="anon"))
    assert "s3cret" not in json.dumps(inspector.json(odd["order"], as_="anon", row='{"select":"6"}'))


def test_what_has_no_key_says_so(inspector: Inspector, odd: dict[str, str]) -> None:
    inspector.get(odd["dots"], as_="anon")
    assert "without a key" in inspector.rows()[0]
    assert "No primary key names its rows" in inspector.text
    inspector.get(odd["quotes"], as_="anon")
    assert "This is a view" in inspector.text
    assert "not trusted" in inspector.rows()[0]


def test_a_foreign_key_leads_to_the_row_that_it_points_to(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER)
    inspector.follow("Globex Garden")
    assert inspector.page.first("h1").text == "organizations"
    assert len(inspector.rows()) == 1
    assert "can’t read this row" in inspector.said("why")


def test_counts_come_afterwards_and_by_a_link_without_scripts(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER)
    assert "Count the rows" in inspector.text
    lazy = [one.get("hx-get") for one in inspector.page.all() if one.get("hx-trigger") == "load"]
    assert len(lazy) == 2
    inspector.get(PRODUCTS, as_=MEMBER, part="inspector-count")
    assert "3 of 6 rows visible to Member" in inspector.response.get_data(as_text=True)
    inspector.get(PRODUCTS, as_=MEMBER, count="1")
    assert "3 of 6 rows visible to Member" in inspector.text
    inspector.get("/tables", as_=MEMBER, part="inspector-tables")
    assert "3 / 6" in [inspector.page.text(one) for one in inspector.classed("count")]
    assert "max-age" in inspector.response.headers["Cache-Control"]
    inspector.get("/tables", as_="anon")
    products = next(row for row in inspector.rows() if row.startswith("products "))
    assert products == "products forced 3 – 6"


def test_a_table_that_browsers_may_read_without_row_security_is_marked(
    inspector: Inspector, odd: dict[str, str]
) -> None:
    inspector.get("/tables", as_="anon")
    assert any(row.startswith("..") and "off, and open to browsers" in row for row in inspector.rows())
    spoken = [one.get("aria-label") for one in inspector.page.all()]
    assert "No row security stands before its rows, and browsers may read it" in spoken


def test_a_view_that_browsers_read_with_its_owners_rights_is_marked(inspector: Inspector, odd: dict[str, str]) -> None:
    inspector.get("/tables", as_="anon")
    assert any(row.startswith("it's") and "its owner’s rights, and open to browsers" in row for row in inspector.rows())
    inspector.get(odd["quotes"], as_="anon")
    assert inspector.classed("note-warn")


def test_a_table_that_is_not_there_and_one_that_nobody_may_read(inspector: Inspector, world: World) -> None:
    inspector.get("/public/nothing", 404, as_=MEMBER)
    assert "There is no table or view public.nothing." in inspector.text
    assert "Viewing as" in inspector.said("identity")
    assert inspector.json("/public/nothing", 404, as_=MEMBER)["error"]["status"] == 404
    inspector.get("/auth/users", 422, as_=MEMBER)
    assert "service_role may not read it" in inspector.text


def test_without_a_login_of_its_own_hidden_rows_stay_hidden_and_it_is_said(
    make_app: MakeApp, world: World, database: Database
) -> None:
    client = make_app(inspector_database_url=None).test_client()
    assert isinstance(client, Client)
    client.sign_in(world.platform_admin)
    blind = Inspector(client)
    blind.get("/")
    assert "Hidden rows can’t be read here" in blind.text
    blind.get("/", 422, q="member")
    assert "People cannot be looked up" in blind.text
    blind.get(PRODUCTS, 422, as_="anon")
    assert "permission denied" in blind.text
    blind.get("/public/organizations", 422, as_=MEMBER)
    assert "INSPECTOR_DATABASE_URL" in blind.text


def test_json_of_a_page_goes_on_by_its_own_after(inspector: Inspector, odd: dict[str, str]) -> None:
    assert len(inspector.json(odd["order"], as_="anon", limit="9" * 5_000)["rows"]) == 24
    first = inspector.json(odd["order"], as_="anon", limit=20)
    assert len(first["rows"]) == 20
    assert first["viewpoints"][0]["as"] == "anon"
    assert first["rows"][0]["sights"][0]["visible"] is False
    rest = inspector.json(odd["order"], as_="anon", limit=20, after=json.dumps(first["after"]))
    assert len(rest["rows"]) == 4
    assert rest["after"] is None
    response = inspector.client.get(f"/inspector{odd['order']}?as=anon", headers={"Accept": "application/json"})
    assert response.is_json
    tables = inspector.json("/tables", as_="anon")["tables"]
    order = next(one for one in tables if one["table"] == "order" and one["schema"].startswith("odd"))
    assert order["rows"] == {"visible": 12, "visible_or_more": False, "total": 24, "total_or_more": False}
    assert (order["row_security"], order["policies"], order["may_select"]) == (True, 1, True)


def test_two_people_are_compared_row_by_row(inspector: Inspector, world: World) -> None:
    pair: dict[str, Any] = {"as_": MEMBER, "with_": "email:both@example.test"}
    inspector.get(PRODUCTS, **pair)
    assert inspector.page.text(inspector.page.first("title")).startswith("products as Member of Acme and Lena Between,")
    rows = inspector.rows()
    assert sum(row.endswith("only Lena") for row in rows) == 3
    assert sum(row.endswith("both") for row in rows) == 3
    inspector.get(PRODUCTS, show="differ", **pair)
    assert len(inspector.rows()) == 3
    inspector.get(PRODUCTS, show="first", **pair)
    assert "No row of public.products is like that." in inspector.text
    inspector.get(PRODUCTS, show="second", **pair)
    assert all("GLOBEX-ONLY" in row for row in inspector.rows())
    inspector.get(PRODUCTS, part="inspector-count", **pair)
    assert "of 6 rows Member sees 3, Lena sees 6" in inspector.response.get_data(as_text=True)
    found = inspector.json(PRODUCTS, show="second", **pair)
    assert [one["as"] for one in found["viewpoints"]] == [f"user:{world.acme.member.id}", f"user:{world.both.id}"]
    assert [sight["visible"] for sight in found["rows"][0]["sights"]] == [False, True]
    key = json.dumps(found["rows"][0]["key"])
    inspector.get(PRODUCTS, row=key, who="other", **pair)
    assert "Lena can read this row" in inspector.said("why")
    inspector.follow("Stop comparing")
    assert "beside" not in inspector.said("identity")
