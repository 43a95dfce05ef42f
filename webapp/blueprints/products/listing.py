"""The state of the list, as it stands in its address: what is shown, in which order, from which row on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from webapp.web import catalogue, keyset
from webapp.web.catalogue import Narrowing, Show
from webapp.web.keyset import Cursor, Value


class Sort(StrEnum):
    """Name the columns that order the list."""

    NAME = "name"
    SKU = "sku"
    STOCK = "stock"
    PRICE = "price"
    CHANGED = "changed"


VALUES: Final[Mapping[Sort, Callable[[str], Value]]] = {
    Sort.NAME: keyset.text,
    Sort.SKU: keyset.text,
    Sort.STOCK: keyset.pieces,
    Sort.PRICE: keyset.amount,
    Sort.CHANGED: keyset.moment,
}


@dataclass(frozen=True, slots=True)
class Listing(Narrowing):
    """Hold one state of the list."""

    sort: Sort = Sort.CHANGED
    descending: bool = True
    after: Cursor | None = None
    before: Cursor | None = None

    def args(self) -> dict[str, Any]:
        """Return the state as arguments of an address; what is usual is left out."""
        order = ("-" if self.descending else "") + self.sort
        found = {
            "sort": order if order != "-changed" else "",
            "after": self.after.token(self.sort) if self.after else "",
            "before": self.before.token(self.sort) if self.before else "",
        }
        return Narrowing.args(self) | {name: value for name, value in found.items() if value}

    def narrowing(self) -> dict[str, Any]:
        """Return the arguments of what is listed alone, in whatever order and from wherever on."""
        return Narrowing.args(self)

    def exported(self) -> dict[str, Any]:
        """Return the arguments of all that is listed, in its order, from the first row on."""
        return replace(self, after=None, before=None).args()

    def showing(self, show: Show) -> dict[str, Any]:
        """Return the arguments of another tab."""
        return replace(self, show=show, after=None, before=None).args()

    def sorted_by(self, sort: Sort) -> dict[str, Any]:
        """Return the arguments of another order; the other way round where it is the present one."""
        descending = not self.descending if sort == self.sort else sort == Sort.CHANGED
        return replace(self, sort=sort, descending=descending, after=None, before=None).args()

    def priced(self, low: Decimal | None = None, high: Decimal | None = None) -> dict[str, Any]:
        """Return the arguments with other bounds of the price, or with none."""
        return replace(self, low=low, high=high, after=None, before=None).args()

    def page(self, *, after: Cursor | None = None, before: Cursor | None = None) -> dict[str, Any]:
        """Return the arguments of the page that begins after a row or ends before one; the first page without."""
        return replace(self, after=after, before=before).args()

    def unsearched(self) -> dict[str, Any]:
        """Return the arguments of the same tab and order with nothing narrowed."""
        return Listing(self.show, sort=self.sort, descending=self.descending).args()

    def direction(self, sort: Sort) -> str | None:
        """Return the value of ``aria-sort`` for a column, or None where another one orders the list."""
        if sort != self.sort:
            return None
        return "descending" if self.descending else "ascending"


def read(args: Mapping[str, str], currency: str) -> tuple[Listing, dict[str, str]]:
    """Return the state that an address names, and what is wrong with its bounds, by argument.

    A tab or an order that does not exist is the usual one; a bound that is wrong does not bind. Raises BadCursor.
    """
    wanted, errors = catalogue.read(args, currency)
    order = args.get("sort", "")
    known = order.removeprefix("-") in set(Sort)
    sort = Sort(order.removeprefix("-")) if known else Sort.CHANGED
    after, before = args.get("after"), args.get("before")
    listing = Listing(
        show=wanted.show,
        search=wanted.search,
        low=wanted.low,
        high=wanted.high,
        sort=sort,
        descending=order.startswith("-") if known else True,
        after=Cursor.read(after, sort, VALUES[sort]) if after else None,
        before=Cursor.read(before, sort, VALUES[sort]) if before and not after else None,
    )
    return listing, errors
