"""What people write of a product."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from webapp.blueprints.products.forms import ProductForm, differences
from webapp.blueprints.products.queries import Values

GOOD = {"name": "Claw hammer", "description": "", "sku": "AC-1001", "price": "18.90", "stock": "84", "is_active": "y"}


def form(**changed: str) -> ProductForm:
    return ProductForm("EUR", MultiDict(GOOD | changed))


def test_a_good_form_gives_what_was_written() -> None:
    good = form(name="  Claw \n\t hammer\u00a0", description="One\r\n\r\ntwo\n", sku=" AC-1001 ")
    assert good.validate(), good.errors
    assert good.values == Values("Claw hammer", "One\n\ntwo", "AC-1001", Decimal("18.90"), 84, True)


def test_a_box_that_is_not_ticked_is_not_on_sale() -> None:
    unticked = ProductForm("EUR", MultiDict({k: v for k, v in GOOD.items() if k != "is_active"}))
    assert unticked.validate()
    assert unticked.values.is_active is False


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("name", "", "Give the product a name."),
        ("name", "   ", "Give the product a name."),
        ("name", "\u200b\u00a0", "Give the product a name."),
        ("name", "x" * 201, "Use 200 characters at most; these are 201."),
        ("name", "a\x00b", "control character"),
        ("name", "a\x1bb", "control character"),
        ("description", "x" * 10_001, "Use 10,000 characters at most; these are 10,001."),
        ("description", "a\x00b", "control character"),
        ("sku", "", "Give it a SKU"),
        ("sku", "x" * 65, "Use 64 characters at most; these are 65."),
        ("sku", "A\x00", "control character"),
        ("price", "12,8o", "Write an amount, such as 12.80."),
        ("price", "", "Give a price; 0 if it costs nothing."),
        ("price", "12\x00", "Write an amount, such as 12.80."),
        ("stock", "many", "Write a whole number, such as 12."),
        ("stock", "1\x00", "Write a whole number, such as 12."),
        ("stock", "2147483648", "The highest stock is 2,147,483,647."),
    ],
)
def test_each_fault_is_said_at_its_field_and_nothing_typed_is_lost(field: str, typed: str, says: str) -> None:
    bad = form(**{field: typed})
    assert not bad.validate()
    assert set(bad.errors) == {field}
    assert says in bad[field].errors[0]
    if field in ("price", "stock"):
        assert bad[field].data == typed.replace("\0", "\ufffd")


def test_all_faults_are_said_at_once() -> None:
    bad = form(name="", sku="", price="x", stock="x")
    assert not bad.validate()
    assert set(bad.errors) == {"name", "sku", "price", "stock"}


@pytest.mark.parametrize("name", ["x" * 200, "Ä" * 200, "🔨" * 200, "Hinge <b>", "50 % off", "a\u0301" * 200])
def test_a_name_may_have_any_two_hundred_characters_that_can_be_seen(name: str) -> None:
    assert form(name=name).validate()


def test_a_description_may_have_lines_and_tabs() -> None:
    assert form(description="a\n\tb").validate()


@given(st.text(max_size=300), st.text(max_size=100), st.text(max_size=300))
def test_what_the_form_lets_through_the_table_takes(name: str, sku: str, description: str) -> None:
    written = form(name=name, sku=sku, description=description)
    if written.validate():
        values = written.values
        assert 1 <= len(values.name.strip(" ")) <= 200
        assert 1 <= len(values.sku.strip(" ")) <= 64
        assert len(values.description) <= 10_000
        assert "\0" not in values.name + values.sku + values.description
        (values.name + values.sku + values.description).encode()


@pytest.mark.parametrize("typed", ["", "x", "1", "' or 1=1", "01a0c22d-6916-7ec9-bff4-3bd20c82572"])
def test_an_id_that_is_none_is_none(typed: str) -> None:
    assert form(id=typed).product_id is None


def test_differences_name_the_fields_that_differ() -> None:
    mine = Values("Claw hammer", "", "AC-1001", Decimal("18.90"), 84, True)
    assert differences(mine, mine) == ()
    assert differences(mine, mine._replace(price=Decimal("18.9"))) == ()
    assert differences(mine, mine._replace(name="Hammer", stock=3)) == ("name", "stock")
