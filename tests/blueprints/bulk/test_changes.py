"""Changing many products from the list: looked at, made once, told of, undone."""

from __future__ import annotations

import re
import threading
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.factories import Factories, Item
from tests.fixtures import pages
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page
from tests.fixtures.servers import until
from tests.fixtures.world import World
from webapp.rls.errors import LockTimeout

LIST = "/o/acme/products/"
CHANGES = "/o/acme/products/changes/"
HTMX = {"HX-Request": "true", "HX-Target": "div#bulk-change"}


@pytest.fixture
def member(client_for: ClientFor, world: World) -> Client:
    return client_for(world.acme.member)


@pytest.fixture
def bolts(world: World, factories: Factories) -> list[Item]:
    """Return 60 products of 1.00 to 60.00, the last ten archived."""
    return [
        factories.product(world.acme.org, f"Bolt {n:02}", sku=f"B-{n:02}", price=n, stock=2, is_active=n <= 50)
        for n in range(1, 61)
    ]


def fields(page: Page, action: str) -> MultiDict[str, str]:
    """Return the hidden fields of the form that posts to ``action``."""
    form = next(form for form in page.all("form") if (form.get("action"), form.get("method")) == (action, "post"))
    found = [(str(field.get("name")), field.get("value") or "") for field in form.iter("input")]
    return MultiDict([pair for pair in found if pair[0] != "csrf_token"])


def send(client: Client, asked: Any, **more: Any) -> TestResponse:
    return client.submit(CHANGES, MultiDict(asked).to_dict(flat=False), **more)


def chosen(items: list[Item], **more: str) -> list[tuple[str, str]]:
    return [("product", str(item.id)) for item in items] + list({"key": str(uuid4()), "next": LIST, **more}.items())


def text(response: TestResponse) -> str:
    parsed = pages.parse(response.get_data(as_text=True))
    return parsed.text(parsed.first("main"))


def toast(client: Client, path: str = LIST) -> tuple[str, str | None]:
    """Return the message that the next page shows, and where its Undo leads."""
    page = client.page(path)
    shown = next(part for part in page.all("section") if part.get("id") == "toasts")
    undo = next((form.get("action") for form in shown.iter("form")), None)
    return page.text(next(shown.iter("p"))), undo


def prices(database: Database) -> list[Decimal]:
    return [row[0] for row in database.sql("select price from products where sku like 'B-%%' order by sku")]


def test_ticked_products_are_archived_at_once_and_undo_brings_them_back(
    member: Client, bolts: list[Item], database: Database
) -> None:
    archived = "select count(*) from products where not is_active and sku like 'B-%%'"
    response = send(member, chosen(bolts[45:55], do="archive", next=f"{LIST}?q=bolt"))
    assert (response.status_code, response.location) == (303, f"{LIST}?q=bolt")
    assert database.sql(archived) == [(15,)]
    message, undo = toast(member)
    assert message == "Archived 5 products."
    assert undo is not None
    response = member.submit(undo)
    assert (response.status_code, response.location) == (303, f"{LIST}?q=bolt")
    assert toast(member) == ("Undone for 5 products.", None)
    assert database.sql(archived) == [(10,)]
    member.submit(undo)
    assert toast(member) == ("That was undone already.", None)


def test_what_is_so_already_is_said_and_leaves_no_record(member: Client, bolts: list[Item], database: Database) -> None:
    send(member, chosen(bolts[:3], do="restore"))
    assert toast(member) == ("Nothing to change: what you chose is on sale already.", None)
    assert database.sql("select count(*) from product_changes where kind = 'restore'") == [(0,)]


def test_a_form_sent_twice_changes_once_and_another_choice_with_its_key_is_another_change(
    member: Client, bolts: list[Item], database: Database
) -> None:
    asked = chosen(bolts[:2], do="archive")
    send(member, asked)
    assert toast(member)[0] == "Archived 2 products."
    send(member, asked)
    assert toast(member) == ("That was sent twice, and done once.", None)
    send(member, [*asked[2:], ("product", str(bolts[4].id))])
    assert toast(member)[0] == "Archived 1 product."


def test_nothing_chosen_says_what_to_do(member: Client) -> None:
    response = send(member, {"do": "archive", "key": str(uuid4()), "next": f"{LIST}?show=low"})
    assert (response.status_code, response.location) == (303, f"{LIST}?show=low")
    assert toast(member)[0] == "Choose products first: tick the box before each."


def test_prices_are_shown_before_they_change_and_change_as_shown(
    member: Client, bolts: list[Item], database: Database
) -> None:
    response = send(member, chosen(bolts[:12], do="price", next=f"{LIST}?q=bolt"))
    assert response.status_code == 303
    page = member.page(response.location)
    assert "12 products that you chose" in page.text(page.first("main"))
    assert not any(form.get("action") == CHANGES for form in page.all("form"))
    page = member.page(f"{response.location}&way=down&percent=2,5")
    shown = page.text(page.first("main"))
    assert "Sum of these prices€76.08now €78.00" in shown
    assert "Worth in stock€152.16now €156.00" in shown
    assert "Bolt 03 B-03 €3.00 €2.93 −€0.07" in shown  # 2.925
    assert "and 4 more" in shown
    assert prices(database)[0] == 1
    response = send(member, fields(page, CHANGES))
    assert (response.status_code, response.location) == (303, f"{LIST}?q=bolt")
    message, undo = toast(member)
    assert message == "Lowered 12 prices by 2.5 %."
    assert sum(prices(database)[:12]) == Decimal("76.08")
    assert undo is not None
    member.submit(undo)
    assert prices(database) == list(range(1, 61))


def test_all_that_the_list_finds_are_looked_at_first_and_then_changed(
    member: Client, bolts: list[Item], database: Database
) -> None:
    asked = {"do": "archive", "all": "1", "show": "active", "q": "bolt", "min": "11", "key": str(uuid4()), "next": LIST}
    response = send(member, asked)
    assert response.status_code == 303
    assert parse_qs(urlsplit(response.location).query)["q"] == ["bolt"]
    page = member.page(response.location)
    shown = page.text(page.first("main"))
    assert "All 40 active products, found by “bolt”, priced from €11.00." in shown
    assert "Archive 40 products" in shown
    send(member, fields(page, CHANGES))
    assert toast(member)[0] == "Archived 40 products."
    assert database.sql("select count(*) from products where is_active and sku like 'B-%%'") == [(10,)]


def test_what_has_changed_since_it_was_looked_at_is_shown_again_and_not_changed(
    member: Client, bolts: list[Item], database: Database, world: World, factories: Factories
) -> None:
    page = member.page(f"{CHANGES}new?do=price&all=1&q=bolt&percent=10")
    asked = fields(page, CHANGES)
    factories.product(world.acme.org, "Bolt 61", price=61)
    before = database.snapshot()
    response = send(member, asked)
    assert response.status_code == 409
    assert "so nothing was saved" in text(response)
    assert "Raise 61 prices by 10 %" in text(response)
    assert {name: value for name, value in database.snapshot().items() if "sessions" not in name} == {
        name: value for name, value in before.items() if "sessions" not in name
    }
    response = send(member, fields(pages.parse(response.get_data(as_text=True)), CHANGES))
    assert toast(member)[0] == "Raised 61 prices by 10 %."


def test_undoing_tells_what_it_left_alone(member: Client, bolts: list[Item], database: Database) -> None:
    page = member.page(f"{CHANGES}new?do=price&product={bolts[0].id}&product={bolts[1].id}&percent=100")
    send(member, fields(page, CHANGES))
    database.sql("update products set price = 7 where id = %s", (bolts[0].id,))
    undo = toast(member)[1] or ""
    response = member.submit(undo)
    assert "kept=1" in response.location
    page = member.page(response.location)
    shown = page.text(page.first("main"))
    assert "1 product had been changed again in between. Undoing left it as it was." in shown
    assert "Bolt 01 B-01 €1.00 €2.00 €7.00" in shown
    assert "Bolt 02" not in shown
    everything = page.text(member.page(response.location.partition("?")[0]).first("main"))
    assert "Bolt 02 B-02 €2.00 €4.00 €2.00" in everything
    assert "for 1 product" in everything


def test_a_change_and_the_list_of_changes_can_be_looked_at_by_all_members_and_undone_by_those_who_write(
    client_for: ClientFor, world: World, member: Client, bolts: list[Item]
) -> None:
    send(member, chosen(bolts[:2], do="archive"))
    viewer = client_for(world.acme.viewer)
    page = viewer.page(CHANGES)
    assert "Archived 2 products Member of Acme In force" in page.text(page.first("main"))
    href = next(link.get("href") or "" for link in page.all("a") if "Archived 2" in page.text(link))
    page = viewer.page(href)
    assert "Bolt 01" in page.text(page.first("main"))
    assert not any("undo" in (form.get("action") or "") for form in page.all("form"))
    assert any("undo" in (form.get("action") or "") for form in member.page(href).all("form"))
    assert client_for(world.globex.owner).get(href).status_code == 404
    assert client_for(world.both).get(href.replace("acme", "globex")).status_code == 404


def test_a_long_change_and_a_long_list_of_changes_have_pages(
    member: Client, bolts: list[Item], factories: Factories, world: World
) -> None:
    change = factories.product_change(world.acme.org, world.acme.member, bolts)
    for _ in range(50):
        factories.product_change(world.acme.org, world.acme.member, bolts[:1])
    for path, first in ((f"{CHANGES}{change}", 50), (CHANGES, 50)):
        page = member.page(path)
        assert sum(1 for _ in page.first("tbody").iter("tr")) == first
        following = next(link.get("href") or "" for link in page.all("a") if link.get("rel") == "next")
        rest = member.page(following)
        assert 0 < sum(1 for _ in rest.first("tbody").iter("tr")) <= 10
        assert not any(link.get("rel") == "next" for link in rest.all("a"))
    assert member.get(f"{CHANGES}?before=nonsense").status_code == 303
    assert member.get(f"{CHANGES}{change}?after=nonsense").status_code == 303


def test_products_of_another_organisation_are_found_by_nobody(
    member: Client, world: World, client_for: ClientFor, database: Database
) -> None:
    for client in (member, client_for(world.both)):
        send(client, chosen(list(world.globex.products), do="archive"))
        assert toast(client)[0].startswith("Nothing to change")
    page = member.page(f"{CHANGES}new?do=price&percent=5&product={world.globex.products[0].id}")
    assert world.globex.marker not in page.text(page.first("main"))
    assert database.sql("select count(*) from products where org_id = %s and is_active", (world.globex.org.id,)) == [
        (2,)
    ]


@pytest.mark.parametrize(
    ("percent", "said"),
    [
        ("abc", "Write a percentage with two decimals at most"),
        ("-5", "without a sign"),
        ("0.01", "no price would change"),
        ("", "Write a percentage to see what it would do"),
    ],
)
def test_a_percentage_that_does_nothing_offers_nothing_to_press(
    percent: str, said: str, member: Client, bolts: list[Item]
) -> None:
    page = member.page(f"{CHANGES}new?do=price&product={bolts[0].id}&percent={percent}")
    assert said in page.text(page.first("main"))
    assert not any(form.get("action") == CHANGES for form in page.all("form"))
    asked = chosen(bolts[:1], do="price", percent=percent, seen="1/2/3")
    assert send(member, asked).status_code == (409 if percent == "0.01" else 422)


def test_prices_that_would_be_too_high_or_nothing_are_pointed_out(
    member: Client, world: World, factories: Factories
) -> None:
    dear = factories.product(world.acme.org, price=Decimal("9999999999.99"))
    cheap = factories.product(world.acme.org, price=Decimal("0.01"))
    page = member.page(f"{CHANGES}new?do=price&percent=10&product={dear.id}&product={cheap.id}")
    assert "1 price would be higher than any price can be" in page.text(page.first("main"))
    assert not any(form.get("action") == CHANGES for form in page.all("form"))
    assert send(member, chosen([dear], do="price", percent="10", seen="1/2/3")).status_code == 409
    page = member.page(f"{CHANGES}new?do=price&way=down&percent=99&product={cheap.id}")
    assert "1 product would cost nothing" in page.text(page.first("main"))


def test_prices_in_yen_stay_whole(client_for: ClientFor, factories: Factories, database: Database) -> None:
    org = factories.organization(slug="tokyo", currency="JPY")
    person = factories.person()
    factories.membership(org, person, "member")
    item = factories.product(org, price=150)
    client = client_for(person)
    path = "/o/tokyo/products/changes/"
    page = client.page(f"{path}new?do=price&percent=1&product={item.id}")
    client.submit(path, fields(page, path).to_dict(flat=False))
    assert database.sql("select price from products where id = %s", (item.id,)) == [(152,)]


def test_htmx_gets_the_preview_alone(member: Client, bolts: list[Item]) -> None:
    path = f"{CHANGES}new?do=price&product={bolts[0].id}&percent=5"
    part = member.get(path, headers=HTMX).get_data(as_text=True)
    assert "<h1" not in part
    assert 'id="percent"' in part
    assert "Raise 1 price by 5 %" in re.sub(r"\s+", " ", part)


def test_a_way_back_that_is_too_long_for_an_address_is_left_out(member: Client, bolts: list[Item]) -> None:
    asked = chosen(bolts[:50], do="price", next=f"{LIST}?after={'x' * 1900}")
    response = send(member, asked)
    assert len(response.location) < 3_600
    assert "next=" not in response.location
    assert member.get(response.location).status_code == 200


def test_the_list_offers_it_to_those_who_write_with_the_state_of_the_list(
    client_for: ClientFor, world: World, member: Client, bolts: list[Item]
) -> None:
    page = member.page(f"{LIST}?q=bolt&min=2&sort=name")
    asked = fields(page, CHANGES)
    assert {name: asked[name] for name in ("q", "min", "all", "next")} == {
        "q": "bolt", "min": "2", "all": "1", "next": f"{LIST}?q=bolt&min=2&sort=name"
    }  # fmt: skip
    boxes = [field for field in page.all("input") if field.get("name") == "product"]
    assert len(boxes) == 50
    assert {box.get("form") for box in boxes} == {"bulk"}
    buttons = [button.get("value") for button in page.all("button") if button.get("name") == "do"]
    assert buttons == ["price", "archive", "restore"]
    assert not any(field.get("name") == "product" for field in client_for(world.acme.viewer).page(LIST).all("input"))


def test_a_change_holds_one_of_the_poolers_servers_and_not_two(
    member: Client, bolts: list[Item], database: Database
) -> None:
    assert member.token
    busy = "select count(*) from pg_stat_activity where usename = 'rowhouse_web' and xact_start is not null"
    waiting = f"{busy} and wait_event_type = 'Lock'"
    asking = threading.Thread(target=lambda: send(member, chosen(bolts[:3], do="archive")))
    with database.owner().transaction():
        database.owner().execute("update products set stock = 1 where id = %s", (bolts[1].id,))
        asking.start()
        until(lambda: database.admin_sql(waiting) == [(1,)], "the change to wait")
        assert database.admin_sql(busy) == [(1,)]
    asking.join()
    assert toast(member)[0] == "Archived 3 products."


def test_somebody_who_holds_a_product_for_too_long_is_a_conflict(
    member: Client, bolts: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise LockTimeout("55P03")

    monkeypatch.setattr("webapp.blueprints.bulk.queries.change", held)
    assert send(member, chosen(bolts[:1], do="archive")).status_code == 409
