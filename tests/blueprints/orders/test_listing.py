"""The state of the list of orders, as its address names it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from webapp.blueprints.orders import listing
from webapp.blueprints.orders.listing import Listing, Show
from webapp.web.keyset import BadCursor, Cursor

PLACE = Cursor(datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC), UUID(int=7))


def test_an_address_gives_back_the_state_that_made_it() -> None:
    state = Listing(Show.PENDING, "brick lane", date(2026, 11, 1), date(2026, 11, 21), after=PLACE)
    assert listing.read(state.args()) == (state, {})


def test_the_usual_state_needs_no_arguments() -> None:
    assert Listing().args() == {}
    assert listing.read({}) == (Listing(), {})


@pytest.mark.parametrize("show", ["", "lost", "PENDING", "pending'"])
def test_a_tab_that_does_not_exist_is_all_orders(show: str) -> None:
    assert listing.read({"show": show})[0].show is Show.ALL


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "20261121", "2026-W01-1", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_does_not_bind_and_is_said(day: str) -> None:
    found, errors = listing.read({"from": day})
    assert found.first is None
    assert errors == {"from": listing.WRITE_A_DAY}


def test_days_the_wrong_way_round_are_said() -> None:
    found, errors = listing.read({"from": "2026-11-21", "to": "2026-11-01"})
    assert (found.first, found.last) == (date(2026, 11, 21), None)
    assert errors == {"to": listing.NOT_BEFORE}


def test_both_days_are_shown_whole() -> None:
    found, _ = listing.read({"from": "2026-11-01", "to": "2026-11-01"})
    assert found.since == datetime(2026, 11, 1, tzinfo=UTC)
    assert found.until == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(("typed", "number"), [("1042", 1042), ("#1042", 1042), ("# 1042", 1042), ("PO 88", None)])
def test_a_number_is_known_as_one(typed: str, number: int | None) -> None:
    assert listing.read({"q": typed})[0].number == number


@pytest.mark.parametrize("typed", ["9999999999", "12345678901234567890"])
def test_a_number_that_no_order_can_have_is_looked_for_as_text(typed: str) -> None:
    assert listing.read({"q": typed})[0].number is None


@pytest.mark.parametrize("token", ["x", "eyJ4", "a" * 3000, Cursor("text", UUID(int=7)).token("name")])
def test_a_place_that_the_list_never_named_is_refused(token: str) -> None:
    with pytest.raises(BadCursor):
        listing.read({"after": token})


def test_another_tab_or_another_span_begins_at_its_first_page() -> None:
    state = Listing(search="x", after=PLACE)
    assert state.showing(Show.SHIPPED) == {"show": "shipped", "q": "x"}
    assert state.placed(date(2026, 1, 1)) == {"q": "x", "from": "2026-01-01"}


def test_the_spans_end_where_the_months_do() -> None:
    spans = listing.spans(date(2026, 3, 1))
    assert spans["Last month"] == (date(2026, 2, 1), date(2026, 2, 28))
    assert spans["This month"] == (date(2026, 3, 1), date(2026, 3, 1))
    assert spans["Last 7 days"] == (date(2026, 2, 23), date(2026, 3, 1))
