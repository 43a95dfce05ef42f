"""What of the trail is shown, as it stands in the address of the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from webapp.web import keyset

OPERATOR: Final = "operator"  # stands in the address for whoever is no person that signed in


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold one state of the list. ``after`` and ``before`` are moments: the page begins after one or ends before it."""

    table: str = ""
    person: UUID | None = None
    by_operator: bool = False
    since: date | None = None
    until: date | None = None
    after: datetime | None = None
    before: datetime | None = None

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything is left out."""
        return bool(self.table or self.person or self.by_operator or self.since or self.until)

    @property
    def begins(self) -> datetime | None:
        """Return the first moment of the first day."""
        return _midnight(self.since) if self.since else None

    @property
    def ends(self) -> datetime | None:
        """Return the first moment after the last day."""
        return _midnight(self.until + timedelta(days=1)) if self.until and self.until < date.max else None

    def args(self) -> dict[str, Any]:
        """Return the state as arguments of an address; what is usual is left out."""
        found = {
            "table": self.table,
            "person": OPERATOR if self.by_operator else str(self.person or ""),
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "after": stamp(self.after) if self.after else "",
            "before": stamp(self.before) if self.before else "",
        }
        return {name: value for name, value in found.items() if value}

    def page(self, *, after: datetime | None = None, before: datetime | None = None) -> dict[str, Any]:
        """Return the arguments of a neighbouring page; of the first one without any."""
        return replace(self, after=after, before=before).args()


def read(args: Mapping[str, str], tables: Mapping[str, str]) -> tuple[Wanted, dict[str, str]]:
    """Return the state that an address names, and what is wrong with its days, by argument.

    ``tables`` are those that can be asked for. What does not exist narrows nothing. Raises keyset.BadCursor.
    """
    errors: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        typed = args.get(name, "").strip()
        days[name] = None
        if typed:
            try:
                days[name] = date.fromisoformat(typed)
            except ValueError:
                errors[name] = "Write a day of the calendar, such as 2026-11-21."
    since, until = days["from"], days["to"]
    if since and until and until < since:
        errors["to"] = "Choose a day that is not before the first."
        until = None
    table, person = args.get("table", ""), args.get("person", "")
    return (
        Wanted(
            table=table if table in tables else "",
            person=_id(person),
            by_operator=person == OPERATOR,
            since=since,
            until=until,
            after=moment(args["after"]) if args.get("after") else None,
            before=moment(args["before"]) if args.get("before") and not args.get("after") else None,
        ),
        errors,
    )


def stamp(at: datetime) -> str:
    """Return a moment as it stands in an address, to the microsecond."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return the moment that an address names. Raises keyset.BadCursor for what is none."""
    try:
        return keyset.moment(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise keyset.BadCursor(text) from exc


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
