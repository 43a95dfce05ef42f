"""Write money, numbers and times as the viewer is used to reading them; the words around them are English."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_currency, format_decimal
from flask import g, has_request_context, request
from markupsafe import Markup

# How figures are written, the likeliest first: a browser that asks for a language alone ("en", "pt") gets the first
# that begins with it. Only languages written with the digits 0 to 9, because the pages around them are in English.
FIGURES: Final = (
    *("en-GB", "en-US", "en-AU", "en-CA", "en-IE", "en-IN", "en-NZ", "en-ZA", "cs", "da", "de", "de-AT", "de-CH", "el"),
    *("es", "es-MX", "et", "fi", "fr", "fr-CA", "fr-CH", "hu", "id", "it", "ja", "ko", "lt", "lv", "nb", "nl", "pl"),
    *("pt", "pt-BR", "pt-PT", "ro", "sk", "sl", "sv", "tr", "uk", "vi", "zh"),
)
DEFAULT: Final = "en-GB"


def figures_locale() -> Locale:
    """Return the locale of the viewer's figures: the best of ours for Accept-Language, British English without one.

    Found once per request: a list of fifty rows asks for it more than a hundred times.
    """
    if not has_request_context():
        return Locale.parse(DEFAULT, sep="-")
    if "figures_locale" not in g:
        asked = request.accept_languages.best_match(FIGURES, default=DEFAULT)
        g.figures_locale = Locale.parse(asked, sep="-")
    found: Locale = g.figures_locale
    return found


def dates_tag() -> str:
    """Return the language tag in which dates are written: American where the viewer is, British otherwise."""
    return "en-US" if str(figures_locale()) == "en_US" else "en-GB"


def money(amount: Decimal | int, currency: str) -> str:
    """Write an amount with its currency (ISO 4217), every digit of it that is stored.

    Raises TypeError for a float: binary fractions cannot hold cents, so one that arrives here is a fault upstream.
    """
    if not isinstance(amount, Decimal | int) or isinstance(amount, bool):
        raise TypeError(f"An amount of money is a Decimal, not {type(amount).__name__}.")
    return _money(str(amount), currency, figures_locale())


# Babel parses its patterns anew for each figure, which was a fifth of the time of a list. The results depend on their
# arguments alone. An amount goes by its digits, because 1.5 and 1.50 are equal but are written differently.
@lru_cache(maxsize=8192)
def _money(digits: str, currency: str, locale: Locale) -> str:
    return format_currency(Decimal(digits), currency, locale=locale, decimal_quantization=False)


@lru_cache(maxsize=8192)
def _number(value: Decimal | float, locale: Locale) -> str:
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=8192)
def _exact(when: datetime, locale: Locale) -> str:
    return format_datetime(when, "d MMMM y, HH:mm:ss", locale=locale) + " UTC"


@lru_cache(maxsize=1024)
def _day(day: date, with_year: bool, locale: Locale) -> str:
    return format_skeleton("yMMMd" if with_year else "MMMd", day, locale=locale)


def number(value: Decimal | float) -> str:
    """Write a number with its thousands set apart, and no more than three digits after the point."""
    return _number(value, figures_locale())


def ago(when: datetime, now: datetime | None = None) -> Markup:
    """Write a moment as a <time>: how long ago as its text, the exact moment in UTC as its title.

    The script makes both local (static/js/app.js, by the same rule). Raises ValueError for a naive datetime.
    """
    if when.tzinfo is None:
        raise ValueError("A moment without a zone could be any of 38: give an aware datetime.")
    when = when.astimezone(UTC)
    locale = Locale.parse(dates_tag(), sep="-")
    exact = _exact(when.replace(microsecond=0), locale)
    text = _relative(when, (now or datetime.now(UTC)).astimezone(UTC), locale)
    stamp = when.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(stamp, exact, text)


def _relative(when: datetime, now: datetime, locale: Locale) -> str:
    distance = abs(now - when)
    past = when <= now
    days = (now.date() - when.date()).days
    if distance < timedelta(seconds=45):
        return "just now"
    if distance < timedelta(minutes=59, seconds=30):
        minutes = max(1, round(distance.total_seconds() / 60))
        return f"{minutes} min ago" if past else f"in {minutes} min"
    if days == 0 or distance < timedelta(hours=6):
        hours = round(distance.total_seconds() / 3600)
        return f"{hours} h ago" if past else f"in {hours} h"
    if abs(days) == 1:
        return "Yesterday" if past else "Tomorrow"
    return _day(when.date(), when.year != now.year, locale)
