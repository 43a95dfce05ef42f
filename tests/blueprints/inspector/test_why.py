"""Why one person may or may not do one thing to one row."""

from __future__ import annotations

import json

import pytest

from tests.blueprints.inspector.conftest import Inspector
from tests.fixtures.world import House, World
from webapp.inspector import browse
from webapp.inspector.desk import TooSlow
from webapp.rls.errors import Unavailable

MEMBER = "email:member@acme.test"
PRODUCTS = "/public/products"


def key(house: House, place: int = 0) -> str:
    """Return what names a product in an address."""
    return json.dumps({"org_id": str(house.org.id), "id": str(house.products[place].id)})


def test_the_ladder_leads_to_the_clause_that_holds_a_row_back(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER, row=key(world.globex))
    assert "Member can’t read this row" in inspector.said("verdict")
    assert "Postgres agrees" in inspector.said("verdict")
    rungs = [inspector.page.text(one.find("strong")) for one in inspector.classed("rung")]  # type: ignore[arg-type]
    assert rungs == ["Schema", "Table", "Columns", "Row security", "Permissive policies", "Restrictive policies"]
    labels = [inspector.mark(one) for one in inspector.classed("rung")]
    assert labels == ["Passes", "Passes", "Passes", "Passes", "Fails", "Not reached"]
    assert "products_readto authenticatedfalse" in inspector.said("policy")
    assert "Globex Garden is not among {Acme Hardware}" in inspector.said("clauses")
    assert "not apply" in inspector.said("folded")
    script = inspector.said("code")
    assert "set local role authenticated;" in script
    assert "rollback;" in script
    title = next(one for one in inspector.page.all("code") if one.get("title", "").startswith("org_id = ANY (( SELECT"))
    assert inspector.page.text(title) == "org_id = ANY (member_orgs())"


def test_one_part_alone_is_what_htmx_gets(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER, row=key(world.acme), part="why")
    assert "Member can read this row" in inspector.said("verdict")
    assert not list(inspector.page.all("main", "table"))
    inspector.get(PRODUCTS, as_=MEMBER, part="why")
    assert not inspector.response.get_data(as_text=True).strip()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("update", "Member can update this row"),
        ("delete", "Member can’t delete this row"),
        ("insert", "Member can insert a row like this"),
    ],
)
def test_every_command_is_asked_about(inspector: Inspector, world: World, command: str, said: str) -> None:
    inspector.get(PRODUCTS, as_=MEMBER, row=key(world.acme), do=command)
    assert said in inspector.said("verdict")
    assert "Predicted, and not tried" in inspector.said("verdict")
    assert "What if…" in inspector.said("why")


def test_a_row_that_is_not_there_and_one_that_is_named_wrong(inspector: Inspector, world: World) -> None:
    gone = json.dumps({"org_id": str(world.acme.org.id), "id": "00000000-0000-4000-8000-000000000000"})
    inspector.get(PRODUCTS, 404, as_=MEMBER, row=gone)
    assert "There is no such row" in inspector.said("verdict")
    assert len(inspector.rows()) == 6
    for row, status in (('{"id": {"a": 1}}', 400), ('{"colour": "red"}', 400), ("7", 404), ('{"id": "x"}', 404)):
        inspector.get(PRODUCTS, status, as_=MEMBER, row=row)
        words = inspector.json(PRODUCTS, status, as_=MEMBER, row=row)["error"]["message"]
        assert words in inspector.said("verdict")


def test_a_key_of_one_column_is_a_bare_value_too(inspector: Inspector, world: World) -> None:
    found = inspector.json("/public/organizations", as_=MEMBER, row=str(world.globex.org.id))
    assert (found["verdict"], found["oracle"], found["trusted"]) == ("denied", "denied", True)
    assert found["label"] == "Globex Garden"
    assert {"rungs", "policies", "statement"} <= set(found)


def test_what_is_not_granted_is_the_first_rung_that_fails(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_="anon", row=key(world.acme))
    assert "SELECT on public.products is not granted to anon" in inspector.said("verdict")
    assert [inspector.mark(one) for one in inspector.classed("rung")][:2] == ["Passes", "Fails"]


def test_nothing_that_is_written_in_a_row_is_markup(inspector: Inspector, world: World) -> None:
    inspector.get(PRODUCTS, as_=MEMBER, row='{"<script>": "<b>"}', status=400)
    inspector.get(PRODUCTS, as_=MEMBER, f="<script>alert(1)</script>", status=422)
    assert not [one for one in inspector.page.all("script") if not one.get("src")]


def test_what_takes_too_long_says_how_to_narrow_it(
    inspector: Inspector, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        raise TooSlow("canceling statement due to statement timeout")

    monkeypatch.setattr(browse, "browse", slow)
    inspector.get(PRODUCTS, 503, as_=MEMBER, f="name ~ x", order="-name")
    assert "Postgres was stopped before it had an answer. Narrow it" in inspector.text
    assert "canceling" not in inspector.text
    field = next(one for one in inspector.page.all("input") if one.get("id") == "q")
    assert field.get("value") == "name ~ x"
    inspector.get(PRODUCTS, 200, as_=MEMBER, part="inspector-rows")
    assert "Narrow it" in inspector.response.get_data(as_text=True)
    assert "Narrow it" in inspector.json(PRODUCTS, 503, as_=MEMBER)["error"]["message"]


def test_a_database_that_is_away_is_said_as_json_too(
    inspector: Inspector, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("08006")

    monkeypatch.setattr(browse, "browse", away)
    inspector.get(PRODUCTS, 503, as_=MEMBER)
    answer = inspector.json(PRODUCTS, 503, as_=MEMBER)["error"]
    assert answer["message"] in inspector.text
    assert answer["title"] == "The database can't be reached"
