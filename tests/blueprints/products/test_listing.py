"""The state of the list in its address."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.blueprints.products.listing import VALUES as READ
from webapp.blueprints.products.listing import Listing, Sort, read
from webapp.web.catalogue import Show
from webapp.web.keyset import BadCursor, Cursor, Value

ROW = UUID("01a0c22d-6916-7ec9-bff4-3bd20c825725")
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200)
VALUES: dict[Sort, st.SearchStrategy[Any]] = {
    Sort.NAME: TEXTS,
    Sort.SKU: TEXTS.filter(lambda text: len(text) <= 64),
    Sort.STOCK: st.integers(0, 2**31 - 1),
    Sort.PRICE: st.decimals(0, Decimal("9999999999.99"), places=2),
    Sort.CHANGED: st.datetimes(timezones=st.just(UTC)),
}
PLACES = st.sampled_from(Sort).flatmap(lambda sort: st.tuples(st.just(sort), VALUES[sort], st.uuids()))


@given(PLACES)
def test_a_cursor_comes_back_from_its_token_as_it_was(place: tuple[Sort, Value, UUID]) -> None:
    sort, value, row = place
    token = Cursor(value, row).token(sort)
    assert Cursor.read(token, sort, READ[sort]) == Cursor(value, row)
    assert all(char.isalnum() or char in "-_" for char in token)


def _token(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("token", "sort"),
    [
        ("", Sort.NAME),
        ("nonsense", Sort.NAME),
        ("é", Sort.NAME),
        ("a" * 5_000, Sort.NAME),
        (_token("name", "a"), Sort.NAME),
        (_token("name", "a", "b"), Sort.NAME),
        (_token("name", 1, ROW.hex), Sort.NAME),
        (_token("name", "a\0", ROW.hex), Sort.NAME),
        (_token("name", "a\ud800", ROW.hex), Sort.NAME),
        (_token("name", "a" * 201, ROW.hex), Sort.NAME),
        (_token("sku", "a", ROW.hex), Sort.NAME),
        (_token("stock", "-1", ROW.hex), Sort.STOCK),
        (_token("stock", "2147483648", ROW.hex), Sort.STOCK),
        (_token("stock", "9" * 1_000, ROW.hex), Sort.STOCK),
        (_token("price", "NaN", ROW.hex), Sort.PRICE),
        (_token("price", "Infinity", ROW.hex), Sort.PRICE),
        (_token("price", "1e400", ROW.hex), Sort.PRICE),
        (_token("price", "1.234", ROW.hex), Sort.PRICE),
        (_token("changed", "2026-01-01T00:00:00", ROW.hex), Sort.CHANGED),
        (_token("changed", "yesterday", ROW.hex), Sort.CHANGED),
        (_token("name", "a", None), Sort.NAME),
        (_token(), Sort.NAME),
        (base64.urlsafe_b64encode(b"{}").decode(), Sort.NAME),
        (base64.urlsafe_b64encode(b"[" * 1_000).decode(), Sort.NAME),
    ],
)
def test_a_token_that_the_list_never_made_is_refused(token: str, sort: Sort) -> None:
    with pytest.raises(BadCursor):
        Cursor.read(token, sort, READ[sort])


@given(st.text(max_size=80))
def test_any_text_is_a_cursor_or_refused(token: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.read(token, Sort.NAME, READ[Sort.NAME])


STATES = [
    Listing(),
    Listing(Show.LOW, "claw hammer", Decimal("5.00"), Decimal("150.50"), Sort.PRICE, False),
    Listing(sort=Sort.NAME, descending=True, after=Cursor("Claw hammer", ROW)),
    Listing(sort=Sort.CHANGED, descending=False, before=Cursor(datetime(2026, 1, 2, 3, 4, 5, 6, UTC), ROW)),
    Listing(Show.ARCHIVED, high=Decimal("0.00")),
]


@pytest.mark.parametrize("listing", STATES)
def test_a_state_comes_back_from_its_address_as_it_was(listing: Listing) -> None:
    assert read(listing.args(), "EUR") == (listing, {})


def test_the_usual_state_has_a_bare_address() -> None:
    assert Listing().args() == {}


def test_changing_tab_order_or_filter_goes_back_to_the_first_page() -> None:
    deep = Listing(Show.ACTIVE, "saw", sort=Sort.NAME, descending=False, after=Cursor("Saw", uuid4()))
    assert "after" in deep.args()
    for args in (deep.showing(Show.ALL), deep.sorted_by(Sort.PRICE), deep.priced(), deep.unsearched(), deep.page()):
        assert "after" not in args
    assert deep.showing(Show.ALL) == {"q": "saw", "sort": "name"}


def test_sorting_by_the_present_column_turns_the_order_round() -> None:
    by_name = Listing(sort=Sort.NAME, descending=False)
    assert by_name.sorted_by(Sort.NAME)["sort"] == "-name"
    assert by_name.sorted_by(Sort.PRICE)["sort"] == "price"
    assert by_name.sorted_by(Sort.CHANGED) == {}
    assert (by_name.direction(Sort.NAME), by_name.direction(Sort.SKU)) == ("ascending", None)


@pytest.mark.parametrize(
    "args", [{"show": "everything"}, {"sort": "password"}, {"sort": "--name"}, {"sort": ""}, {"q": " \t\x00 "}]
)
def test_a_tab_or_order_that_does_not_exist_is_the_usual_one(args: dict[str, str]) -> None:
    assert read(args, "EUR") == (Listing(), {})


def test_a_bound_that_is_wrong_does_not_bind_and_says_why() -> None:
    listing, errors = read({"min": "1,234", "max": "20"}, "EUR")
    assert (listing.low, listing.high) == (None, Decimal(20))
    assert "could mean" in errors["min"]


def test_an_upper_bound_below_the_lower_one_does_not_bind() -> None:
    listing, errors = read({"min": "20", "max": "10"}, "EUR")
    assert (listing.low, listing.high) == (Decimal(20), None)
    assert set(errors) == {"max"}


@given(st.text(max_size=400))
def test_any_search_is_a_line_of_at_most_a_hundred_characters(typed: str) -> None:
    search = read({"q": typed}, "EUR")[0].search
    assert len(search) <= 100
    assert search == " ".join(search.split())
    assert not any(ord(char) < 32 for char in search)
    assert len(read({"q": typed}, "EUR")[0].words) <= 10
