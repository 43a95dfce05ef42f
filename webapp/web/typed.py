"""What people type, made fit for a page and a table, and refused where it is not, with nothing changed in secret."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from wtforms.validators import ValidationError

REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
# Controls, halves of surrogate pairs, line and paragraph separators: no page may show them, NUL enters no table.
_UNSEEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def printable(text: str | None, allowed: str = "") -> str:
    """Return a text with the replacement sign for what has no place in a page or a table, save what is ``allowed``.

    The sign is refused where the text is checked, so that nothing is saved otherwise than it was typed.
    """
    return "".join(
        REPLACED if unicodedata.category(char) in _UNSEEN and char not in allowed else char for char in text or ""
    )


def line(text: str | None) -> str:
    """Return a text on one line: whatever is blank, line breaks too, is one space between words."""
    return printable(unicodedata.normalize("NFC", " ".join((text or "").split())))


def paragraphs(text: str | None) -> str:
    """Return a text of several lines, their ends as Unix writes them."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    return printable(unicodedata.normalize("NFC", lines), allowed="\n\t")


class Text:
    """Check a text: present if it must be, not too long, nothing replaced in it."""

    def __init__(self, most: int, missing: str | None = None) -> None:
        self.most = most
        self.missing = missing
        self.field_flags = {"required": True} if missing else {}

    def __call__(self, form: Any, field: Any) -> None:
        text: str = field.data or ""
        if self.missing and not any(unicodedata.category(char)[0] not in "CZ" for char in text):
            raise ValidationError(self.missing)
        if len(text) > self.most:
            raise ValidationError(f"Use {self.most:,} characters at most; these are {len(text):,}.")
        if REPLACED in text:
            raise ValidationError(
                f"Where {REPLACED} stands was a control character, perhaps from copying. Take it out."
            )
