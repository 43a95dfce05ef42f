"""Which products are meant: the tab, the words and the bounds that a list, an export and a change of many share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, literal_column

from webapp.models import LOW_STOCK, Product
from webapp.web import amounts

LONGEST_SEARCH: Final = 100  # characters
MOST_WORDS: Final = 10
ARGUMENTS: Final = ("show", "q", "min", "max")

_WORD: Final = re.compile(r"[^\W_]+")  # as the table's search column is cut


class Show(StrEnum):
    """Name the tabs."""

    ALL = "all"
    ACTIVE = "active"
    LOW = "low"
    ARCHIVED = "archived"


_SHOWN: Final[Mapping[Show, tuple[ColumnElement[bool], ...]]] = {
    Show.ALL: (),
    Show.ACTIVE: (Product.is_active.is_(True),),
    Show.LOW: (and_(Product.is_active, Product.stock <= LOW_STOCK),),
    Show.ARCHIVED: (Product.is_active.is_(False),),
}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Hold what products must have in common. ``low`` and ``high`` bound the price, both included."""

    show: Show = Show.ALL
    search: str = ""
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words that each product must have one beginning with: runs of letters and digits."""
        return tuple(_WORD.findall(self.search)[:MOST_WORDS])

    @property
    def is_narrowed(self) -> bool:
        """Tell whether more than a tab narrows the list."""
        return bool(self.search) or self.low is not None or self.high is not None

    def args(self) -> dict[str, Any]:
        """Return the state as arguments of an address; what is usual is left out."""
        found = {
            "show": self.show if self.show != Show.ALL else "",
            "q": self.search,
            "min": _written(self.low),
            "max": _written(self.high),
        }
        return {name: str(value) for name, value in found.items() if value}


def read(args: Mapping[str, str], currency: str) -> tuple[Narrowing, dict[str, str]]:
    """Return what an address narrows to, and what is wrong with its bounds, by argument.

    A tab that does not exist is the usual one; a bound that is wrong does not bind.
    """
    errors: dict[str, str] = {}
    bounds: dict[str, Decimal | None] = {"min": None, "max": None}
    for name in bounds:
        if args.get(name, "").strip():
            try:
                bounds[name] = amounts.price(args[name], currency)
            except amounts.NotAnAmount as exc:
                errors[name] = str(exc)
    low, high = bounds["min"], bounds["max"]
    if low is not None and high is not None and low > high:
        errors["max"] = "Write an amount that is not below the first."
        high = None
    show = Show(args["show"]) if args.get("show") in set(Show) else Show.ALL
    return Narrowing(show, _search(args.get("q", "")), low, high), errors


def matching(org_id: UUID, wanted: Narrowing) -> list[ColumnElement[bool]]:
    """Return the conditions that the products of an organisation meet which ``wanted`` names."""
    conditions = [Product.org_id == org_id, *_SHOWN[wanted.show]]
    if wanted.low is not None:
        conditions.append(Product.price >= wanted.low)
    if wanted.high is not None:
        conditions.append(Product.price <= wanted.high)
    if wanted.search and not wanted.words:
        conditions.append(false())  # nothing was asked for that a product could have
    elif wanted.words:
        words = func.to_tsquery(literal_column("'simple'::regconfig"), tsquery(wanted.words))
        conditions.append(Product.search.bool_op("@@")(words))
    return conditions


def tsquery(words: tuple[str, ...]) -> str:
    """Return the text for to_tsquery() in which each word may go on (manual, section 12.3.2).

    The words are letters and digits alone, so nothing in them is an operator.
    """
    return " & ".join(f"'{word}':*" for word in words)


def _search(typed: str) -> str:
    plain = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in typed[: 2 * LONGEST_SEARCH])
    return " ".join(unicodedata.normalize("NFC", plain).split())[:LONGEST_SEARCH].strip()


def _written(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}".removesuffix(".00")
