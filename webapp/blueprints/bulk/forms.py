"""Which products a change is for, what it is, and what is wrong with what was asked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from werkzeug.datastructures import MultiDict

from webapp.models import ChangeKind
from webapp.web import catalogue
from webapp.web.catalogue import Narrowing
from webapp.web.typed import printable

MOST_CHOSEN: Final = 100  # products that are named one by one: they stand in an address, and a page has fewer
MOST_UP: Final = Decimal(1000)  # percent, as the table checks them
MOST_DOWN: Final = Decimal("99.99")

_PERCENT: Final = re.compile(r"([0-9]{1,4})(?:[.,]([0-9]{1,2}))?\s*%?")


class BadRequest(ValueError):
    """Say that a request is none that a page of ours sends."""


class NotAPercentage(ValueError):
    """Say, in a sentence for the person who typed it, why a text is no percentage that prices could change by."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Hold the products that are meant: those named one by one, or all that ``narrowing`` finds."""

    ids: tuple[UUID, ...] = ()
    narrowing: Narrowing | None = None

    def fields(self) -> list[tuple[str, str]]:
        """Return the selection as fields of a form, or arguments of an address."""
        if self.narrowing is None:
            return [("product", str(product)) for product in self.ids]
        return [("all", "1"), *self.narrowing.args().items()]

    def __bool__(self) -> bool:
        return bool(self.ids) or self.narrowing is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold a change as somebody asks for it.

    ``percent`` is what prices change by, below zero where they fall; None while there is none that could be applied, in
    which case ``errors`` says why if something was typed. ``seen`` is what the preview said that would happen; empty
    where there was none. ``key`` is made with the form: sent twice, it makes one change.
    """

    kind: ChangeKind
    selection: Selection
    key: UUID | None = None
    typed: str = ""
    falls: bool = False
    percent: Decimal | None = None
    seen: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Tell whether it could be applied."""
        return bool(self.selection) and (self.kind != ChangeKind.PRICE or self.percent is not None)

    @property
    def needs_a_look(self) -> bool:
        """Tell whether its page has to be looked at first: prices, and what was not chosen one by one."""
        return not self.seen and (self.kind == ChangeKind.PRICE or self.selection.narrowing is not None)

    @property
    def change_id(self) -> UUID:
        """Return the id of this change: the same for the same form sent twice, another where something is another."""
        if self.key is None:
            raise BadRequest("The form has no key.")
        return uuid5(self.key, repr((self.kind.value, self.percent, sorted(self.selection.fields()))))

    def args(self) -> list[tuple[str, str]]:
        """Return the change as arguments of the address of its page."""
        found = [("do", self.kind.value), *self.selection.fields()]
        if self.kind == ChangeKind.PRICE and self.typed:
            found += [("way", "down" if self.falls else "up"), ("percent", self.typed)]
        return found

    def again(self, key: UUID) -> Wanted:
        """Return the same change as a form that has not been sent."""
        return replace(self, key=key, seen="")


def read(form: MultiDict[str, str], currency: str) -> Wanted:
    """Return the change that a form or an address asks for. Raises BadRequest."""
    try:
        kind = ChangeKind(form.get("do", ""))
        chosen = tuple(dict.fromkeys(UUID(value) for value in form.getlist("product")))
        key = UUID(form["key"]) if "key" in form else None
    except ValueError as exc:
        raise BadRequest(str(exc)) from exc
    if len(chosen) > MOST_CHOSEN:
        raise BadRequest("too many products by name")
    if "all" in form:
        narrowing, errors = catalogue.read(form, currency)
        if errors:
            raise BadRequest("a bound that no list of ours would send")
        selection = Selection(narrowing=narrowing)
    else:
        selection = Selection(chosen)
    wanted = Wanted(kind, selection, key=key, seen=form.get("seen", ""))
    return _with_percent(wanted, form) if kind == ChangeKind.PRICE else wanted


def _with_percent(wanted: Wanted, form: MultiDict[str, Any]) -> Wanted:
    typed = printable(form.get("percent", ""))[:20]
    wanted = replace(wanted, typed=typed, falls=form.get("way") == "down")
    plain = unicodedata.normalize("NFKC", typed).strip()
    if not plain:
        return wanted
    try:
        percent = percentage(plain)
        if wanted.falls and percent > MOST_DOWN:
            raise NotAPercentage(f"Prices can fall by {MOST_DOWN} % at most.")
    except NotAPercentage as exc:
        return replace(wanted, errors={"percent": str(exc)})
    return replace(wanted, percent=-percent if wanted.falls else percent)


def percentage(text: str) -> Decimal:
    """Return the percentage that ``text`` means, more than 0 and up to 1000; raises NotAPercentage."""
    if text[0] in "+-−‒–":
        raise NotAPercentage("Write the percentage without a sign, and choose whether prices rise or fall.")
    found = _PERCENT.fullmatch(text)
    if found is None:
        raise NotAPercentage("Write a percentage with two decimals at most, such as 5 or 2.5.")
    percent = Decimal(f"{found[1]}.{found[2] or 0}")
    if not percent:
        raise NotAPercentage("Write a percentage above 0.")
    if percent > MOST_UP:
        raise NotAPercentage(f"Prices can rise by {MOST_UP} % at most.")
    return percent
