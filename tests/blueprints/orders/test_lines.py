"""The lines of a form: read, added to, stepped, priced."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from werkzeug.datastructures import MultiDict

from webapp.blueprints.orders import lines
from webapp.blueprints.orders.lines import Draft, Line, Saved, Ware
from webapp.web.amounts import NotAnAmount

A, B = uuid4(), uuid4()


def sent(*rows: tuple[object, str, str]) -> MultiDict[str, str]:
    form: MultiDict[str, str] = MultiDict()
    for item, quantity, price in rows:
        form.add("item", str(item))
        form.add("quantity", quantity)
        form.add("price", price)
    return form


def ware(product_id: UUID, price: str = "9.90", **others: object) -> Ware:
    values: dict[str, object] = {
        "name": "Padlock",
        "sku": "P-1",
        "price": Decimal(price),
        "stock": 5,
        "is_active": True,
    }
    return Ware(id=product_id, **(values | others))  # type: ignore[arg-type]


def item(product_id: UUID, quantity: int, price: str = "9.90") -> Saved:
    return Saved(product_id, "P-1", "Padlock", quantity, Decimal(price), Decimal(price) * quantity)


def test_the_lines_of_a_form_keep_their_order_and_what_was_typed() -> None:
    draft = Draft.read(sent((B, " 2 ", "9.90"), (A, "a few", "1.00")))
    assert draft == Draft((Line(B, "2", "9.90"), Line(A, "a few", "1.00")))


@pytest.mark.parametrize(
    "form",
    [
        sent(("no product", "1", "1.00")),
        sent((A, "1", "1.00"), (A, "2", "1.00")),
        MultiDict([("item", str(A)), ("quantity", "1")]),
        sent(*((uuid4(), "1", "1.00") for _ in range(lines.MOST_LINES + 1))),
    ],
    ids=["no uuid", "twice", "no price", "too many"],
)
def test_a_form_that_no_page_sends_is_called_damaged(form: MultiDict[str, str]) -> None:
    assert Draft.read(form).is_damaged


def test_a_form_without_lines_is_whole() -> None:
    assert Draft.read(MultiDict()) == Draft()


def test_adding_what_is_there_adds_to_its_quantity() -> None:
    draft = Draft((Line(A, "2", "9.90"), Line(B, "1", "9.90")))
    assert draft.add(ware(A), 3).lines == (Line(A, "5", "9.90"), Line(B, "1", "9.90"))


def test_adding_what_is_not_there_makes_the_last_line() -> None:
    assert Draft((Line(A, "2", "9.90"),)).add(ware(B, "4.00"), 6).lines[-1] == Line(B, "6", "4.00")


def test_a_full_order_takes_no_further_product() -> None:
    full = Draft(tuple(Line(uuid4(), "1", "1.00") for _ in range(lines.MOST_LINES)))
    assert full.add(ware(A)) == full


@pytest.mark.parametrize(
    ("typed", "by", "then"), [("1", -1, "1"), ("x", 1, "1"), ("1,000", 1, "1001"), ("1000000", 1, "1000000")]
)
def test_a_step_stays_between_one_and_the_most(typed: str, by: int, then: str) -> None:
    assert Draft((Line(A, typed, "1.00"),)).step(A, by).quantity(A) == then


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("AC-1014", ("AC-1014", 1)),
        ("AC-1014 *6", ("AC-1014", 6)),
        ("AC-1014*60", ("AC-1014", 60)),
        ("screws 4 × 40", ("screws 4 × 40", 1)),
        ("screws 4 x 40 *3", ("screws 4 x 40", 3)),
        ("* 1000000", ("", 1_000_000)),
        ("AC-1010*0", ("AC-1010", None)),
        ("AC-1010 *-3", ("AC-1010", None)),
        ("* 9999999999", ("", None)),
    ],
)
def test_a_star_says_how_many(typed: str, meant: tuple[str, int | None]) -> None:
    assert lines.asked(typed) == meant


@pytest.mark.parametrize("typed", ["", " ", "0", "-1", "1.5", "1000001", "a", "1e3", "½"])
def test_what_is_no_quantity_is_refused(typed: str) -> None:
    with pytest.raises(NotAnAmount):
        lines.count(typed)


@pytest.mark.parametrize(("typed", "meant"), [("1", 1), (" 12 ", 12), ("1,000", 1000), ("1000000", 1_000_000)])
def test_a_quantity_is_read(typed: str, meant: int) -> None:
    assert lines.count(typed) == meant


def test_a_new_line_costs_what_the_product_does_and_says_what_it_cost_before() -> None:
    (line,) = lines.price(Draft((Line(A, "3", "9.90"),)), {A: ware(A, "10.50")})
    assert (line.price, line.was, line.amount) == (Decimal("10.50"), Decimal("9.90"), Decimal("31.50"))


def test_a_price_that_is_the_same_is_not_said_twice() -> None:
    (line,) = lines.price(Draft((Line(A, "3", "10.5"),)), {A: ware(A, "10.50")})
    assert line.was is None


def test_lines_that_are_the_orders_own_keep_its_prices() -> None:
    saved = [item(A, 3, "8.00"), item(B, 1, "1.00")]
    priced = lines.price(Draft.of(saved), {A: ware(A, "10.50"), B: ware(B, "1.10")}, saved)
    assert [(line.price, line.was) for line in priced] == [(Decimal("8.00"), None), (Decimal("1.00"), None)]


def test_with_any_other_line_each_product_costs_what_it_does_today() -> None:
    saved = [item(A, 3, "8.00"), item(B, 1, "1.00")]
    priced = lines.price(Draft.of(saved).without(B), {A: ware(A, "10.50"), B: ware(B)}, saved)
    assert [(line.price, line.was) for line in priced] == [(Decimal("10.50"), Decimal("8.00"))]


def test_what_is_off_sale_is_refused_unless_the_order_has_it() -> None:
    wares = {A: ware(A, is_active=False), B: ware(B, is_active=False)}
    kept, new = lines.price(Draft((Line(A, "1", "9.90"), Line(B, "1", "9.90"))), wares, [item(A, 2)])
    assert kept.error is None
    assert new.error == "This is not on sale any more. Remove the line."


def test_a_line_tells_that_there_is_too_little() -> None:
    enough, short = lines.price(Draft((Line(A, "5", ""), Line(B, "6", ""))), {A: ware(A), B: ware(B)})
    assert (enough.is_short, short.is_short) == (False, True)


def test_lines_that_can_not_be_read_are_left_out_of_the_sum() -> None:
    priced = lines.price(Draft((Line(A, "2", ""), Line(B, "x", ""))), {A: ware(A, "1.25"), B: ware(B)})
    assert lines.subtotal(priced) == Decimal("2.50")
