"""Organisations: the ones a person is in, entering one, making another."""

from __future__ import annotations

import pytest

from tests.fixtures.application import ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import World

NEW = {"name": "Initech Tools", "slug": "initech", "currency": "USD"}


def test_who_is_in_one_organisation_enters_it(client_for: ClientFor, world: World) -> None:
    response = client_for(world.acme.viewer).get("/o/enter")
    assert (response.status_code, response.headers["Location"]) == (303, f"/o/{world.acme.org.slug}/")


def test_who_is_in_several_organisations_or_none_gets_the_list(client_for: ClientFor, world: World) -> None:
    for person in (world.both, world.stranger):
        response = client_for(person).get("/o/enter")
        assert (response.status_code, response.headers["Location"]) == (303, "/o")


def test_the_list_shows_ones_own_organisations_and_no_others(client_for: ClientFor, world: World) -> None:
    mine = client_for(world.acme.viewer).get("/o")
    assert world.acme.org.name in mine.text
    assert world.globex.org.name not in mine.text
    both = client_for(world.both).get("/o")
    assert world.acme.org.name in both.text
    assert world.globex.org.name in both.text


def test_the_list_of_somebody_in_none_offers_to_make_the_first(client_for: ClientFor, world: World) -> None:
    page = client_for(world.stranger).page("/o")
    assert "/o/new" in [link.get("href") for link in page.all("a")]


def test_who_makes_an_organisation_is_its_owner(client_for: ClientFor, world: World, database: Database) -> None:
    client = client_for(world.stranger)
    response = client.submit("/o", NEW)
    assert (response.status_code, response.headers["Location"]) == (303, "/o/initech/")
    rows = database.sql(
        "select m.user_id, m.role::text, o.currency from memberships m join organizations o on o.id = m.org_id"
        " where o.slug = 'initech'"
    )
    assert rows == [(world.stranger.id, "owner", "USD")]
    assert client.get("/o/initech/products/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "Give the organisation a name"),
        ("name", "x" * 121, "120 characters"),
        ("name", "two\x07bells", "control character"),
        ("slug", "", "Choose an address"),
        ("slug", "a", "between 2 and 48"),
        ("slug", "Acme Tools", "small letters"),
        ("slug", "acme--tools", "small letters"),
        ("slug", "new", "own"),
        ("slug", "enter", "own"),
        ("currency", "EURO", "three letters"),
        ("currency", "", "three letters"),
    ],
)
def test_wrong_input_is_named_and_kept(
    client_for: ClientFor, world: World, database: Database, field: str, value: str, said: str
) -> None:
    client = client_for(world.stranger)
    response = client.submit("/o", NEW | {field: value})
    assert response.status_code == 422
    assert said in response.text
    kept = "initech" if field != "slug" else "Initech Tools"
    assert kept in response.text
    assert database.sql("select count(*) from organizations where slug = 'initech'") == [(0,)]


def test_white_space_around_a_slug_is_no_part_of_it(client_for: ClientFor, world: World) -> None:
    response = client_for(world.stranger).submit("/o", NEW | {"slug": " initech\n"})
    assert (response.status_code, response.headers["Location"]) == (303, "/o/initech/")


def test_a_slug_that_is_taken_is_refused_and_what_was_typed_stays(client_for: ClientFor, world: World) -> None:
    response = client_for(world.stranger).submit("/o", NEW | {"slug": world.globex.org.slug})
    assert response.status_code == 422
    assert f"{world.globex.org.slug} is taken" in response.text
    assert "Initech Tools" in response.text
    assert world.globex.org.name not in response.text


def test_another_tenants_organisation_and_an_absent_one_are_both_404(client_for: ClientFor, world: World) -> None:
    client = client_for(world.acme.owner)
    assert client.get(f"/o/{world.globex.org.slug}/").status_code == 404
    assert client.get("/o/there-is-none/").status_code == 404
