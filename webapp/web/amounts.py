"""Read amounts and counts as people type them, and refuse what could mean two things."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from babel.numbers import UnknownCurrencyError, get_currency_symbol

MOST: Final = Decimal("9999999999.99")  # numeric(12,2)
MOST_PIECES: Final = 2_147_483_647  # integer
LONGEST: Final = 40  # characters; nobody's price has more

WRITE_AN_AMOUNT: Final = "Write an amount, such as 12.80."
WRITE_A_COUNT: Final = "Write a whole number, such as 12."

_MINUS: Final = ("-", "−", "‒", "–")
_CURRENCY: Final = r"[^\s\d.,'’+\-]+"
_AMOUNT: Final = re.compile(rf"({_CURRENCY})?\s*([0-9.,'’\s]*[0-9])\s*({_CURRENCY})?")
_GAP: Final = re.compile(r"(?<=[0-9])[\s'’](?=[0-9])")
# Thousands set apart by spaces, in threes; before the last three also in twos, as in India.
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{2,3})* [0-9]{3}|[0-9]+")
_LOCALES: Final = ("en_GB", "en_US", "cs", "da", "de", "hu", "nb", "pl", "sv")
_SIGNS: Final = frozenset("€$£¥₹₽₺₩₴₪₫฿")


class NotAnAmount(ValueError):
    """Say, in a sentence for the person who typed it, why a text is no amount or count."""


def price(text: str, currency: str) -> Decimal:
    """Return the amount that ``text`` means, with two decimals; raises NotAnAmount.

    A point or a comma may be the decimal sign; the other one, a space or an apostrophe may set thousands apart; the
    organisation's own currency may stand beside it. ``1,234`` is refused: half of the world reads it as 1.234.
    """
    typed = _plain(text, WRITE_AN_AMOUNT)
    if not typed:
        raise NotAnAmount("Give a price; 0 if it costs nothing.")
    if typed.startswith(_MINUS):
        raise NotAnAmount("A price can't be below zero.")
    found = _AMOUNT.fullmatch(typed)
    if found is None or (found[1] and found[3]):
        raise NotAnAmount(WRITE_AN_AMOUNT)
    beside = found[1] or found[3]
    if beside and beside.upper() not in _names(currency):
        foreign = not _SIGNS.isdisjoint(beside) or re.fullmatch("[A-Z]{3}", beside)
        raise NotAnAmount(f"Prices here are in {currency}: write the amount in it." if foreign else WRITE_AN_AMOUNT)
    whole, decimals = _halves(_GAP.sub(" ", found[2]))
    if len(decimals) > 2:
        raise NotAnAmount("Use two decimals at most, such as 12.80.")
    amount = Decimal(f"{whole}.{decimals or '0'}")
    if amount > MOST:
        raise NotAnAmount(f"The highest price is {MOST:,}.")
    return amount.quantize(Decimal("0.01"))


def pieces(text: str) -> int:
    """Return the whole number that ``text`` means, from 0 to 2,147,483,647; raises NotAnAmount.

    A comma or a point before three digits sets thousands apart: there are no parts of a piece.
    """
    typed = _plain(text, WRITE_A_COUNT)
    if not typed:
        raise NotAnAmount("Say how many there are; 0 if there are none.")
    if typed.startswith(_MINUS):
        raise NotAnAmount("Stock can't be below zero.")
    together = _GAP.sub(" ", typed)
    for sign in ",.":
        spaced = together.replace(sign, " ")
        if " " not in together and _GROUPED.fullmatch(spaced):
            together = spaced
    if not _GROUPED.fullmatch(together):
        parts = re.fullmatch(r"[0-9 ]+[.,][0-9]+", together)
        raise NotAnAmount("Stock is counted in whole pieces." if parts else WRITE_A_COUNT)
    count = int(together.replace(" ", ""))
    if count > MOST_PIECES:
        raise NotAnAmount(f"The highest stock is {MOST_PIECES:,}.")
    return count


def _plain(text: str, complaint: str) -> str:
    if len(text) > LONGEST:
        raise NotAnAmount(complaint)
    # NFKC turns full-width digits and non-breaking spaces into plain ones.
    return unicodedata.normalize("NFKC", text).strip()


def _names(currency: str) -> frozenset[str]:
    """Return how people write the currency: its code, and its signs, both "US$" and "$"."""
    try:
        signs = {get_currency_symbol(currency, locale) for locale in _LOCALES}
    except UnknownCurrencyError:
        signs = set()
    bare = {char for sign in signs for char in sign if char in _SIGNS}
    return frozenset(unicodedata.normalize("NFKC", name).upper().rstrip(".") for name in {currency, *signs, *bare})


def _halves(body: str) -> tuple[str, str]:
    """Return the digits before and after the decimal sign of a text of digits, points, commas and spaces."""
    signs = re.sub("[^.,]", "", body)
    if len(signs) > 1 and len(set(signs)) == 1:  # the same sign twice: thousands, and no decimals
        whole, decimals, grouping = body, "", signs[0]
    elif signs:
        whole, _, decimals = body.rpartition(signs[-1])
        grouping = signs[0] if len(signs) > 1 else " "
        if grouping == " " and len(decimals) == 3 and re.fullmatch("[1-9][0-9]{0,2}", whole):
            raise NotAnAmount(
                f"{body} could mean {whole}{decimals}.00 or {whole}.{decimals[:2]}. Write it with two decimals."
            )
        whole = whole or "0"
    else:
        whole, decimals, grouping = body, "", " "
    # One kind of separator: 1,234 567.00 is no number. Signs of the other kind are left, and no group matches them.
    if grouping != " " and " " in whole:
        raise NotAnAmount(WRITE_AN_AMOUNT)
    whole = whole.replace(grouping, " ")
    if not _GROUPED.fullmatch(whole) or not re.fullmatch("[0-9]*", decimals):
        raise NotAnAmount(WRITE_AN_AMOUNT)
    return whole.replace(" ", ""), decimals
