"""Changing an order that is pending: by whom, how long, and with two at it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.blueprints.orders.conftest import LIST, Desk, lines_of, value
from tests.factories import Factories, Item, Sale
from tests.fixtures.application import ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page, parse
from tests.fixtures.world import World

WORDS = ("customer", "reference", "deliver_to", "note")


@pytest.fixture
def pending(world: World) -> Sale:
    """Return an order of the member: 2 hammers and 1 box of nails."""
    return world.acme.orders[0]


def opened(desk: Desk, order: Sale) -> tuple[dict[str, str], Page]:
    """Return the form as it opens, without its lines, and its page."""
    page = desk.client.page(f"{LIST}{order.id}/edit")
    return {name: value(page, name) for name in ("order", "seen", *WORDS)}, page


def saved(database: Database, order: Sale) -> tuple[Any, ...]:
    (row,) = database.sql("select customer, note, item_count, total from public.orders where id = %s", (order.id,))
    return tuple(row)


def test_the_form_opens_with_the_order_as_it_is(desk: Desk, pending: Sale, hammer: Item, nails: Item) -> None:
    form, page = opened(desk, pending)
    assert form["customer"] == "ACME-ONLY Builders"
    assert lines_of(page) == [(str(hammer.id), "2", "9.90"), (str(nails.id), "1", "9.90")]


def test_what_is_changed_is_saved(desk: Desk, pending: Sale, hammer: Item, database: Database) -> None:
    form, _ = opened(desk, pending)
    answer = desk.send(f"{LIST}{pending.id}", [(hammer, "5")], **form | {"note": "Ring twice"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}{pending.id}")
    assert saved(database, pending) == ("ACME-ONLY Builders", "Ring twice", 5, Decimal("49.50"))
    page = desk.client.page(f"{LIST}{pending.id}")
    assert "Saved order 1001." in page.text(page.first("body"))
    assert "Member of Acme changed the order" in page.text(page.first("main"))


def test_words_alone_leave_the_prices_of_the_order(
    desk: Desk, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    database.sql("update public.products set price = 20 where id = %s", (hammer.id,))
    form, page = opened(desk, pending)
    assert lines_of(page)[0] == (str(hammer.id), "2", "9.90")
    answer = desk.send(f"{LIST}{pending.id}", [(hammer, "2"), (nails, "1")], **form | {"customer": "Ada"})
    assert answer.status_code == 303
    assert saved(database, pending) == ("Ada", "ACME-ONLY by the gate", 3, Decimal("29.70"))


def test_other_lines_bring_the_prices_of_today_once_they_were_seen(
    desk: Desk, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    database.sql("update public.products set price = 20 where id = %s", (hammer.id,))
    form, _ = opened(desk, pending)
    lines = [(hammer, "3"), (nails, "1")]
    answer = desk.send(f"{LIST}{pending.id}", lines, **form)
    assert answer.status_code == 409
    assert "prices have changed" in answer.get_data(as_text=True)
    assert saved(database, pending)[3] == Decimal("29.70")
    shown = lines_of(parse(answer.get_data(as_text=True)))
    assert shown == [(str(hammer.id), "3", "20.00"), (str(nails.id), "1", "9.90")]
    database.sql("update public.products set price = 20 where id = %s", (nails.id,))
    assert desk.send(f"{LIST}{pending.id}", lines, **form, price="20.00").status_code == 303
    assert saved(database, pending)[3] == Decimal("80.00")


def test_the_first_changed_line_shows_the_prices_of_today(
    desk: Desk, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    database.sql("update public.products set price = 20 where id = %s", (hammer.id,))
    form, _ = opened(desk, pending)
    same = desk.compose("update", [(hammer, "2"), (nails, "1")], **form)
    assert same.text(same.first("tfoot")) == "Total, 3 items€29.70"
    other = desk.compose("update", [(hammer, "2"), (nails, "2")], **form)
    assert other.text(other.first("del")) == "€9.90"
    assert other.text(other.first("tfoot")) == "Total, 4 items€59.80"


def test_a_line_whose_product_went_off_sale_may_stay(
    desk: Desk, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    database.sql("update public.products set is_active = false where id = %s", (nails.id,))
    form, page = opened(desk, pending)
    assert "Archived" in page.text(page.first("table"))
    assert desk.send(f"{LIST}{pending.id}", [(hammer, "1"), (nails, "2")], **form).status_code == 303
    assert saved(database, pending)[2] == 3


def test_nothing_changed_writes_nothing(
    desk: Desk, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    form, _ = opened(desk, pending)
    before = database.snapshot()
    assert desk.send(f"{LIST}{pending.id}", [(hammer, "2"), (nails, "1")], **form).status_code == 303
    assert database.snapshot() == before
    assert "Nothing was changed." in desk.client.get(f"{LIST}{pending.id}").get_data(as_text=True)


def test_a_change_by_another_is_shown_before_it_is_overwritten(
    desk: Desk, client_for: ClientFor, world: World, pending: Sale, hammer: Item, nails: Item, database: Database
) -> None:
    form, _ = opened(desk, pending)
    other = Desk(client_for(world.acme.admin))
    theirs, _ = opened(other, pending)
    assert other.send(f"{LIST}{pending.id}", [(hammer, "9")], **theirs | {"customer": "Theirs"}).status_code == 303
    lines = [(hammer, "2"), (nails, "1")]
    answer = desk.send(f"{LIST}{pending.id}", lines, **form | {"customer": "Mine"})
    assert answer.status_code == 409
    page = parse(answer.get_data(as_text=True))
    (note,) = (element for element in page.all("div") if element.get("id") == "conflict")
    assert "Customer: saved now Theirs, yours Mine" in page.text(note)
    assert f"Items: saved now 9 × {hammer.name}" in page.text(note)
    assert "Note" not in page.text(note)
    assert value(page, "customer") == "Mine"
    assert saved(database, pending)[0] == "Theirs"
    again = form | {"customer": "Mine", "seen": value(page, "seen")}
    assert desk.send(f"{LIST}{pending.id}", lines, **again).status_code == 303
    assert saved(database, pending)[0] == "Mine"


def test_two_who_change_it_at_the_same_moment_do_not_overwrite_each_other(
    client_for: ClientFor, world: World, pending: Sale, hammer: Item
) -> None:
    desks = [Desk(client_for(person)) for person in (world.acme.member, world.acme.admin, world.acme.owner)]
    forms = [opened(desk, pending)[0] | {"customer": f"By {number}"} for number, desk in enumerate(desks)]
    with ThreadPoolExecutor(len(desks)) as pool:
        sent = pool.map(lambda desk, form: desk.send(f"{LIST}{pending.id}", [(hammer, "1")], **form), desks, forms)
        codes = sorted(answer.status_code for answer in sent)
    assert codes == [303, 409, 409]


def test_an_order_that_moved_on_meanwhile_is_shown_with_what_was_written(
    desk: Desk, client_for: ClientFor, world: World, pending: Sale, hammer: Item, database: Database
) -> None:
    admin = client_for(world.acme.admin)
    form, _ = opened(desk, pending)
    assert admin.submit(f"{LIST}{pending.id}/status", {"to": "processing"}).status_code == 303
    before = database.snapshot()
    for person in (desk, Desk(admin)):
        answer = person.send(f"{LIST}{pending.id}", [(hammer, "7")], **form | {"customer": "Too late"})
        assert answer.status_code == 409
        page = parse(answer.get_data(as_text=True))
        (note,) = (element for element in page.all("div") if element.get("id") == "refused")
        text = page.text(note)
        assert "Admin of Acme began processing just now. Your changes were not saved" in text
        assert f"Items: 7 × {hammer.name}" in text
        assert "Customer: Too late" in text
    assert database.snapshot() == before
    answer = desk.client.get(f"{LIST}{pending.id}/edit")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}{pending.id}")


def test_anothers_order_is_changed_by_admins_alone(
    desk: Desk, world: World, factories: Factories, hammer: Item, database: Database
) -> None:
    theirs = factories.order(world.acme.org, world.both, [(hammer, 1)])
    before = database.snapshot()
    assert desk.client.get(f"{LIST}{theirs.id}/edit").status_code == 403
    answer = desk.send(f"{LIST}{theirs.id}", [(hammer, "2")], seen="x", customer="Mine")
    assert answer.status_code == 403
    assert "by the person who placed it" in answer.get_data(as_text=True)
    assert database.snapshot() == before


def test_what_is_wrong_is_said_and_what_was_typed_stays(
    desk: Desk, pending: Sale, hammer: Item, database: Database
) -> None:
    form, _ = opened(desk, pending)
    answer = desk.send(f"{LIST}{pending.id}", [(hammer, "0")], **form | {"customer": "x" * 201})
    assert answer.status_code == 422
    page = parse(answer.get_data(as_text=True))
    assert value(page, "customer") == "x" * 201
    assert lines_of(page) == [(str(hammer.id), "0", "9.90")]
    assert saved(database, pending)[2] == 3
