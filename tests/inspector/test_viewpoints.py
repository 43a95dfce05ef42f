"""Through whose eyes: what an address or the command line names, and what is said of what it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from tests.factories import Factories, Person
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.inspector import viewpoints
from webapp.inspector.desk import Desk
from webapp.inspector.people import find
from webapp.inspector.viewpoints import UnknownViewpoint, Viewpoint, from_claims, of_command_line, resolve


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(rls.create_engine(database.inspector_url))


@pytest.fixture
def blind_desk(web_engine: Engine) -> Desk:
    """Return a desk on the login of the requests, which sees nothing that is hidden."""
    return Desk(web_engine, sees_hidden=False)


def spec_of(claims: Any) -> str:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return "claims:" + base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def claims_of(viewpoint: Viewpoint) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(viewpoint.identity.claims)
    return found


def products(desk: Desk, viewpoint: Viewpoint) -> int:
    """Return how many products somebody sees who is looked through."""
    with desk.look(viewpoint.identity) as look:
        return int(look.person.rows("select count(*) from public.products")[0][0])


def test_a_visitor_is_the_role_anon_and_nothing_more(blind_desk: Desk) -> None:
    found = resolve(blind_desk, "anon")
    assert (found.spec, found.short, found.identity.role) == ("anon", "anon", "anon")
    assert claims_of(found) == {"role": "anon"}


def test_a_person_has_the_claims_that_sign_in_gives_less_the_session(desk: Desk, world: World) -> None:
    person = world.platform_admin
    found = resolve(desk, f"user:{person.id}")
    claims = claims_of(found)
    issued, expires = claims.pop("iat"), claims.pop("exp")
    assert abs(issued - datetime.now(UTC).timestamp()) < 60
    assert expires - issued == 3600
    wanted = {k: v for k, v in person.claims.items() if k not in ("iss", "session_id", "iat", "exp", "app_metadata")}
    assert claims.pop("app_metadata") == {"provider": "email", "providers": ["email"], "rowhouse_admin": True}
    assert claims == wanted


def test_a_person_is_found_by_address_and_named(desk: Desk, world: World) -> None:
    found = resolve(desk, "email: Both@Example.test ")
    assert found.spec == f"user:{world.both.id}"
    assert (found.name, found.short) == ("Lena Between", "Lena")
    assert found.detail == "both@example.test · member of Acme Hardware, admin of Globex Garden"


def test_through_a_person_their_rows_are_seen_though_they_are_not_signed_in(
    desk: Desk, world: World, factories: Factories
) -> None:
    factories.end_sessions(world.acme.viewer)
    assert products(desk, resolve(desk, f"user:{world.acme.viewer.id}")) == 3
    assert products(desk, resolve(desk, f"user:{world.both.id}")) == 6
    assert products(desk, resolve(desk, f"user:{world.stranger.id}")) == 0


def test_whoever_is_banned_is_said_to_be_and_sees_nothing(desk: Desk, world: World) -> None:
    found = resolve(desk, "email:banned@acme.test")
    assert found.detail == "banned@acme.test · member of Acme Hardware · banned"
    assert products(desk, found) == 0


def test_a_role_is_the_first_member_who_has_it_and_can_sign_in(
    desk: Desk, world: World, factories: Factories, database: Database
) -> None:
    found = resolve(desk, "role:acme:member")
    assert found.spec == "role:acme:member"
    assert found.name == "Member of Acme Hardware"
    assert found.detail.startswith("Lena Between · both@example.test")  # before member@; banned@ comes last
    assert found.identity.user_id == world.both.id
    database.sql("update auth.users set banned_until = now() + interval '1 day' where id = %s", (world.both.id,))
    assert resolve(desk, "role:acme:member").identity.user_id == world.acme.member.id


def test_an_address_of_several_accounts_asks_which(desk: Desk, world: World, database: Database) -> None:
    twin = uuid4()
    database.sql(
        "insert into auth.users (id, email, is_sso_user) values (%s, %s, true)", (twin, world.acme.owner.email)
    )
    with pytest.raises(UnknownViewpoint, match="2 accounts") as refused:
        resolve(desk, f"email:{world.acme.owner.email}")
    assert f"user:{twin}" in str(refused.value)
    assert f"user:{world.acme.owner.id}" in str(refused.value)
    database.sql("update auth.users set deleted_at = now() where id = %s", (twin,))
    assert resolve(desk, f"email:{world.acme.owner.email}").identity.user_id == world.acme.owner.id


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "names nobody"),
        ("anon:1", "names nobody"),
        ("user:", "names nobody"),
        ("persona:1", "names nobody"),
        ("user:maya", "no account's id"),
        (f"user:{UUID(int=0)}", "no account with the id 00000000"),
        ("email:nobody@acme.test", "no account with the address 'nobody@acme.test'"),
        ("email:%@acme.test", "no account with the address"),
        ("email:a\0b", "no account with the address"),
        ("role:acme", "Write role:ORGANISATION:ROLE"),
        ("role:acme:king", "Nobody has the role 'king' in the organisation 'acme'"),
        ("role:nowhere:owner", "no such organisation"),
        ("role:ac\0me:owner", "Nobody has the role"),
        ("claims:####", "base64url"),
        ("claims:abcde", "base64url"),
        (spec_of("{"), "no JSON"),
        (spec_of("[1]"), "no JSON object"),
        (spec_of('{"role": NaN}'), "NaN is no number"),
        (spec_of('{"role": "anon", "x": 1e999}'), "cannot be written as JSON"),
        (spec_of('{"role": "anon", "x": "\\u0000"}'), "NUL"),
        (spec_of('{"role": "anon", "\\u0000": 1}'), "NUL"),
        (spec_of('{"role": "anon", "x": "\\ud800"}'), "half a surrogate pair"),
        (spec_of('{"role": "anon", "x": ' + "[" * 40 + "]" * 40 + "}"), "nested more than 32"),
        (spec_of("[" * 8_000), "no JSON: it is nested too deep|no JSON"),
        (spec_of({"role": "anon", "x": "y" * 8_200}), "8,192 is the most"),
        ("claims:" + "A" * 60_000, "8,192 characters"),
        (spec_of({"sub": str(UUID(int=1))}), 'name no role. Add "role" with one of anon, authenticated'),
        (spec_of({"role": 5}), "name no role"),
        (spec_of({"role": "authenticated"}), '"sub" has to be a UUID'),
        (spec_of({"role": "authenticated", "sub": "maya"}), '"sub" has to be a UUID'),
        (spec_of({"role": "service_role"}), "'service_role' may not be looked through; anon, authenticated may"),
        (spec_of({"role": "none"}), "'none' may not be looked through"),
        (spec_of({"role": 'x"; set role postgres; --'}), "may not be looked through"),
    ],
)
def test_what_names_nobody_is_refused_with_the_reason(desk: Desk, spec: str, said: str) -> None:
    with pytest.raises(UnknownViewpoint, match=said):
        resolve(desk, spec)


def test_custom_claims_are_looked_through_as_they_are(desk: Desk, world: World) -> None:
    claims = {"role": "authenticated", "sub": str(world.acme.viewer.id), "department": "Küche", "level": 3}
    found = from_claims(desk, claims)
    assert claims_of(found) == claims
    assert products(desk, found) == 3
    assert found.detail == f"The role authenticated, sub '{world.acme.viewer.id}' and 2 more claims."
    assert claims_of(resolve(desk, found.spec)) == claims
    assert resolve(desk, found.spec) == found


def test_a_session_that_custom_claims_name_has_to_be_alive(desk: Desk, world: World, factories: Factories) -> None:
    person = world.acme.viewer
    found = from_claims(desk, person.claims)
    assert products(desk, found) == 3
    factories.end_session(person)
    assert products(desk, found) == 0
    assert products(desk, from_claims(desk, {**person.claims, "session_id": str(uuid4())})) == 0


def test_the_operator_decides_which_roles_may_be_looked_through(database: Database) -> None:
    desk = Desk(rls.create_engine(database.inspector_url), roles=frozenset({"authenticated", "service_role"}))
    assert from_claims(desk, {"role": "service_role"}).identity.role == "service_role"
    with pytest.raises(UnknownViewpoint, match="'anon' may not"):
        resolve(desk, "anon")


def test_without_a_login_of_its_own_only_visitors_and_claims_are_known(blind_desk: Desk, world: World) -> None:
    assert from_claims(blind_desk, {"role": "anon"}).identity.role == "anon"
    for spec in (f"user:{world.both.id}", "email:both@example.test", "role:acme:owner"):
        with pytest.raises(UnknownViewpoint, match="Set INSPECTOR_DATABASE_URL"):
            resolve(blind_desk, spec)


@pytest.mark.parametrize("way", ["anon", "id", "address", "file", "spec"])
def test_the_command_line_takes_what_is_at_hand(way: str, desk: Desk, world: World, tmp_path: Path) -> None:
    person = world.acme.admin
    file = tmp_path / "claims.json"
    file.write_text(json.dumps({"role": "authenticated", "sub": str(person.id)}))
    given = {
        "anon": "anon",
        "id": str(person.id),
        "address": person.email.upper(),
        "file": str(file),
        "spec": "role:acme:admin",
    }
    found = of_command_line(desk, given[way])
    assert found.identity.user_id == (None if way == "anon" else person.id)


@pytest.mark.parametrize(
    ("text", "said"),
    [("nobody", "names nobody"), ("/nowhere/claims.json", "cannot be read"), ("user:x", "no account's id")],
)
def test_the_command_line_says_what_it_cannot_take(desk: Desk, text: str, said: str) -> None:
    with pytest.raises(UnknownViewpoint, match=said):
        of_command_line(desk, text)


def test_a_file_that_is_no_text_or_too_long_is_refused(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "claims"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UnknownViewpoint, match="not in UTF-8"):
        of_command_line(desk, str(file))
    file.write_text("x" * 100_000)
    with pytest.raises(UnknownViewpoint, match="8,192 is the most"):
        of_command_line(desk, str(file))


def people_found(desk: Desk, query: str, limit: int = 20) -> list[str]:
    return [person.email for person in find(desk, query, limit)]


def test_people_are_found_by_address_by_its_beginning_and_by_words_of_their_name(
    desk: Desk, factories: Factories
) -> None:
    def make(name: str, email: str) -> Person:
        return factories.person(name, email=email)

    maya = make("Maya Lindqvist", "maya@acme.test")
    make("Omar May", "omar@acme.test")
    make("Ana Lind", "maya@acme.test.example")
    make("100% Sure", "100_%@acme.test")
    make("Ximena Amaya", "x@acme.test")
    assert people_found(desk, "MAYA@acme.test ") == ["maya@acme.test", "maya@acme.test.example"]
    assert people_found(desk, "may") == ["maya@acme.test", "maya@acme.test.example", "omar@acme.test"]
    assert people_found(desk, "lind") == ["maya@acme.test", "maya@acme.test.example"]
    assert people_found(desk, "maya lind") == ["maya@acme.test"]
    assert people_found(desk, "%") == []
    assert people_found(desk, "100_%") == ["100_%@acme.test"]
    assert people_found(desk, "100%") == ["100_%@acme.test"]
    assert people_found(desk, "\\") == []
    assert people_found(desk, "a\0b") == []
    assert people_found(desk, "may", 1) == ["maya@acme.test"]
    assert people_found(desk, "may", 0) == []
    assert len(people_found(desk, "")) == 5
    assert people_found(desk, str(maya.id)) == ["maya@acme.test"]
    assert people_found(desk, str(uuid4())) == []


def test_a_search_that_takes_too_long_says_what_to_write_instead(
    spare_database: Callable[[], Database],
) -> None:
    database = spare_database()
    desk = Desk(rls.create_engine(database.inspector_url), limits=rls.Limits(statement=200))
    with database.superuser().transaction():
        database.superuser().execute("lock table public.profiles in access exclusive mode")
        with pytest.raises(UnknownViewpoint, match="user:ID"):
            find(desk, "maya")


def another_project(make: Callable[[], Database], granted: bool) -> Desk:
    """Return a desk on a database that has Supabase's accounts and nothing of ours."""
    database = make()
    database.admin_sql("drop schema rowhouse cascade")
    if granted:
        database.admin_sql("grant select on auth.users to service_role")
    database.admin_sql(
        "insert into auth.users (id, email, role, aud, raw_user_meta_data, raw_app_meta_data)"
        " values (gen_random_uuid(), 'kim@shop.test', 'authenticated', 'authenticated',"
        """ '{"full_name": "Kim Shop"}', '{"tier": 1}')"""
    )
    return Desk(rls.create_engine(database.inspector_url))


def test_another_supabase_project_is_asked_for_its_accounts(spare_database: Callable[[], Database]) -> None:
    desk = another_project(spare_database, granted=True)
    found = resolve(desk, "email:kim@shop.test")
    assert (found.name, found.identity.role) == ("Kim Shop", "authenticated")
    assert claims_of(found)["app_metadata"] == {"tier": 1}
    assert claims_of(found)["user_metadata"] == {"full_name": "Kim Shop"}
    assert people_found(desk, "sho") == people_found(desk, "KIM") == people_found(desk, "") == ["kim@shop.test"]
    assert resolve(desk, found.spec).name == "Kim Shop"
    with pytest.raises(UnknownViewpoint, match="no account"):
        resolve(desk, "email:%")
    with pytest.raises(UnknownViewpoint, match=r"no rowhouse\.inspect_members"):
        resolve(desk, "role:acme:owner")


def test_another_project_that_refuses_its_accounts_is_told_what_to_grant(
    spare_database: Callable[[], Database],
) -> None:
    desk = another_project(spare_database, granted=False)
    for spec in ("email:kim@shop.test", f"user:{uuid4()}"):
        with pytest.raises(UnknownViewpoint, match=r"grant select on auth\.users to service_role"):
            resolve(desk, spec)
    with pytest.raises(UnknownViewpoint, match=r"no rowhouse\.inspect_members"):
        resolve(desk, "role:acme:owner")
    assert resolve(desk, "anon") == viewpoints.ANON


def test_a_function_that_the_service_role_may_not_execute_is_no_500(spare_database: Callable[[], Database]) -> None:
    database = spare_database()
    database.admin_sql("revoke execute on all functions in schema rowhouse from service_role")
    desk = Desk(rls.create_engine(database.inspector_url))
    for spec in ("email:kim@shop.test", "role:acme:owner"):
        with pytest.raises(UnknownViewpoint, match="service role may not"):
            resolve(desk, spec)
