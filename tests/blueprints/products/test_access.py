"""Who may use which address of the catalogue, and that nobody reads what is another organisation's."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.factories import Person
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import House, World
from webapp.models import new_id
from webapp.rls import Identity, create_engine, errors, unit_of_work

PEOPLE = ("anonymous", "globex", "viewer", "member", "admin", "owner")
NEW = {"name": "Vice", "sku": "AC-9", "price": "5", "stock": "1", "is_active": "y"}
READ = (303, 404, 200, 200, 200, 200)
FORM = (303, 404, 403, 200, 200, 200)
WRITE = (303, 404, 403, 303, 303, 303)
MATRIX = [
    ("GET", "/o/acme/products/", READ),
    ("GET", "/o/acme/products/?q=hammer", READ),
    ("GET", "/o/acme/products/{item}", READ),
    ("GET", "/o/acme/products/new", FORM),
    ("GET", "/o/acme/products/{item}/edit", FORM),
    ("POST", "/o/acme/products/", WRITE),
    ("POST", "/o/acme/products/{item}", WRITE),
    ("POST", "/o/acme/products/{item}/archive", WRITE),
    ("POST", "/o/acme/products/{item}/restore", WRITE),
]
CASES = [(method, path, who, code) for method, path, codes in MATRIX for who, code in zip(PEOPLE, codes, strict=True)]


def _person(world: World, who: str) -> Person | None:
    if who == "anonymous":
        return None
    return world.globex.member if who == "globex" else getattr(world.acme, who)


def _ask(client: Client, method: str, path: str, seen: str = "") -> TestResponse:
    sent = NEW | {"id": str(new_id()), "seen": seen}
    return client.submit(path, sent) if method == "POST" else client.get(path)


def _told(answer: TestResponse, house: House) -> list[str]:
    """Return what of a house's secrets stands in an answer; the address that was asked for is no news."""
    body = answer.get_data(as_text=True).replace(answer.request.path, "")
    return [secret for secret in house.secrets if secret in body]


@pytest.mark.parametrize(("method", "path", "who", "code"), CASES)
def test_each_address_answers_each_role_as_declared(
    client: Client,
    client_for: ClientFor,
    world: World,
    database: Database,
    method: str,
    path: str,
    who: str,
    code: int,
) -> None:
    person, item = _person(world, who), world.acme.products[0]
    visitor = client_for(person) if person else client
    seen = database.sql("select updated_at from products where id = %s", (item.id,))[0][0]
    answer = _ask(visitor, method, path.format(item=item.id), seen.isoformat())
    assert answer.status_code == code
    if person is None:
        assert answer.headers["Location"].startswith("/signin")
    other = world.acme if who in ("anonymous", "globex") else world.globex
    assert _told(answer, other) == []


@pytest.mark.parametrize(("method", "path", "codes"), MATRIX)
@pytest.mark.parametrize("who", ["removed", "stranger", "platform_admin"])
def test_who_is_no_member_meets_no_organisation(
    client_for: ClientFor, world: World, method: str, path: str, codes: tuple[int, ...], who: str
) -> None:
    answer = _ask(client_for(getattr(world, who)), method, path.format(item=world.acme.products[0].id))
    assert answer.status_code == 404
    assert _told(answer, world.acme) == []


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in MATRIX if "{item}" in path])
def test_a_foreign_id_and_an_absent_one_are_answered_alike(
    client_for: ClientFor, world: World, method: str, path: str
) -> None:
    client = client_for(world.acme.owner)
    answers = [_ask(client, method, path.format(item=item)) for item in (world.globex.products[0].id, uuid4(), uuid4())]
    assert {answer.status_code for answer in answers} == {404}
    # The address that was asked for, the number of the request, and a token that tells the time stand in the page;
    # nothing else may differ.
    own = re.compile(r"<code>\w+</code>|[\w-]{20,}\.[\w-]{6}\.[\w-]{27}")
    bodies = [own.sub("", a.get_data(as_text=True).replace(a.request.path, "")) for a in answers]
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("who", ["viewer", "globex"])
def test_who_may_not_write_is_refused_by_postgres_itself(database: Database, world: World, who: str) -> None:
    person = _person(world, who)
    assert person is not None
    engine = create_engine(database.web_url)
    item = world.acme.products[0]
    with pytest.raises(errors.NotPermitted), unit_of_work(engine, person.identity) as connection:
        connection.exec_driver_sql(
            "insert into products (org_id, id, name, sku, price) values (%s, %s, 'x', 'x', 1)", (item.org_id, uuid4())
        )
    with unit_of_work(engine, person.identity) as connection:
        changed = connection.exec_driver_sql("update products set stock = 0 where id = %s", (item.id,))
        assert changed.rowcount == 0
    with pytest.raises(errors.NotPermitted), unit_of_work(engine, person.identity) as connection:
        connection.exec_driver_sql("delete from products where id = %s", (item.id,))
    with pytest.raises(errors.NotPermitted), unit_of_work(engine, Identity.anonymous()) as connection:
        connection.exec_driver_sql("select * from products")


@pytest.mark.parametrize(("who", "shown"), [("viewer", False), ("member", True), ("owner", True)])
def test_buttons_are_shown_to_those_who_may_press_them(
    client_for: ClientFor, world: World, who: str, shown: bool
) -> None:
    client = client_for(getattr(world.acme, who))
    item = world.acme.products[0]
    for path in ("/o/acme/products/", f"/o/acme/products/{item.id}"):
        page = client.page(path)
        targets = {
            element.get(name) or ""
            for tag, name in (("form", "action"), ("button", "formaction"), ("a", "href"))
            for element in page.all(tag)
        }
        assert any("/archive" in target for target in targets) is shown
    assert ("/o/acme/products/new" in client.get("/o/acme/products/").get_data(as_text=True)) is shown
    assert (
        f"/o/acme/products/{item.id}/edit" in client.get(f"/o/acme/products/{item.id}").get_data(as_text=True)
    ) is shown


def test_an_unsafe_request_without_a_token_changes_nothing(
    client_for: ClientFor, world: World, database: Database
) -> None:
    client = client_for(world.acme.owner)
    item = world.acme.products[0]
    for path in (f"/o/acme/products/{item.id}/archive", "/o/acme/products/"):
        assert client.post(path, data=NEW | {"id": str(new_id())}).status_code == 400
    assert database.sql("select count(*) from products where not is_active and id = %s", (item.id,)) == [(0,)]
