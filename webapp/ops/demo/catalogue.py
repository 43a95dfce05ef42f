"""Turn families of products into rows: the same ones each time, as old as the moment they are made for."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

ARCHIVED: Final = 0.07  # of all products
OUT_OF_STOCK: Final = 0.03
LOW: Final = 0.08
LATEST: Final = (2, 5, 5, 5, 12, 38, 64, 190, 300)  # minutes ago, of the last changes
ENDINGS: Final = (Decimal("0.95"), Decimal("0.50"), Decimal("0.45"), Decimal("0.90"), Decimal("0.20"))


@dataclass(frozen=True, slots=True)
class Family:
    """Hold products of one kind: ``name`` has ``{}`` where the size goes, and sizes grow dearer from first to last."""

    name: str
    sizes: tuple[str, ...]
    cheapest: Decimal
    dearest: Decimal
    description: str


def families(text: str) -> tuple[Family, ...]:
    """Read families: a line of name, cheapest and dearest price, then, indented, sizes, and ``>`` a description."""
    found: list[Family] = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, *lines = block.split("\n")
        name, cheapest, dearest = head.split(" | ")
        told = " ".join(line.removeprefix("  > ") for line in lines if line.startswith("  > "))
        sizes = " ".join(line.strip() for line in lines if not line.startswith("  > "))
        found.append(Family(name, tuple(sizes.split("; ")), Decimal(cheapest), Decimal(dearest), told))
    return tuple(found)


class Product(NamedTuple):
    """Hold one row of ``public.products``, without its organisation."""

    id: UUID
    name: str
    description: str
    price: Decimal
    sku: str
    stock: int
    is_active: bool
    created_at: datetime
    updated_at: datetime


def products(prefix: str, families: Sequence[Family], now: datetime) -> Iterator[Product]:
    """Yield the products of ``families``, numbered from ``prefix``-1001 on; the same but for their times."""
    chance = random.Random(prefix)  # noqa: S311 - it makes goods, not secrets
    articles = [(family, place) for family in families for place in range(len(family.sizes))]
    latest = dict(zip(chance.sample(range(len(articles)), len(LATEST)), LATEST, strict=True))
    for number, (family, place) in enumerate(articles):
        price = _price(chance, family, place)
        created = now - timedelta(days=chance.uniform(20, 365))
        updated = created + (now - created) * min(1.0, chance.betavariate(1.2, 0.8)) - timedelta(hours=7)
        if number in latest:
            updated = now - timedelta(minutes=latest[number], seconds=chance.uniform(0, 20))
        yield Product(
            id=time_ordered_id(chance, created),
            name=family.name.format(family.sizes[place]),
            description=family.description,
            price=price,
            sku=f"{prefix}-{1001 + number}",
            stock=_stock(chance, price),
            is_active=number in latest or chance.random() >= ARCHIVED,
            created_at=created,
            updated_at=max(created, updated),
        )


def _price(chance: random.Random, family: Family, place: int) -> Decimal:
    if place == 0:
        return family.cheapest
    if place == len(family.sizes) - 1:
        return family.dearest
    share = Decimal(place) / (len(family.sizes) - 1)
    amount = family.cheapest + (family.dearest - family.cheapest) * share
    return max(family.cheapest, Decimal(int(amount)) + chance.choice(ENDINGS))


def _stock(chance: random.Random, price: Decimal) -> int:
    kind = chance.random()
    if kind < OUT_OF_STOCK:
        return 0
    if kind < OUT_OF_STOCK + LOW:
        return chance.randint(1, 10)
    return chance.randint(11, 40 if price > 50 else 140 if price > 15 else 480)


def time_ordered_id(chance: random.Random, moment: datetime) -> UUID:
    """Return a UUID of version 7 for ``moment`` (RFC 9562, section 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62))
