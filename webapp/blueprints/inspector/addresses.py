"""What of a table is shown, as it stands in the address: the address is all the state that the Inspector has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import quote, unquote

from werkzeug.datastructures import MultiDict
from werkzeug.routing import BaseConverter

from webapp.inspector import filters
from webapp.inspector.browse import LIMIT, View, Which
from webapp.inspector.filters import BadFilter
from webapp.inspector.findings import COMMANDS, Command
from webapp.inspector.rows import BadKey
from webapp.web.typed import printable

NOWHERE: Final = "This page of the list begins nowhere. Go back to the first."
MOST_ROWS: Final = 200  # of a page as JSON


class NameConverter(BaseConverter):
    """Take any name that Postgres allows as one part of an address: slashes and dots in it are escaped twice."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """Return the name."""
        return unquote(value)

    def to_url(self, value: Any) -> str:
        """Return the name as it stands in an address; browsers would resolve "." and ".." themselves."""
        escaped = str(value).replace("%", "%25").replace("/", "%2F")
        return quote(escaped.replace(".", "%2E") if escaped in (".", "..") else escaped, safe="")


@dataclass(frozen=True, slots=True)
class Address:
    """Hold what an address of a table says, as it was written; ``view`` and ``key`` read it.

    ``who`` is "other" where the reason is asked of the second person.
    """

    schema: str
    table: str
    seen_as: str = ""
    other: str = ""
    filters: tuple[str, ...] = ()
    order: str = ""
    show: str = ""
    after: str = ""
    before: str = ""
    limit: str = ""
    row: str = ""
    command: str = ""
    who: str = ""

    @classmethod
    def read(cls, schema: str, table: str, args: MultiDict[str, str]) -> Address:
        """Return what the arguments of an address say."""
        single = {field: args.get(name, "") for field, name in _NAMES.items()}
        single["order"] = printable(single["order"])
        typed = tuple(printable(text) for text in args.getlist("f") if text.strip())
        return cls(schema, table, filters=tuple(dict.fromkeys(typed)), **single)

    def but(self, **changes: Any) -> dict[str, Any]:
        """Return the arguments of the address with these changes."""
        changed = replace(self, **changes)
        found: dict[str, Any] = {"schema": changed.schema, "table": changed.table}
        found |= {name: value for field, name in _NAMES.items() if (value := getattr(changed, field))}
        return found | ({"f": list(changed.filters)} if changed.filters else {})

    def rows(self, **changes: Any) -> dict[str, Any]:
        """Return the arguments of the list with these changes: its first page, with no row open."""
        return self.but(**({"after": "", "before": "", "row": "", "command": "", "who": ""} | changes))

    def without(self, text: str) -> dict[str, Any]:
        """Return the arguments of the list without one of its filters."""
        return self.rows(filters=tuple(typed for typed in self.filters if typed != text))

    def view(self) -> View:
        """Return the page of rows that is meant. Raises BadFilter."""
        which = self.show if self.show in get_args(Which) else "all"
        if not self.other and which not in ("all", "visible", "hidden"):
            which = "all"
        limit = int(self.limit[:9]) if self.limit.isascii() and self.limit.isdecimal() else LIMIT
        return View(
            tuple(filters.parse(text) for text in self.filters),
            filters.order(self.order) if self.order else None,
            which,  # type: ignore[arg-type]  # one of Which, as was asked above
            _place(self.after),
            _place(self.before) if not self.after else None,
            max(1, min(limit, MOST_ROWS)),
        )

    def do(self) -> Command:
        """Return the command that is asked about; reading, where the address names none."""
        return next((command for command in COMMANDS if command == self.command), "select")

    def parsed_key(self) -> dict[str, Any] | None:
        """Return the object that names the row, or None where a bare value does. Raises BadKey for neither."""
        try:
            found = json.loads(self.row)
        except (ValueError, RecursionError):
            return None
        if isinstance(found, dict) and any(isinstance(value, dict | list) for value in found.values()):
            raise BadKey('A row is named by the text of each column of its key, such as {"id": "7"}.')
        return found if isinstance(found, dict) else None


_NAMES: Final[Mapping[str, str]] = {
    "seen_as": "as",
    "other": "with",
    "order": "order",
    "show": "show",
    "after": "after",
    "before": "before",
    "limit": "limit",
    "row": "row",
    "command": "do",
    "who": "who",
}


def place(values: Sequence[str | None] | None) -> str:
    """Return what orders a row as it stands in an address; nothing for none."""
    return "" if values is None else json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


def key(values: Mapping[str, str | None]) -> str:
    """Return what names a row as it stands in an address."""
    return json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"))


def _place(text: str) -> tuple[str | None, ...] | None:
    if not text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFilter(NOWHERE) from None
    if not isinstance(found, list) or not all(value is None or isinstance(value, str) for value in found):
        raise BadFilter(NOWHERE)
    if any("\0" in value for value in found if value):
        raise BadFilter(NOWHERE)
    return tuple(found)
