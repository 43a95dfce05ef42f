"""What is asked of many products: read, refused, and told apart."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from webapp.blueprints.bulk.forms import MOST_CHOSEN, BadRequest, NotAPercentage, percentage, read
from webapp.models import ChangeKind
from webapp.web.catalogue import Narrowing, Show

KEY = str(uuid4())
ONE, OTHER = str(uuid4()), str(uuid4())


@pytest.mark.parametrize(
    ("text", "percent"),
    [("5", "5"), ("2,5", "2.5"), ("2.50 %", "2.5"), ("12%", "12"), ("0.01", "0.01"), ("1000", "1000"), ("007", "7")],
)
def test_a_percentage_is_read_as_people_write_it(text: str, percent: str) -> None:
    assert percentage(text) == Decimal(percent)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("-5", "without a sign"),
        ("+5", "without a sign"),
        ("−5", "without a sign"),
        ("0", "above 0"),
        ("0,00", "above 0"),
        ("1000.01", "at most"),
        ("9999", "at most"),
        ("1.234", "two decimals"),
        ("five", "two decimals"),
        ("5 5", "two decimals"),
        ("1e3", "two decimals"),
        ("٥", "two decimals"),
    ],
)
def test_another_text_is_refused_and_says_why(text: str, part: str) -> None:
    with pytest.raises(NotAPercentage, match=part):
        percentage(text)


@given(st.text(max_size=30))
def test_no_text_is_a_fault(text: str) -> None:
    wanted = read(MultiDict({"do": "price", "product": ONE, "percent": text}), "EUR")
    assert wanted.percent is None or 0 < wanted.percent <= 1000


def test_prices_can_fall_to_almost_nothing_and_no_further() -> None:
    asked = {"do": "price", "product": ONE, "way": "down"}
    assert read(MultiDict(asked | {"percent": "99.99"}), "EUR").percent == Decimal("-99.99")
    assert "at most" in read(MultiDict(asked | {"percent": "100"}), "EUR").errors["percent"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"do": "delete", "product": ONE},
        {"do": "archive", "product": "1"},
        {"do": "archive", "product": ONE, "key": "x"},
        {"do": "archive", "all": "1", "min": "x"},
        {"do": "archive", "product": [str(uuid4()) for _ in range(MOST_CHOSEN + 1)]},
    ],
)
def test_what_no_page_of_ours_sends_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        read(MultiDict(asked), "EUR")


def test_a_selection_comes_back_from_its_own_fields() -> None:
    for asked in (
        [("product", ONE), ("product", OTHER)],
        [("all", "1"), ("show", "low"), ("q", "bolt"), ("min", "1"), ("max", "2.50")],
    ):
        wanted = read(MultiDict([("do", "archive"), *asked]), "EUR")
        assert read(MultiDict([("do", "archive"), *wanted.selection.fields()]), "EUR").selection == wanted.selection
    assert wanted.selection.narrowing == Narrowing(Show.LOW, "bolt", Decimal(1), Decimal("2.50"))


def test_the_same_form_is_the_same_change_and_another_one_is_another() -> None:
    asked = [("do", "price"), ("key", KEY), ("product", ONE), ("product", OTHER), ("percent", "5")]
    change_id = read(MultiDict(asked), "EUR").change_id
    assert read(MultiDict(reversed(asked)), "EUR").change_id == change_id
    assert read(MultiDict([*asked, ("next", "/o"), ("seen", "1")]), "EUR").change_id == change_id
    for other in (
        [("do", "archive"), *asked[1:]],
        [asked[0], ("key", ONE), *asked[2:]],
        [*asked[:3], asked[4]],
        [*asked[:4], ("percent", "6")],
        [*asked, ("way", "down")],
        [*asked, ("all", "1")],
    ):
        assert read(MultiDict(other), "EUR").change_id != change_id


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"do": "archive", "product": ONE}, False),
        ({"do": "archive", "all": "1"}, True),
        ({"do": "archive", "all": "1", "seen": "1/2/3"}, False),
        ({"do": "price", "product": ONE, "percent": "5"}, True),
        ({"do": "price", "product": ONE, "percent": "5", "seen": "1/2/3"}, False),
    ],
)
def test_prices_and_what_was_not_ticked_are_looked_at_first(asked: dict[str, str], first: bool) -> None:
    wanted = read(MultiDict(asked), "EUR")
    assert wanted.needs_a_look is first
    assert wanted.kind is ChangeKind(asked["do"])
