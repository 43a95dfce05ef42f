"""``rowhouse rls why``: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.factories import Item
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp.cli import main
from webapp.cli.rls import _clause_lines, table_of
from webapp.inspector.findings import Clause

Ask = Any


@pytest.fixture
def ask(database: Database, world: World, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("INSPECTOR_DATABASE_URL", database.inspector_url)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["rls", "why", *arguments])

    return run


def key(item: Item) -> str:
    return json.dumps({"org_id": str(item.org_id), "id": str(item.id)})


def test_a_row_that_is_seen_is_status_0(ask: Ask, world: World) -> None:
    answer = ask("public.products", key(world.acme.products[0]), "--as", world.acme.viewer.email)
    assert answer.exit_code == 0, answer.output
    assert "Viewer of Acme may read public.products" in answer.output
    assert "Acme Hardware is among {Acme Hardware}" in answer.output


def test_a_row_of_somebody_else_is_status_1_and_says_which_clause(ask: Ask, world: World) -> None:
    answer = ask("public.products", key(world.globex.products[0]), "--as", world.acme.viewer.email)
    assert answer.exit_code == 1, answer.output
    assert "products_read" in answer.output
    assert "Globex Garden is not among {Acme Hardware}" in answer.output
    assert "set local role authenticated;" in answer.output


def test_a_value_commands_no_terminal(ask: Ask, database: Database, world: World) -> None:
    product = world.acme.products[0]
    database.sql("update public.products set name = e'\\x1b]0;gone\\x07' where id = %s", (product.id,))
    answer = ask("public.products", key(product), "--as", world.acme.viewer.email)
    assert "gone" in answer.output
    assert not {"\x1b", "\x07"} & set(answer.output)
    refused = ask("public.products", key(product), "--as", "\x1b[2J")
    assert "\x1b" not in refused.output


def test_a_bare_value_names_a_row_whose_key_is_one_column(ask: Ask, world: World) -> None:
    assert ask("organizations", str(world.acme.org.id), "--as", world.acme.viewer.email).exit_code == 0
    assert ask("public.organizations", str(world.globex.org.id), "--as", str(world.acme.viewer.id)).exit_code == 1


def test_the_json_has_the_names_that_are_promised(ask: Ask, world: World) -> None:
    answer = ask("public.products", key(world.globex.products[0]), "--as", "anon", "--json")
    assert answer.exit_code == 1
    found = json.loads(answer.stdout)
    assert (found["verdict"], found["oracle"], found["trusted"]) == ("denied", "denied", True)
    assert {"name", "passed", "evidence"} <= set(found["rungs"][0])
    assert next(rung["name"] for rung in found["rungs"] if rung["passed"] is False) == "table"
    assert {"name", "permissive", "applies", "value", "clauses"} <= set(found["policies"][0])
    assert found["statement"].startswith("begin read only;\nset local role anon;")


def test_clauses_are_nested_with_their_values(ask: Ask, database: Database, world: World) -> None:
    answer = ask("public.orders", _order_key(world), "--as", world.acme.viewer.email, "--command", "update", "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 1
    asked = [policy for policy in found["policies"] if policy["applies"]]
    clauses = [clause for policy in asked for clause in policy["clauses"]]
    assert all({"sql", "value", "clauses"} <= set(clause) for clause in clauses)
    assert any(clause["clauses"] for clause in clauses)


def test_a_clause_of_several_lines_stays_below_its_policy() -> None:
    clause = Clause("CASE\n    WHEN a THEN b\nEND", "leaf", value=True, is_known=True, evidence="it is ''")
    assert _clause_lines(clause, 4) == ["    ✓ CASE\n          WHEN a THEN b\n      END   it is ''"]


def _order_key(world: World) -> str:
    return json.dumps({"org_id": str(world.acme.org.id), "id": str(world.acme.orders[0].id)})


def test_a_write_is_predicted_and_on_request_tried(ask: Ask, database: Database, world: World) -> None:
    row = json.dumps({"org_id": str(world.acme.org.id), "name": "Saw", "sku": "NEW-1", "price": 4})
    arguments = ("public.products", "--as", world.acme.member.email, "--command", "insert", "--row", row)
    predicted = ask(*arguments, "--json")
    assert predicted.exit_code == 0, predicted.output
    assert json.loads(predicted.stdout)["trusted"] is False
    tried = ask(*arguments, "--returning", "--try", "--json")
    assert tried.exit_code == 0, tried.output
    assert json.loads(tried.stdout)["trusted"] is True
    assert database.sql("select count(*) from public.products where sku = 'NEW-1'") == [(0,)]
    assert ask("products", "--as", world.acme.viewer.email, "--command", "insert", "--row", row).exit_code == 1


def test_claims_come_from_a_file(ask: Ask, world: World, tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text(json.dumps(world.acme.member.claims))
    assert ask("products", key(world.acme.products[0]), "--as", str(path)).exit_code == 0
    path.write_text(json.dumps({"role": "service_role"}))
    refused = ask("products", key(world.acme.products[0]), "--as", str(path))
    assert refused.exit_code == 2
    assert "service_role" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("public.nothing", "1", "--as", "anon"), "There is no table or view public.nothing"),
        (("public.products", "1", "--as", "anon"), "write a JSON object with org_id, id"),
        (("public.products", '{"org_id": "1", "id": "2"}', "--as", "anon"), "can have this key"),
        (("public.organizations", "00000000-0000-0000-0000-000000000000", "--as", "anon"), "There is no such row"),
        (("public.products", "--as", "anon"), "Name a row of public.products"),
        (("a.b.c", "1", "--as", "anon"), "names no table"),
        (("public.products", "1", "--as", "nobody@nowhere.test"), "nobody@nowhere.test"),
        (("products", "--as", "anon", "--command", "insert", "--row", "[1]"), "no JSON object"),
        (("products", "--as", "anon", "--command", "insert", "--row", '{"nme": 1}'), "has no column nme"),
    ],
)
def test_what_cannot_be_decided_is_status_2_and_says_why(ask: Ask, arguments: tuple[str, ...], said: str) -> None:
    answer = ask(*arguments, "--json")
    assert answer.exit_code == 2, answer.output
    assert said in answer.stderr
    assert json.loads(answer.stdout)["verdict"] == "undecided"


def test_each_question_is_recorded_with_the_login_that_asked(ask: Ask, database: Database, world: World) -> None:
    ask("products", key(world.acme.products[0]), "--as", "anon")
    found = database.sql(
        "select actor, actor_name, role, action, table_name, rows from rowhouse.inspections where actor is null"
    )
    assert found == [(None, "command line (rowhouse_inspector)", "anon", "why", "products", 1)]


def test_without_an_address_it_says_what_to_set(
    ask: Ask, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INSPECTOR_DATABASE_URL")
    answer = ask("products", key(world.acme.products[0]), "--as", "anon", "--data", str(tmp_path / "none"))
    assert answer.exit_code == 2
    assert "Set it to the login rowhouse_inspector" in answer.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("products", ("public", "products")),
        ("auth.users", ("auth", "users")),
        ('"My ""Schema"".x"."order"', ('My "Schema".x', "order")),
        ("public.Order", ("public", "Order")),
    ],
)
def test_a_table_is_named_as_in_sql(typed: str, meant: tuple[str, str]) -> None:
    assert table_of(typed) == meant


@pytest.mark.parametrize("typed", ["", ".", "a.", "a..b", "a.b.c", '"a'])
def test_what_names_no_table_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="names no table"):
        table_of(typed)
