"""The pages of the trail: what an administrator reads there, and how it is walked and narrowed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.blueprints.audit.conftest import Act
from tests.factories import Factories
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page
from tests.fixtures.world import World
from webapp.blueprints.audit import queries

TRAIL = "/o/acme/audit/"
HTMX = {"HX-Request": "true", "HX-Target": "div#audit-list", "HX-Request-Type": "partial"}
RAISE = "update products set price = price + 1 where org_id = :org and id = :id"


def sentences(page: Page) -> list[str]:
    """Return the changes of a page as they are read."""
    lists = [found for found in page.all("ol") if "trail" in (found.get("class") or "")]
    return [" ".join(page.text(item[1]).split()) for found in lists for item in found]


def test_a_change_is_told_with_who_what_before_and_after(admin: Client, act: Act, world: World) -> None:
    item = world.acme.products[0]
    act(world.acme.member, RAISE, id=item.id)
    body = admin.get(TRAIL).get_data(as_text=True)
    page = admin.page(TRAIL)
    assert sentences(page)[0] == f"{world.acme.member.name} changed the price of {item.name}"
    assert f'href="/o/acme/products/{item.id}"' in body
    assert re.search(r"<del>.*€9\.90</del>\s*<ins>.*€10\.90</ins>", body)
    assert world.globex.marker not in body


def test_what_was_done_together_is_one_line(admin: Client, act: Act, world: World) -> None:
    line = json.dumps([{"product_id": str(world.acme.products[0].id), "quantity": 2}])
    order = uuid4()
    act(
        world.acme.member,
        "insert into orders (org_id, id, customer) values (:org, :id, 'Brick Lane')",
        "select set_order_items(:org, :id, cast(:line as jsonb))",
        id=order, line=line,
    )  # fmt: skip
    act(world.acme.admin, "select set_order_status(:org, :id, 'processing')", id=order)
    first, second = sentences(admin.page(TRAIL))[:2]
    assert re.fullmatch(r"Admin of Acme began processing order \d+; took 2 × ACME-ONLY hammer from stock", first)
    assert re.fullmatch(r"Member of Acme placed order \d+; added 2 × ACME-ONLY hammer", second)


def test_a_change_of_thousands_is_one_line_that_leads_to_all_of_them(
    admin: Client, act: Act, world: World, database: Database
) -> None:
    database.sql(
        "insert into public.products (org_id, name, sku, price)"
        " select %s, 'Washer ' || n, 'W' || n, 1 from generate_series(1, 1200) n", (world.acme.org.id,)
    )  # fmt: skip
    act(world.acme.admin, "update products set stock = stock + 5 where org_id = :org")
    page = admin.page(TRAIL)
    assert sentences(page)[0] == "Admin of Acme changed the stock of more than 1,000 products"
    (link,) = [a for a in page.all("a") if page.text(a).startswith("And more than 995")][:1]
    whole = admin.page(link.get("href") or "")
    assert "1,203 entries" in whole.text(whole.first("main"))
    seen: set[str] = set()
    path: str | None = link.get("href")
    while path:
        page = admin.page(path)
        names = [page.text(one) for one in page.all("p") if one.get("class") == "whose"]
        assert seen.isdisjoint(names)
        seen |= set(names)
        path = next((a.get("href") for a in page.all("a") if a.get("rel") == "next"), None)
    assert len(seen) == 1203


def link(page: Page, rel: str) -> str | None:
    """Return where the pager leads to."""
    return next((a.get("href") for a in page.all("a") if a.get("rel") == rel), None)


def test_the_list_is_walked_to_its_end_and_back(
    admin: Client, act: Act, world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 4)
    for _ in range(5):
        act(world.acme.member, RAISE, id=world.acme.products[0].id)
    (moments,) = database.sql(
        "select count(distinct at) from public.audit_log where org_id = %s", (world.acme.org.id,)
    )[0]
    page = admin.page(TRAIL)
    forth = [sentences(page)]
    while older := link(page, "next"):
        page = admin.page(older)
        forth.append(sentences(page))
    assert sum(map(len, forth)) == moments > 16
    assert all(len(found) == 4 for found in forth[:-1])
    assert forth[-1][-1] == "An operator created the organisation"
    back = []
    while newer := link(page, "prev"):
        page = admin.page(newer)
        back.append(sentences(page))
    assert back[-1] == forth[0]
    assert link(page, "prev") is None


def test_a_page_that_has_nothing_any_more_is_the_first_one(admin: Client, world: World) -> None:
    newest = sentences(admin.page(TRAIL))
    assert sentences(admin.page(f"{TRAIL}?after=2001-01-01T00:00:00Z")) == newest
    assert sentences(admin.page(f"{TRAIL}?before=2999-01-01T00:00:00Z")) == newest


def test_a_damaged_address_leads_to_the_first_page_with_its_filters(admin: Client) -> None:
    answer = admin.get(f"{TRAIL}?after=x&table=products")
    assert (answer.status_code, answer.location) == (303, "/o/acme/audit/?table=products")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("table=products", {"Member of Acme changed the price of ACME-ONLY hammer"}),
        ("table=memberships", set()),
        ("person={member}", {"Member of Acme changed the price of ACME-ONLY hammer"}),
        ("person={admin}", {"Admin of Acme changed the tax rate of the organisation"}),
        ("person={admin}&table=products", set()),
        ("person={other}", set()),
    ],
)
def test_table_and_person_narrow_the_list(admin: Client, act: Act, world: World, query: str, wanted: set[str]) -> None:
    acme = world.acme
    act(acme.member, RAISE, id=acme.products[0].id)
    act(acme.admin, "update organizations set tax_rate = 0.21 where id = :org")
    query = query.format(member=acme.member.id, admin=acme.admin.id, other=world.globex.admin.id)
    found = sentences(admin.page(f"{TRAIL}?{query}"))
    assert {sentence for sentence in found if " order " not in sentence and "An operator" not in sentence} == wanted


def test_days_narrow_the_list_and_wrong_ones_are_said(admin: Client, act: Act, world: World) -> None:
    act(world.acme.member, RAISE, id=world.acme.products[0].id)
    today = datetime.now(UTC).date()
    assert sentences(admin.page(f"{TRAIL}?from={today}&to={today}"))
    for query in (f"from={today + timedelta(days=1)}", f"to={today - timedelta(days=1)}"):
        body = admin.get(f"{TRAIL}?{query}").get_data(as_text=True)
        assert "Nothing found" in body
        assert 'href="/o/acme/audit/"' in body
    assert "The days are not as you wrote them" in admin.get(f"{TRAIL}?from=soon").get_data(as_text=True)


def test_the_filter_names_members_and_those_who_were(
    admin: Client, act: Act, world: World, factories: Factories
) -> None:
    gone = factories.person("Gone Gardner")
    factories.membership(world.acme.org, gone, "member")
    act(gone, RAISE, id=world.acme.products[0].id)
    factories.remove(world.acme.org, gone)
    page = admin.page(TRAIL)
    assert sentences(page)[:2] == [
        "An operator removed Gone Gardner", f"Gone Gardner changed the price of {world.acme.products[0].name}",
    ]  # fmt: skip
    offered = [page.text(option) for option in page.all("option")]
    assert "Gone Gardner" in offered
    assert world.acme.viewer.name in offered
    assert not {world.globex.member.name, world.stranger.name} & set(offered)


def test_nobody_is_named_who_has_nothing_to_do_with_the_organisation(
    web_admin_names: Callable[[list[object]], list[str]], world: World
) -> None:
    assert web_admin_names([world.acme.member.id]) == [world.acme.member.name]
    assert web_admin_names([world.globex.owner.id, world.stranger.id]) == []


def test_an_operators_changes_are_told_as_such(admin: Client, database: Database, world: World) -> None:
    database.sql("update public.products set stock = 1 where org_id = %s", (world.acme.org.id,))
    page = admin.page(f"{TRAIL}?person=operator")
    assert sentences(page)[0] == "An operator changed the stock of 3 products"


def test_htmx_gets_the_list_alone(admin: Client, world: World) -> None:
    part = admin.get(f"{TRAIL}?table=products", headers=HTMX)
    assert "<html" not in part.get_data(as_text=True)
    assert "ACME-ONLY" in part.get_data(as_text=True)


def test_a_products_history_is_a_tab_of_it(admin: Client, act: Act, world: World) -> None:
    item = world.acme.products[0]
    act(world.acme.member, RAISE, id=item.id)
    act(world.acme.member, RAISE, id=world.acme.products[1].id)
    page = admin.page(f"{TRAIL}products/{item.id}")
    assert page.text(page.first("h1")) == item.name
    assert sentences(page) == [f"Member of Acme changed the price of {item.name}", f"An operator added {item.name}"]
    (here,) = [
        a for a in page.all("a") if a.get("aria-current") == "page" and page.text(a) == "History" and a.get("href")
    ][-1:]
    assert here.get("href") == f"/o/acme/audit/products/{item.id}"


def test_an_orders_history_tells_of_its_items(admin: Client, world: World) -> None:
    order = world.acme.orders[0]
    page = admin.page(f"{TRAIL}orders/{order.id}")
    assert page.text(page.first("h1")) == f"Order {order.number}"
    assert f"placed order {order.number}; added" in sentences(page)[-1]


def test_a_long_history_is_read_page_by_page(
    admin: Client, act: Act, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "HISTORY", 3)
    item = world.acme.products[0]
    for _ in range(6):
        act(world.acme.member, RAISE, id=item.id)
    page = admin.page(f"{TRAIL}products/{item.id}")
    found = sentences(page)
    while older := link(page, "next"):
        page = admin.page(older)
        found += sentences(page)
    assert len(found) == 7
    assert found[-1] == f"An operator added {item.name}"


def test_a_deleted_products_history_stays(
    admin: Client, database: Database, factories: Factories, world: World
) -> None:
    item = factories.product(world.acme.org, "Short-lived")
    database.sql("delete from public.products where id = %s", (item.id,))
    page = admin.page(f"{TRAIL}products/{item.id}")
    assert sentences(page) == ["An operator deleted Short-lived", "An operator added Short-lived"]


@pytest.mark.parametrize("path", ["products/{}", "orders/{}", "changes/2026-01-01T00:00:00Z", "changes/soon"])
def test_what_is_another_organisations_is_as_absent_as_what_is_not_there(
    admin: Client, world: World, path: str
) -> None:
    theirs = {"products/{}": world.globex.products[0].id, "orders/{}": world.globex.orders[0].id}
    for one in (theirs.get(path), uuid4()):
        assert admin.get(TRAIL + path.format(one)).status_code == 404


@pytest.mark.parametrize(("who", "linked"), [("viewer", False), ("member", False), ("admin", True), ("owner", True)])
def test_only_administrators_are_led_there(client_for: ClientFor, world: World, who: str, linked: bool) -> None:
    body = client_for(getattr(world.acme, who)).get("/o/acme/products/").get_data(as_text=True)
    assert ('href="/o/acme/audit/"' in body) is linked


def test_what_people_type_is_shown_as_text(admin: Client, act: Act, world: World) -> None:
    evil = "<script>alert(1)</script> {{ 7*7 }} %s"
    act(world.acme.member, "update products set name = :evil where org_id = :org and id = :id",
        evil=evil, id=world.acme.products[0].id)  # fmt: skip
    body = admin.get(TRAIL).get_data(as_text=True)
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} %s" in body


def test_the_page_asks_as_much_of_the_database_for_many_changes_as_for_few(
    admin: Client, act: Act, world: World, queries_of: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    counts = []
    for _ in range(2):
        with queries_of() as sent:
            admin.get(TRAIL)
        counts.append(len(sent))
        for _ in range(12):
            act(world.acme.member, RAISE, id=world.acme.products[0].id)
    assert counts[0] == counts[1] <= 8


def test_the_last_changes_are_for_administrators_alone(
    act: Act, world: World, recent_of: Callable[..., list[str]]
) -> None:
    act(world.acme.member, RAISE, id=world.acme.products[0].id)
    assert recent_of(world.acme.admin, 2)[0] == "changed the price of ACME-ONLY hammer"
    assert len(recent_of(world.acme.admin, 2)) == 2
    assert recent_of(world.acme.member, 2) == []
