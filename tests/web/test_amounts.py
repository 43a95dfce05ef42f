"""Reading prices and counts as people type them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.web import amounts

AMOUNTS = st.decimals(min_value=0, max_value=amounts.MOST, places=2, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("12.80", "12.80"), ("12,80", "12.80"), ("12", "12.00"), ("12.8", "12.80"), (".5", "0.50"), ("0", "0.00"),
        ("1 234,50", "1234.50"), ("1,234.50", "1234.50"), ("1.234,50", "1234.50"), ("1'234.50", "1234.50"),
        ("1’234.50", "1234.50"), ("1\u00a0234,50", "1234.50"), ("1\u202f234,5", "1234.50"), ("1 234", "1234.00"),
        ("1,234,567", "1234567.00"), ("1.234.567,8", "1234567.80"), ("1,23,456.50", "123456.50"),
        ("€12.80", "12.80"), ("12.80 €", "12.80"), ("EUR 5", "5.00"), ("5 eur", "5.00"), ("  7 ", "7.00"),
        ("１２，５", "12.50"), ("9999999999.99", "9999999999.99"), ("9,999,999,999.99", "9999999999.99"),
    ],
)  # fmt: skip
def test_a_price_is_read_however_it_is_written(typed: str, meant: str) -> None:
    assert amounts.price(typed, "EUR") == Decimal(meant)
    assert amounts.price(typed, "EUR").as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Give a price"), ("   ", "Give a price"),
        ("1,234", "could mean 1234.00 or 1.23"), ("1.234", "could mean 1234.00 or 1.23"), ("€1,234", "could mean"),
        ("0.125", "two decimals"), ("1234,567", "two decimals"), ("1 234.500", "two decimals"),
        ("-5", "below zero"), ("−5", "below zero"),
        ("12,8o", "such as 12.80"), ("abc", "such as 12.80"), ("12 34", "such as 12.80"), ("12.", "such as 12.80"),
        ("1..2", "such as 12.80"), ("1,2,3", "such as 12.80"), ("1,234 567.00", "such as 12.80"),
        ("1,234.5,6", "such as 12.80"), ("12€80", "such as 12.80"), ("€5€", "such as 12.80"), ("€", "such as 12.80"),
        ("1e5", "such as 12.80"), ("+5", "such as 12.80"), ("NaN", "such as 12.80"), ("Infinity", "such as 12.80"),
        ("١٢", "such as 12.80"), ("0x10", "such as 12.80"), ("5\x00", "such as 12.80"), ("9" * 41, "such as 12.80"),
        ("$5", "in EUR"), ("5 USD", "in EUR"), ("10000000000", "highest price is 9,999,999,999.99"),
    ],
)  # fmt: skip
def test_what_is_no_price_or_two_is_refused_with_its_reason(typed: str, says: str) -> None:
    with pytest.raises(amounts.NotAnAmount, match=says.replace(".", r"\.")):
        amounts.price(typed, "EUR")


@pytest.mark.parametrize(("typed", "currency"), [("$5", "USD"), ("US$5", "USD"), ("5 kr", "SEK"), ("5 zł", "PLN")])
def test_the_organisations_own_currency_may_stand_beside_a_price(typed: str, currency: str) -> None:
    assert amounts.price(typed, currency) == 5


@given(AMOUNTS)
def test_a_stored_price_is_read_back_as_it_is_shown_in_the_form(amount: Decimal) -> None:
    assert amounts.price(f"{amount:.2f}", "EUR") == amount
    assert amounts.price(f"{amount:,.2f}", "EUR") == amount
    assert amounts.price(f"{amount:,.2f}".translate({44: 46, 46: 44}), "EUR") == amount


@given(st.text(max_size=50))
def test_any_text_is_a_price_in_bounds_or_refused(typed: str) -> None:
    try:
        amount = amounts.price(typed, "EUR")
    except amounts.NotAnAmount:
        return
    assert 0 <= amount <= amounts.MOST


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("12", 12), ("0", 0), ("1 234", 1234), ("1,234", 1234), ("1.234", 1234), ("2147483647", 2147483647)],
)
def test_a_count_is_read_however_its_thousands_are_set_apart(typed: str, meant: int) -> None:
    assert amounts.pieces(typed) == meant


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "how many"), ("12.5", "whole pieces"), ("1,23", "whole pieces"), ("-1", "below zero"),
        ("2147483648", "highest stock"), ("9" * 39, "highest stock"), ("a", "whole number"), ("1 23", "whole number"),
        ("1\x00", "whole number"),
    ],
)  # fmt: skip
def test_what_is_no_count_is_refused_with_its_reason(typed: str, says: str) -> None:
    with pytest.raises(amounts.NotAnAmount, match=says):
        amounts.pieces(typed)
