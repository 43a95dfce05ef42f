"""A write that has not happened: predicted, or tried and rolled back."""

from __future__ import annotations

import json

from tests.blueprints.inspector.conftest import Inspector
from tests.fixtures.database import Database
from tests.fixtures.world import World

MEMBER = "email:member@acme.test"
PRODUCTS = "/public/products/what-if"


def typed(inspector: Inspector, name: str) -> str | None:
    """Return what stands in a field."""
    field = next(one for one in inspector.page.all("textarea", "input") if one.get("name") == name)
    return field.text if field.tag == "textarea" else field.get("value")


def test_the_form_has_a_field_for_each_column_with_its_type_and_default(
    inspector: Inspector, odd: dict[str, str]
) -> None:
    inspector.get(f"{odd['slashes']}/what-if", as_="anon")
    labels = inspector.said("column")
    assert "id uuid · default gen_random_uuid()" in labels
    assert "n integer" in labels
    assert "total" not in labels


def test_an_insert_is_predicted_clause_by_clause_and_nothing_is_written(
    inspector: Inspector, world: World, database: Database
) -> None:
    for house, said in ((world.acme, "Member can insert"), (world.globex, "Member can’t insert")):
        data = {
            "act": "predict",
            "given": json.dumps({"org_id": str(house.org.id), "name": "New", "price": 1, "sku": "N"}),
        }
        inspector.post(PRODUCTS, data, 200, as_=MEMBER, do="insert")
        assert said in inspector.said("verdict")
        assert "Predicted, and not tried" in inspector.said("verdict")
    assert database.sql("select count(*) from products where name = 'New'") == [(0,)]


def test_returning_asks_the_select_policies_too(inspector: Inspector, odd: dict[str, str]) -> None:
    where = f"{odd['slashes']}/what-if"
    inspector.post(where, {"act": "predict", "c1": "4"}, 200, as_="anon", do="insert")
    assert "anon can insert a row like this" in inspector.said("verdict")
    inspector.post(where, {"act": "predict", "c1": "4", "returning": "id"}, 200, as_="anon", do="insert")
    assert "anon can’t insert a row like this" in inspector.said("verdict")
    assert "since RETURNING reads the row" in inspector.said("rung")
    inspector.post(where, {"act": "try", "confirm": "yes", "c1": "4", "returning": "id"}, 200, as_="anon", do="insert")
    assert "Postgres agrees" in inspector.said("verdict")
    inspector.post(where, {"act": "try", "confirm": "yes", "c1": "4"}, 200, as_="anon", do="insert")
    assert "was rolled back" in inspector.said("verdict")
    assert inspector.json(odd["slashes"], as_="anon")["rows"] == []


def test_a_trial_is_confirmed_first(inspector: Inspector, odd: dict[str, str]) -> None:
    inspector.post(f"{odd['slashes']}/what-if", {"act": "try", "c1": "4"}, 422, as_="anon", do="insert")
    assert "Tick it to have the command run" in inspector.text
    assert typed(inspector, "c1") == "4"
    assert not inspector.classed("ladder")


def test_what_is_typed_wrong_is_marked_where_it_stands(inspector: Inspector, odd: dict[str, str]) -> None:
    wrong: tuple[tuple[dict[str, str], str, str], ...] = (
        ({"c1": "four"}, "invalid input syntax for type integer", "c1"),
        ({"c2": "{not json"}, "This is no JSON", "c2"),
        ({"c0": "\0"}, "NUL", "c0"),
        ({"given": "[1]"}, "Write an object", "given"),
        ({"given": '{"colour": 1}'}, "has no column colour", "given"),
        ({"given": '{"n": "four"}'}, "invalid input syntax", "given"),
        ({"given": '{"total": 4}'}, "generated", "given"),
        ({"c1": "1", "conflict": "update"}, "Tick the columns that it looks at", "conflict_column"),
    )
    for data, said, name in wrong:
        inspector.post(f"{odd['slashes']}/what-if", {"act": "predict", **data}, 422, as_="anon", do="insert")
        marked = [inspector.page.text(one) for one in inspector.page.all("p") if one.get("id") == f"{name}-error"]
        assert len(marked) == 1, data
        assert said in marked[0]
        kept = {field: value for field, value in data.items() if field in ("c1", "c2", "given")}
        assert {field: typed(inspector, field) for field in kept} == kept


def test_an_empty_field_means_what_is_chosen_beside_it(inspector: Inspector, odd: dict[str, str]) -> None:
    where = f"{odd['slashes']}/what-if"
    inspector.post(where, {"act": "predict", "e1": "null"}, 200, as_="anon", do="insert")
    assert '"n": null' in inspector.said("code")
    inspector.post(where, {"act": "predict", "c1": "1", "c2": '{"a": [1]}'}, 200, as_="anon", do="insert")
    assert '"j": {"a": [1]}' in inspector.said("code")


def test_an_update_and_a_delete_of_a_row(inspector: Inspector, world: World) -> None:
    row = json.dumps({"org_id": str(world.acme.org.id), "id": str(world.acme.products[0].id)})
    inspector.get(PRODUCTS, as_=MEMBER, row=row)
    assert "What if Member updates this row" in inspector.text
    inspector.post(PRODUCTS, {"act": "predict", "given": '{"price": "9.90"}'}, 200, as_=MEMBER, row=row)
    assert "Member can update this row" in inspector.said("verdict")
    foreign = json.dumps({"org_id": str(world.globex.org.id)})
    inspector.post(PRODUCTS, {"act": "predict", "given": foreign}, 200, as_=MEMBER, row=row)
    assert "Member can’t update this row" in inspector.said("verdict")
    inspector.post(PRODUCTS, {"act": "try", "confirm": "yes"}, 200, as_=MEMBER, row=row, do="delete")
    assert "Member can’t delete this row" in inspector.said("verdict")
    inspector.post(PRODUCTS, {"act": "predict"}, 400, as_=MEMBER, do="delete")
    assert "No row is named" in inspector.text


def test_a_table_leads_to_an_insert_and_only_a_row_to_the_other_commands(inspector: Inspector) -> None:
    inspector.get("/public/products", as_=MEMBER, f="name = nothing is called so")
    inspector.follow("What if…")
    assert "What if Member inserts a row" in inspector.text
    assert not inspector.hrefs("Update")
    inspector.get(PRODUCTS, 400, as_=MEMBER, do="update")
    assert "No row is named" in inspector.text
    assert "typed" not in inspector.text
    inspector.follow("To the rows")


def test_a_constraint_that_refuses_what_the_policies_admit_is_told_apart(inspector: Inspector, world: World) -> None:
    given = {"org_id": str(world.acme.org.id), "name": "Without a price", "sku": "N"}
    data = {"act": "try", "confirm": "yes", "given": json.dumps(given)}
    inspector.post(PRODUCTS, data, 200, as_=MEMBER, do="insert")
    assert "Postgres agrees, but a constraint refuses the row" in inspector.said("verdict")


def test_the_prediction_is_json_by_its_address(inspector: Inspector, world: World) -> None:
    given = json.dumps({"org_id": str(world.globex.org.id), "name": "x", "price": 1, "sku": "x"})
    found = inspector.json(PRODUCTS, as_=MEMBER, do="insert", given=given)
    assert (found["verdict"], found["command"], found["asked"]["is_trial"]) == ("denied", "insert", False)
    answer = inspector.json(PRODUCTS, 422, as_=MEMBER, do="insert", given='{"price": "dear"}')
    assert "invalid input syntax" in answer["error"]["message"]
    inspector.response = inspector.client.submit(
        f"/inspector{PRODUCTS}", {"act": "try", "confirm": "yes", "given": given},
        query_string={"as": MEMBER, "do": "insert", "format": "json"},
    )  # fmt: skip
    assert inspector.response.get_json()["asked"]["is_trial"] is True
