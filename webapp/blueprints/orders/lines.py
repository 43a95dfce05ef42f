"""The lines of an order while it is being composed: how many of which product, read from the form and priced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple
from uuid import UUID

from werkzeug.datastructures import MultiDict

from webapp.models.order_functions import MOST_ITEMS, MOST_OF_ONE
from webapp.web import amounts
from webapp.web.typed import printable

TOO_MUCH: Final = Decimal(10) ** 16  # numeric(18,2) holds less
MOST_LINES: Final = MOST_ITEMS
LONGEST_QUANTITY: Final = 40  # characters that are kept to be shown again

# "AC-1014 *6" adds six. A star alone: × and x stand between the numbers of many a product's name.
_TIMES: Final = re.compile(r"(?P<text>.*?)\s*\*\s*(?P<count>[-−+]?[0-9]+)\s*")


class Line(NamedTuple):
    """Hold a line as the form carries it: a quantity as it was typed, and the price that the person was shown."""

    product_id: UUID
    quantity: str
    seen: str

    @property
    def pieces(self) -> int:
        """Return how many pieces are meant. Raises NotAnAmount."""
        return count(self.quantity)

    @property
    def seen_price(self) -> Decimal | None:
        """Return the price that the person was shown, or None where the form holds no amount."""
        try:
            price = Decimal(self.seen)
        except InvalidOperation:
            return None
        return price if price.is_finite() else None


class Wanted(NamedTuple):
    """Say how many of a product an order is to have; ``price`` is the one that the person agrees to."""

    product_id: UUID
    quantity: int
    price: Decimal | None


class Ware(NamedTuple):
    """Hold a product as it is now."""

    id: UUID
    name: str
    sku: str
    price: Decimal
    stock: int
    is_active: bool


class Saved(NamedTuple):
    """Hold a line as an order has it: SKU, name and price are those of when its items were last set."""

    product_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    amount: Decimal


class Draft(NamedTuple):
    """Hold the lines of a form. ``is_damaged`` where they came other than our pages send them."""

    lines: tuple[Line, ...] = ()
    is_damaged: bool = False

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> Draft:
        """Return the lines of a form that was sent; each product has one at most, the first one."""
        sent = [form.getlist(name) for name in ("item", "quantity", "price")]
        is_damaged = len({len(values) for values in sent}) > 1
        found: dict[UUID, Line] = {}
        for item, quantity, price in zip(*sent, strict=False):
            try:
                product_id = UUID(item)
            except ValueError:
                is_damaged = True
                continue
            if product_id in found:
                is_damaged = True
                continue
            found[product_id] = Line(product_id, printable(quantity).strip()[:LONGEST_QUANTITY], price[:40])
        lines = tuple(found.values())
        return cls(lines[:MOST_LINES], is_damaged or len(lines) > MOST_LINES)

    @classmethod
    def of(cls, items: Iterable[Saved]) -> Draft:
        """Return the lines with which changing an order, or ordering the same again, begins."""
        return cls(tuple(Line(item.product_id, str(item.quantity), str(item.unit_price)) for item in items))

    @property
    def ids(self) -> tuple[UUID, ...]:
        """Return the products in their order."""
        return tuple(line.product_id for line in self.lines)

    @property
    def is_full(self) -> bool:
        """Tell whether no further product can be added."""
        return len(self.lines) >= MOST_LINES

    def quantity(self, product_id: UUID) -> str:
        """Return the quantity of a product as it was typed, or nothing where it has no line."""
        return next((line.quantity for line in self.lines if line.product_id == product_id), "")

    def add(self, ware: Ware, pieces: int = 1) -> Draft:
        """Return the draft with so many pieces more of a product; a new line comes last."""
        if ware.id in self.ids:
            return self.step(ware.id, pieces)
        if self.is_full:
            return self
        return self._replace(lines=(*self.lines, Line(ware.id, str(max(1, pieces)), str(ware.price))))

    def step(self, product_id: UUID, pieces: int) -> Draft:
        """Return the draft with more or fewer pieces of a product, one at least."""
        return self._replace(
            lines=tuple(
                line._replace(quantity=str(_stepped(line, pieces))) if line.product_id == product_id else line
                for line in self.lines
            )
        )

    def without(self, product_id: UUID) -> Draft:
        """Return the draft without a product."""
        return self._replace(lines=tuple(line for line in self.lines if line.product_id != product_id))

    def says(self, items: Sequence[Saved]) -> bool:
        """Tell whether these are the products and quantities of ``items``, in the same order."""
        try:
            return [(line.product_id, line.pieces) for line in self.lines] == [
                (item.product_id, item.quantity) for item in items
            ]
        except amounts.NotAnAmount:
            return False


@dataclass(frozen=True, slots=True)
class Priced:
    """Hold a line as a page shows it. ``was`` is the price that the person saw before, where it is another now."""

    ware: Ware
    typed: str
    quantity: int | None
    price: Decimal
    was: Decimal | None
    error: str | None

    @property
    def amount(self) -> Decimal | None:
        """Return what the line costs, or None where nobody can tell how many pieces are meant."""
        return None if self.quantity is None else self.price * self.quantity

    @property
    def is_short(self) -> bool:
        """Tell whether there are fewer in stock than are ordered."""
        return self.quantity is not None and self.quantity > self.ware.stock


class Sums(NamedTuple):
    """Hold what an order comes to: ``items`` counts pieces, ``rate`` is the tax as a fraction of one."""

    items: int
    subtotal: Decimal
    rate: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """Return what is to be paid."""
        return self.subtotal + self.tax


def count(text: str) -> int:
    """Return the pieces that a text means, from 1 to a million. Raises NotAnAmount."""
    if not text.strip():
        raise amounts.NotAnAmount("Say how many.")
    try:
        pieces = amounts.pieces(text)
    except amounts.NotAnAmount:
        raise amounts.NotAnAmount("Write a whole number, such as 12.") from None
    if pieces < 1:
        raise amounts.NotAnAmount("Write 1 or more, or remove the line.")
    if pieces > MOST_OF_ONE:
        raise amounts.NotAnAmount(f"{MOST_OF_ONE:,} of one product is the most.")
    return pieces


def asked(typed: str) -> tuple[str, int | None]:
    """Return what to search for, and how many of it to add: 6 of AC-1014 for ``AC-1014 *6``.

    None instead of a number that no line can have.
    """
    found = _TIMES.fullmatch(typed)
    if found is None:
        return typed.strip(), 1
    digits = found["count"]
    pieces = int(digits) if digits.isdecimal() and len(digits) <= LONGEST_QUANTITY else 0
    return found["text"].strip(), pieces if 1 <= pieces <= MOST_OF_ONE else None


def price(draft: Draft, wares: Mapping[UUID, Ware], saved: Sequence[Saved] = ()) -> tuple[Priced, ...]:
    """Return the lines of a draft with their prices; a product that is not among ``wares`` gets no line.

    ``saved`` are the items of the order that is being changed. As long as the lines are theirs, their prices stay;
    with any other line each product has the price of today, which is what the database will write.
    """
    before = {item.product_id: item for item in saved}
    is_same = bool(saved) and draft.says(saved)
    return tuple(
        _priced(line, wares[line.product_id], before.get(line.product_id), is_same=is_same)
        for line in draft.lines
        if line.product_id in wares
    )


def subtotal(lines: Iterable[Priced]) -> Decimal:
    """Return what the lines cost before tax, but for those of which nobody can tell how many pieces are meant."""
    return sum((line.amount for line in lines if line.amount is not None), Decimal("0.00"))


def _priced(line: Line, ware: Ware, before: Saved | None, *, is_same: bool) -> Priced:
    quantity, error = None, None
    try:
        quantity = line.pieces
    except amounts.NotAnAmount as exc:
        error = str(exc)
    if not ware.is_active and before is None:
        error = "This is not on sale any more. Remove the line."
    if is_same and before is not None:
        return Priced(ware._replace(name=before.name, sku=before.sku), line.quantity, quantity, before.unit_price,
                      None, error)  # fmt: skip
    old = before.unit_price if before is not None else line.seen_price
    return Priced(ware, line.quantity, quantity, ware.price, old if old != ware.price else None, error)


def _stepped(line: Line, pieces: int) -> int:
    try:
        now = line.pieces
    except amounts.NotAnAmount:
        now = 0
    return min(max(now + pieces, 1), MOST_OF_ONE)
