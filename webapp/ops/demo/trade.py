"""Turn a catalogue into a year of trade: orders with their items and what happened to each, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID

from webapp.ops.demo.catalogue import Product, time_ordered_id

DAYS: Final = 400
FIRST_NUMBER: Final = 1001
CANCELLED: Final = 0.04  # of all orders
PENDING: Final = 6  # the latest orders, which nobody has begun
# Orders per weekday, Monday first, at the end of the year; they were fewer when it began.
BUSY: Final = (7.5, 7.0, 7.5, 8.0, 9.5, 11.0, 2.5)
CENT: Final = Decimal("0.01")

CUSTOMERS: Final = tuple(
    name.strip()
    for name in """
Brick Lane Builders; Cornice & Sons; Harbour Joinery; Van Dijk Interiors; Northgate School; Molina Renovations;
Studio Pelican; The Corner Bakery; Hofmann Haustechnik; Greenfield Allotments; Atelier Rousseau; Bright Side Cafe;
Kowalski Roofing; Lakeside Campsite; Old Mill Brewery; Parish of St. Anne; Quay Street Flats; Rossi Restauro;
Sandberg Property; Tallis Theatre; Umbra Lighting; Vicarage Road Garage; Westend Cycles; Yard 14 Workshops;
""".replace("\n", " ").split(";")
    if name.strip()
)
STREETS: Final = ("Cornice Row", "Lintel Street", "Gable Lane", "Mortar Walk", "Ridge Road", "Quoin Place")
NOTES: Final = (
    "Goes with the Friday van.",
    "Customer collects at the counter.",
    "Ring before you deliver.",
    "Leave it with the neighbour at number 12.",
)


@dataclass(frozen=True, slots=True)
class Line:
    """Hold an item of an order, as it was when the order was placed."""

    product: Product
    quantity: int

    @property
    def amount(self) -> Decimal:
        """Return what the line costs, before tax."""
        return self.product.price * self.quantity


@dataclass(frozen=True, slots=True)
class Happening:
    """Hold what somebody did with an order: an event of ``public.order_event``."""

    event: str
    actor: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """Hold an order with all that belongs to it. Its state is what happened last."""

    id: UUID
    number: int
    customer: str
    reference: str
    deliver_to: str
    note: str
    lines: tuple[Line, ...]
    tax_rate: Decimal
    happened: tuple[Happening, ...]

    @property
    def status(self) -> str:
        """Return the state that the order is in."""
        last = self.happened[-1].event
        return "pending" if last == "placed" else last

    @property
    def subtotal(self) -> Decimal:
        """Return the sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """Return the tax, rounded once, as calculate_order_total does."""
        return (self.subtotal * self.tax_rate).quantize(CENT, ROUND_HALF_UP)


def orders(
    prefix: str, goods: Sequence[Product], staff: Sequence[UUID], tax_rate: Decimal, now: datetime
) -> Iterator[Order]:
    """Yield the orders of the 400 days before ``now``, oldest first.

    All of ``staff`` place orders; the first two of them see to what comes after.
    """
    chance = random.Random(f"{prefix} orders")  # noqa: S311 - it makes trade, not secrets
    sold = [product for product in goods if product.is_active]
    chance.shuffle(sold)
    weights = [1 / (place + 4) for place in range(len(sold))]  # a few sell well, and most sell now and then
    moments = list(_moments(chance, now))
    for place, placed_at in enumerate(moments):
        has_reference = chance.random() < 0.45
        yield Order(
            id=time_ordered_id(chance, placed_at),
            number=FIRST_NUMBER + place,
            customer=chance.choice(CUSTOMERS),
            reference=f"PO {chance.randint(60, 99)}-{chance.randint(1000, 9999)}" if has_reference else "",
            deliver_to=f"{chance.randint(1, 140)} {chance.choice(STREETS)}" if chance.random() < 0.6 else "",
            note=chance.choice(NOTES) if chance.random() < 0.12 else "",
            lines=_lines(chance, sold, weights),
            tax_rate=tax_rate,
            happened=tuple(_happenings(chance, placed_at, staff, now, is_new=place >= len(moments) - PENDING)),
        )


def _moments(chance: random.Random, now: datetime) -> Iterator[datetime]:
    """Yield when orders were placed: in working hours, more of them towards the end and before Christmas."""
    first = (now - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for day in range(DAYS + 1):
        date = first + timedelta(days=day)
        growth = 0.35 + 0.7 * day / DAYS + (0.12 if date.month in (11, 12) else 0)
        count = round(BUSY[date.weekday()] * growth * chance.uniform(0.7, 1.3))
        found += [date + timedelta(minutes=chance.triangular(7 * 60, 19 * 60, 11 * 60)) for _ in range(count)]
    past = sorted(moment for moment in found if moment < now - timedelta(hours=4))
    yield from past[: -PENDING or None]
    yield from sorted(now - timedelta(minutes=chance.uniform(6, 230)) for _ in range(PENDING))


def _lines(chance: random.Random, sold: Sequence[Product], weights: Sequence[float]) -> tuple[Line, ...]:
    wanted = chance.choices((1, 2, 3, 4, 6), (38, 30, 18, 10, 4))[0]
    chosen = {product.id: product for product in chance.choices(sold, weights, k=wanted)}
    return tuple(Line(product, _quantity(chance, product.price)) for product in chosen.values())


def _quantity(chance: random.Random, price: Decimal) -> int:
    if price > 60:
        return 1
    return chance.randint(1, 3) if price > 15 else chance.choice((1, 2, 2, 4, 5, 6))


def _happenings(
    chance: random.Random, placed_at: datetime, staff: Sequence[UUID], now: datetime, *, is_new: bool
) -> Iterator[Happening]:
    """Yield what has happened to an order by ``now``."""
    yield Happening("placed", chance.choice(staff), placed_at)
    if is_new:
        return
    steps = [("processing", timedelta(minutes=chance.uniform(4, 150)))]
    if chance.random() < CANCELLED:
        steps = [("cancelled", timedelta(hours=chance.uniform(1, 9)))]
    else:
        steps.append(("shipped", timedelta(hours=chance.uniform(5, 34))))
        steps.append(("delivered", timedelta(hours=chance.uniform(18, 60))))
    at = placed_at
    for event, later in steps:
        at += later
        if at >= now:
            return
        yield Happening(event, chance.choice(staff[:2]), at)
