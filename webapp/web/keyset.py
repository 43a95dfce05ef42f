"""Keyset paging: a place in an ordered list as a text for the address."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from webapp.web import amounts

LONGEST_CURSOR: Final = 2_000  # characters; a name of 200 takes up to 1,200 as JSON, and a third more as base64
LONGEST_TEXT: Final = 200

Value = str | Decimal | int | datetime


class BadCursor(ValueError):
    """Say that a page of a list is named by a text that this list never made."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Name a row by what orders it: the value of the sorted column, and the id that breaks ties.

    It names a place, not a row: where the row is gone or has changed, the page begins with what comes after.
    """

    value: Value
    id: UUID

    def token(self, order: str) -> str:
        """Return the cursor as a text for the address, of no use to a list in another ``order``."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else str(self.value)
        return base64.urlsafe_b64encode(json.dumps([order, value, self.id.hex]).encode()).rstrip(b"=").decode()

    @classmethod
    def read(cls, token: str, order: str, value_of: Callable[[str], Value]) -> Cursor:
        """Return the cursor of a token that was made for the same order. Raises BadCursor for any other text.

        ``value_of`` reads the value from its text, as ``text``, ``amount``, ``pieces`` and ``moment`` below do.
        """
        try:
            if len(token) > LONGEST_CURSOR:
                raise BadCursor(token[:20])
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
            made_for, value, row = json.loads(raw)
            if made_for != order or not isinstance(value, str) or not isinstance(row, str):
                raise BadCursor(token)
            return cls(value_of(value), UUID(row))
        except (ValueError, TypeError, InvalidOperation, RecursionError) as exc:
            raise BadCursor(token) from exc


def text(value: str) -> str:
    """Return the text of a cursor. Raises BadCursor for one that no row has."""
    if len(value) > LONGEST_TEXT or any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise BadCursor(value)
    return value


def amount(value: str) -> Decimal:
    """Return the amount of a cursor. Raises BadCursor for one that no row has."""
    found = Decimal(value)
    if not found.is_finite() or not 0 <= found <= amounts.MOST or found != round(found, 2):
        raise BadCursor(value)
    return found


def pieces(value: str) -> int:
    """Return the count of a cursor. Raises BadCursor for one that no row has."""
    count = int(value) if len(value) <= len(str(amounts.MOST_PIECES)) else -1
    if not 0 <= count <= amounts.MOST_PIECES:
        raise BadCursor(value)
    return count


def moment(value: str) -> datetime:
    """Return the moment of a cursor, with its zone. Raises BadCursor for one without."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise BadCursor(value)
    return found
