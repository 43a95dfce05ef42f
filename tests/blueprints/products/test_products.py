"""The catalogue's pages: find, make, change, archive, restore."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.factories import Item
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World
from webapp.models import new_id

LIST = "/o/acme/products/"
NEW = {"name": "Padlock 50 mm, brass", "description": "", "sku": "AC-1310", "price": "12,80", "stock": "5"}
HTMX = {"HX-Request": "true", "HX-Target": "div#product-list", "HX-Request-Type": "partial"}


def value(page: Page, name: str) -> str:
    """Return what a field of a page holds."""
    for field in page.all("input", "textarea"):
        if field.get("name") == name:
            return (field.get("value") or field.text or "").strip()
    raise LookupError(name)


def count(database: Database, where: str = "true", *parameters: Any) -> int:
    return int(database.sql(f"select count(*) from products where {where}", parameters)[0][0])


def filled(client: Client, item: Item, **changed: str) -> dict[str, str]:
    """Return the edit form of ``item`` as it opens, with some of it changed."""
    page = client.page(f"{LIST}{item.id}/edit")
    opened = {name: value(page, name) for name in ("seen", "name", "description", "sku", "price", "stock")}
    return opened | {"is_active": "y"} | changed


def test_a_product_shows_its_facts(member: Client, hammer: Item) -> None:
    body = member.get(f"{LIST}{hammer.id}").get_data(as_text=True)
    for fact in (hammer.name, hammer.sku, "€9.90", "25", "ACME-ONLY steel", "Acme Hardware"):
        assert fact in body


def test_making_a_product_leads_to_its_page(member: Client, database: Database) -> None:
    made = value(member.page(f"{LIST}new"), "id")
    answer = member.submit(LIST, NEW | {"id": made, "is_active": "y"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}{made}")
    assert "Added Padlock 50 mm, brass." in member.get(answer.headers["Location"]).get_data(as_text=True)
    saved = database.sql("select name, price, stock, is_active from products where id = %s", (UUID(made),))
    assert saved == [("Padlock 50 mm, brass", Decimal("12.80"), 5, True)]


def test_sent_twice_it_makes_one_product_and_both_end_at_its_page(member: Client, database: Database) -> None:
    made = str(new_id())
    answers = [member.submit(LIST, NEW | {"id": made}) for _ in range(3)]
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {(303, f"{LIST}{made}")}
    assert count(database, "sku = 'AC-1310'") == 1


def test_sent_twice_at_the_same_moment_it_makes_one_product(
    client_for: ClientFor, world: World, database: Database
) -> None:
    clients = [client_for(world.acme.member) for _ in range(4)]
    made = str(new_id())
    tokens = [client.token for client in clients]
    assert all(tokens)
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: client.submit(LIST, NEW | {"id": made}), clients))
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {(303, f"{LIST}{made}")}
    assert count(database, "sku = 'AC-1310'") == 1


def test_two_who_change_a_product_at_the_same_moment_do_not_overwrite_each_other(
    client_for: ClientFor, world: World, database: Database, hammer: Item
) -> None:
    clients = [client_for(person) for person in (world.acme.member, world.acme.admin, world.acme.owner)]
    forms = [filled(client, hammer, price=f"{number}1") for number, client in enumerate(clients, 1)]
    with ThreadPoolExecutor(len(clients)) as pool:
        sent = pool.map(lambda client, form: client.submit(f"{LIST}{hammer.id}", form).status_code, clients, forms)
        codes = sorted(sent)
    assert codes == [303, 409, 409]


def test_a_used_form_with_other_words_is_kept_and_gets_a_fresh_id(member: Client, database: Database) -> None:
    made = str(new_id())
    member.submit(LIST, NEW | {"id": made})
    answer = member.submit(LIST, NEW | {"id": made, "name": "Padlock 60 mm", "sku": "AC-1311"})
    assert answer.status_code == 422
    page = parse(answer.get_data(as_text=True))
    assert value(page, "name") == "Padlock 60 mm"
    fresh = value(page, "id")
    assert fresh != made
    assert member.submit(LIST, NEW | {"id": fresh, "name": "Padlock 60 mm", "sku": "AC-1311"}).status_code == 303
    assert count(database, "sku in ('AC-1310', 'AC-1311')") == 2


def test_another_organisations_id_makes_a_product_of_ones_own(member: Client, world: World, database: Database) -> None:
    theirs = world.globex.products[0].id
    assert member.submit(LIST, NEW | {"id": str(theirs)}).status_code == 303
    assert count(database, "id = %s", theirs) == 2
    assert world.globex.marker not in member.get(f"{LIST}{theirs}").get_data(as_text=True)


@pytest.mark.parametrize("damaged", ["", "x", "00000000"])
def test_a_form_without_a_good_id_is_kept_and_gets_one(member: Client, database: Database, damaged: str) -> None:
    answer = member.submit(LIST, NEW | {"id": damaged})
    assert answer.status_code == 422
    UUID(value(parse(answer.get_data(as_text=True)), "id"))
    assert count(database, "sku = 'AC-1310'") == 0


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(member: Client, database: Database) -> None:
    typed = NEW | {"id": str(new_id()), "name": "", "price": "12,8o", "stock": "a few", "description": "Solid <b>"}
    answer = member.submit(LIST, typed)
    page = parse(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert {name: value(page, name) for name in typed} == typed
    invalid = {field.get("name") for field in page.all("input", "textarea") if field.get("aria-invalid") == "true"}
    assert invalid == {"name", "price", "stock"}
    focused = [field.get("name") for field in page.all("input", "textarea") if field.get("autofocus") is not None]
    assert focused == ["name"]
    assert count(database) == 6


def test_a_taken_sku_names_the_product_that_has_it(member: Client, hammer: Item) -> None:
    answer = member.submit(LIST, NEW | {"id": str(new_id()), "sku": hammer.sku})
    body = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f"{hammer.sku} belongs to {hammer.name}." in body
    assert f'href="{LIST}{hammer.id}"' in body


def test_a_taken_sku_is_said_together_with_the_other_faults(member: Client, hammer: Item) -> None:
    body = member.submit(LIST, NEW | {"id": str(new_id()), "sku": hammer.sku, "price": "x"}).get_data(as_text=True)
    assert f"{hammer.sku} belongs to {hammer.name}." in body
    assert "such as 12.80" in body


def test_another_organisations_sku_is_free(member: Client, world: World) -> None:
    theirs = world.globex.products[0].sku
    answer = member.submit(LIST, NEW | {"id": str(new_id()), "sku": theirs})
    assert answer.status_code == 303


def test_changing_a_product_saves_it(member: Client, database: Database, hammer: Item) -> None:
    answer = member.submit(f"{LIST}{hammer.id}", filled(member, hammer, price="1 234,50", name="Claw hammer"))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}{hammer.id}")
    saved = database.sql("select name, price, updated_at > created_at from products where id = %s", (hammer.id,))
    assert saved == [("Claw hammer", Decimal("1234.50"), True)]


def test_saving_without_a_change_leaves_the_product_as_it_is(member: Client, database: Database, hammer: Item) -> None:
    before = database.sql("select * from products where id = %s", (hammer.id,))
    assert member.submit(f"{LIST}{hammer.id}", filled(member, hammer)).status_code == 303
    assert database.sql("select * from products where id = %s", (hammer.id,)) == before


def test_a_product_may_keep_its_own_sku_and_not_take_anothers(member: Client, world: World, hammer: Item) -> None:
    nails = world.acme.products[1]
    answer = member.submit(f"{LIST}{hammer.id}", filled(member, hammer, sku=nails.sku))
    assert answer.status_code == 422
    assert f"{nails.sku} belongs to {nails.name}." in answer.get_data(as_text=True)
    assert (
        member.submit(f"{LIST}{hammer.id}", filled(member, hammer, price="x")).get_data(as_text=True).count("belongs")
        == 0
    )


def test_what_somebody_saved_meanwhile_is_shown_and_not_lost(
    member: Client, client_for: ClientFor, world: World, database: Database, hammer: Item
) -> None:
    mine = filled(member, hammer, price="20", description="Mine")
    theirs = client_for(world.acme.admin)
    assert theirs.submit(f"{LIST}{hammer.id}", filled(theirs, hammer, stock="99")).status_code == 303
    answer = member.submit(f"{LIST}{hammer.id}", mine)
    body = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "was changed while you were editing it" in body
    assert database.sql("select stock, price from products where id = %s", (hammer.id,)) == [(99, Decimal("9.90"))]
    page = parse(body)
    told = [page.text(item) for item in page.all("li") if "saved now" in page.text(item)]
    assert told == [
        "Description: saved now ACME-ONLY steel, yours Mine",
        "Price: saved now €9.90, yours €20.00",
        "Stock: saved now 99, yours 25",
    ]
    again = mine | {"seen": value(page, "seen")}
    assert (value(page, "price"), value(page, "stock")) == ("20", "25")
    assert member.submit(f"{LIST}{hammer.id}", again).status_code == 303
    assert database.sql("select stock, price from products where id = %s", (hammer.id,)) == [(25, Decimal("20.00"))]


def test_saving_anyway_does_not_overwrite_what_came_later_still(
    member: Client, database: Database, hammer: Item
) -> None:
    mine = filled(member, hammer, price="20")
    database.sql("update products set stock = 1 where id = %s", (hammer.id,))
    first = member.submit(f"{LIST}{hammer.id}", mine)
    database.sql("update products set stock = 2 where id = %s", (hammer.id,))
    second = member.submit(f"{LIST}{hammer.id}", mine | {"seen": value(parse(first.get_data(as_text=True)), "seen")})
    assert (first.status_code, second.status_code) == (409, 409)
    assert database.sql("select stock, price from products where id = %s", (hammer.id,)) == [(2, Decimal("9.90"))]


def test_an_edit_sent_twice_is_saved_once_and_no_conflict(member: Client, database: Database, hammer: Item) -> None:
    mine = filled(member, hammer, price="20")
    assert [member.submit(f"{LIST}{hammer.id}", mine).status_code for _ in range(2)] == [303, 303]
    assert database.sql("select price from products where id = %s", (hammer.id,)) == [(Decimal("20.00"),)]


@pytest.mark.parametrize("seen", ["", "x", datetime(2000, 1, 1, tzinfo=UTC).isoformat()])
def test_an_edit_that_saw_nothing_overwrites_nothing(
    member: Client, database: Database, hammer: Item, seen: str
) -> None:
    answer = member.submit(f"{LIST}{hammer.id}", filled(member, hammer, seen=seen, price="20"))
    assert answer.status_code == 409
    assert database.sql("select price from products where id = %s", (hammer.id,)) == [(Decimal("9.90"),)]


def test_archiving_can_be_undone(member: Client, database: Database, hammer: Item) -> None:
    state = f"{LIST}?show=active&sort=name"
    answer = member.submit(f"{LIST}{hammer.id}/archive", {"next": state})
    assert (answer.status_code, answer.headers["Location"]) == (303, state)
    assert count(database, "not is_active and id = %s", hammer.id) == 1
    page = member.page(state)
    assert f"Archived {hammer.name}." in page.text(page.root)
    undo = next(form.get("action") for form in page.all("form") if f"{hammer.id}/restore" in (form.get("action") or ""))
    answer = member.submit(str(undo))
    assert (answer.status_code, answer.headers["Location"]) == (303, state)
    assert count(database, "is_active and id = %s", hammer.id) == 1


@pytest.mark.parametrize("verb", ["archive", "restore"])
def test_archiving_and_restoring_twice_changes_once(
    member: Client, database: Database, hammer: Item, verb: str
) -> None:
    for _ in range(2):
        assert member.submit(f"{LIST}{hammer.id}/{verb}").headers["Location"] == f"{LIST}{hammer.id}"
    first = database.sql("select is_active, updated_at from products where id = %s", (hammer.id,))
    member.submit(f"{LIST}{hammer.id}/{verb}")
    assert database.sql("select is_active, updated_at from products where id = %s", (hammer.id,)) == first
    assert first[0][0] is (verb == "restore")


@pytest.mark.parametrize("target", ["https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test", "x"])
def test_after_archiving_one_stays_at_home(member: Client, hammer: Item, target: str) -> None:
    answer = member.submit(f"{LIST}{hammer.id}/archive", {"next": target})
    assert answer.headers["Location"] == f"{LIST}{hammer.id}"


def test_htmx_archives_in_place(member: Client, hammer: Item) -> None:
    answer = member.submit(
        f"{LIST}{hammer.id}/archive", {"next": f"{LIST}?show=active"}, headers=HTMX, follow_redirects=False
    )
    part = member.get(answer.headers["Location"], headers=HTMX).get_data(as_text=True)
    assert f"product-{hammer.id}" not in part
    assert f"Archived {hammer.name}." in part


@pytest.mark.parametrize("name", ["ł" * 200, "🔨" * 200, '"' * 200])
def test_the_longest_names_are_made_shown_archived_and_told(member: Client, database: Database, name: str) -> None:
    for number in range(4):
        made = str(new_id())
        assert member.submit(LIST, NEW | {"id": made, "name": name, "sku": f"L-{number}"}).status_code == 303
        answer = member.submit(f"{LIST}{made}/archive", {"next": f"{LIST}?q={'%C5%82' * 90}"})
        assert all(len(cookie) < 4_096 for cookie in answer.headers.getlist("Set-Cookie"))
    assert member.get(LIST).status_code == 200


@pytest.mark.parametrize("path", ["{}", "{}/edit"])
def test_a_product_that_is_not_there_is_a_404(member: Client, path: str) -> None:
    assert member.get(LIST + path.format(uuid4())).status_code == 404
    assert member.get(LIST + path.format("not-an-id")).status_code == 404


def test_in_another_organisation_one_sees_its_products_and_currency(client_for: ClientFor, world: World) -> None:
    client = client_for(world.both)
    for house, other, symbol in ((world.acme, world.globex, "€"), (world.globex, world.acme, "$")):
        body = client.get(f"/o/{house.org.slug}/products/").get_data(as_text=True)
        assert house.marker in body
        assert other.marker not in body
        assert f"{symbol}9.90" in body
