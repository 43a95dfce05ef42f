"""What a person types as a filter, and what an address holds of it."""

from __future__ import annotations

import pytest

from webapp.inspector.filters import BadFilter, Filter, Order, order, parse


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("price >= 10", Filter("price", ">=", "10")),
        ("price>=10", Filter("price", ">=", "10")),
        ("name ~ hammer", Filter("name", "~", "hammer")),
        ("name = ", Filter("name", "=", "")),
        ("name = ''", Filter("name", "=", "")),
        ("name = 'it''s'", Filter("name", "=", "it's")),
        ("name = it's", Filter("name", "=", "it's")),
        ("name <> x = y", Filter("name", "!=", "x = y")),
        ("note IS  NULL", Filter("note", "is null")),
        ("note is not null", Filter("note", "is not null")),
        ('"a b" = c', Filter("a b", "=", "c")),
        ('"a ""b""" ~ "', Filter('a "b"', "~", '"')),
        ('"is null" is null', Filter("is null", "is null")),
        ("%s = %s", Filter("%s", "=", "%s")),
        ("ключ < ☃", Filter("ключ", "<", "☃")),
        ("a = 1\n", Filter("a", "=", "1")),
        ("a = x\ny", Filter("a", "=", "x\ny")),
    ],
)
def test_what_is_typed_is_meant(typed: str, meant: Filter) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "name", "= 3", "a b = c", '"a = 3', '"" = 3', "a = \0", "a" * 1001 + " = 1", "is null"]
)
def test_what_is_no_filter_is_refused(typed: str) -> None:
    with pytest.raises(BadFilter, match="no filter"):
        parse(typed)


@pytest.mark.parametrize(
    "one",
    [
        Filter("a", "=", "1"),
        Filter("a b", "!=", ""),
        Filter('"', "~", "'x'"),
        Filter("=", "is null"),
        Filter("a", "=", " padded "),
        Filter("a", "=", "'"),
        Filter("a", "=", "''"),
        Filter("a", "~", "it's"),
        Filter("a", "<", "= 3"),
        Filter("a", "=", "x "),
    ],
)
def test_a_filter_is_typed_again_as_it_is_written(one: Filter) -> None:
    assert parse(str(one)) == one


@pytest.mark.parametrize("by", [Order("price"), Order("price", descending=True), Order("a b"), Order("ключ", True)])
def test_an_order_stands_in_an_address(by: Order) -> None:
    assert order(str(by)) == by
