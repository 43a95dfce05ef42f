"""The state of the list, as it stands in its address: which orders are shown, and from which one on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from webapp.web import keyset
from webapp.web.keyset import Cursor

LONGEST_SEARCH: Final = 100  # characters
ORDER: Final = "placed"  # the list has one order, newest first; its cursors carry the name all the same
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)

WRITE_A_DAY: Final = "Write a day of the calendar, such as 2026-11-21."
NOT_BEFORE: Final = "Choose a day that is not before the first."

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER: Final = re.compile(r"#?\s*([0-9]{1,9})")


class Show(StrEnum):
    """Name the tabs: every order, or those of one status."""

    ALL = "all"
    PENDING = "pending"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Listing:
    """Hold one state of the list. ``first`` and ``last`` are days in UTC, both included."""

    show: Show = Show.ALL
    search: str = ""
    first: date | None = None
    last: date | None = None
    after: Cursor | None = None
    before: Cursor | None = None

    @property
    def number(self) -> int | None:
        """Return the order's number that was searched for, or None where the search is none."""
        found = _NUMBER.fullmatch(self.search)
        return int(found[1]) if found else None

    @property
    def since(self) -> datetime | None:
        """Return the moment from which on orders are shown."""
        return datetime.combine(self.first, time(), UTC) if self.first else None

    @property
    def until(self) -> datetime | None:
        """Return the moment before which orders are shown."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC) if self.last else None

    @property
    def is_narrowed(self) -> bool:
        """Tell whether more than a tab narrows the list."""
        return bool(self.search) or self.first is not None or self.last is not None

    def args(self) -> dict[str, Any]:
        """Return the state as arguments of an address; what is usual is left out."""
        found = {
            "show": self.show if self.show != Show.ALL else "",
            "q": self.search,
            "from": self.first or "",
            "to": self.last or "",
            "after": self.after.token(ORDER) if self.after else "",
            "before": self.before.token(ORDER) if self.before else "",
        }
        return {name: str(value) for name, value in found.items() if value}

    def exported(self) -> dict[str, Any]:
        """Return the arguments of all that is listed, from the first order on."""
        return replace(self, after=None, before=None).args()

    def showing(self, show: Show) -> dict[str, Any]:
        """Return the arguments of another tab."""
        return replace(self, show=show, after=None, before=None).args()

    def placed(self, first: date | None = None, last: date | None = None) -> dict[str, Any]:
        """Return the arguments with other days, or with all of them."""
        return replace(self, first=first, last=last, after=None, before=None).args()

    def page(self, *, after: Cursor | None = None, before: Cursor | None = None) -> dict[str, Any]:
        """Return the arguments of the page that begins after an order or ends before one; the first page without."""
        return replace(self, after=after, before=before).args()

    def unsearched(self) -> dict[str, Any]:
        """Return the arguments of the same tab with nothing narrowed."""
        return Listing(self.show).args()


def read(args: Mapping[str, str]) -> tuple[Listing, dict[str, str]]:
    """Return the state that an address names, and what is wrong with its days, by argument.

    A tab that does not exist is the usual one; a day that is wrong does not bind. Raises BadCursor.
    """
    errors: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        typed = args.get(name, "").strip()
        days[name] = _day(typed)
        if typed and days[name] is None:
            errors[name] = WRITE_A_DAY
    first, last = days["from"], days["to"]
    if first is not None and last is not None and first > last:
        errors["to"] = NOT_BEFORE
        last = None
    after, before = args.get("after"), args.get("before")
    listing = Listing(
        show=Show(args["show"]) if args.get("show") in set(Show) else Show.ALL,
        search=_search(args.get("q", "")),
        first=first,
        last=last,
        after=Cursor.read(after, ORDER, keyset.moment) if after else None,
        before=Cursor.read(before, ORDER, keyset.moment) if before and not after else None,
    )
    return listing, errors


def spans(today: date) -> dict[str, tuple[date, date]]:
    """Return the spans of days that the filter offers ready-made."""
    month = today.replace(day=1)
    return {
        "Today": (today, today),
        "Last 7 days": (today - timedelta(days=6), today),
        "Last 30 days": (today - timedelta(days=29), today),
        "This month": (month, today),
        "Last month": ((month - timedelta(days=1)).replace(day=1), month - timedelta(days=1)),
    }


def _day(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed) if _DAY.fullmatch(typed) else None
    except ValueError:
        return None
    return day if day and FIRST_DAY <= day <= LAST_DAY else None


def _search(typed: str) -> str:
    plain = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in typed[: 2 * LONGEST_SEARCH])
    return " ".join(unicodedata.normalize("NFC", plain).split())[:LONGEST_SEARCH].strip()
