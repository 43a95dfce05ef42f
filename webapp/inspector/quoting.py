"""Names and printed SQL as parts of a query that psycopg looks through for placeholders: there % is written %%."""

from __future__ import annotations

import re
from collections.abc import Callable

from psycopg import sql

_MARK = re.compile(r"%%|%s|%\((?P<name>[^)]*)\)s")


def name(*parts: str) -> sql.Identifier:
    """Return a name, quoted; of several parts a qualified one. psycopg leaves a % in it as it is."""
    return sql.Identifier(*(part.replace("%", "%%") for part in parts))


def raw(text: str) -> sql.SQL:
    """Return SQL that Postgres printed, to be put between what psycopg quotes."""
    return sql.SQL(text.replace("%", "%%"))


def is_text(value: str) -> bool:
    """Tell whether Postgres can hold a text: without NUL, and without half a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def fill(query: str, value_of: Callable[[str | int], str]) -> str:
    """Return a query with its placeholders replaced by what ``value_of`` gives for their name or number."""
    count = -1

    def replaced(mark: re.Match[str]) -> str:
        nonlocal count
        if mark[0] == "%%":
            return "%"
        if mark["name"] is not None:
            return value_of(mark["name"])
        count += 1
        return value_of(count)

    return _MARK.sub(replaced, query)


def named_marks(query: str, prefix: str) -> str:
    """Return a query whose placeholders %s have become names: ``prefix`` with the number of each."""
    count = -1

    def named(mark: re.Match[str]) -> str:
        nonlocal count
        if mark[0] != "%s":
            return mark[0]
        count += 1
        return f"%({prefix}{count})s"

    return _MARK.sub(named, query)
