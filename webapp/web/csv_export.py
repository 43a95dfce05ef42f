"""What a cell of an exported file may hold, so that a spreadsheet shows it and never runs it.

The files are UTF-8 with a byte order mark, without which Excel takes them for the system's own encoding; commas
between the cells, a point in figures, moments in UTC as ISO 8601 writes them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, case, func, literal_column
from sqlalchemy.orm import InstrumentedAttribute

BOM: Final = b"\xef\xbb\xbf"

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"). Apostrophes in front count as well:
# else a text that really begins with '= would lose its apostrophe on the way back.
_RISKY: Final = r"'*[=+@\t\r\n-]"
_BEGINS: Final = re.compile(_RISKY)
_ESCAPED: Final = re.compile(rf"'{_RISKY}")


def escaped(text: str) -> str:
    """Return the text of a cell with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _BEGINS.match(text) else text


def unescaped(text: str) -> str:
    """Return the text that ``escaped`` has made this cell of; a cell that it would not have made is left alone."""
    return text[1:] if _ESCAPED.match(text) else text


def cell(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """Return the SQL of a text as a cell: what ``escaped`` does, in the database."""
    risky = column.regexp_match(literal_column(f"'^{_RISKY.replace(chr(39), chr(39) * 2)}'", Text()))
    return case((risky, literal_column("''''", Text()) + column), else_=column)


def moment(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """Return the SQL of a moment as a cell: ``2026-11-21T09:30:00Z``, whatever zone the session has."""
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS"Z"', type_=Text())
