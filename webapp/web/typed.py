"""What people type, made fit for a page and a table, and refused where it is not, with nothing changed in secret."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from wtforms.validators import ValidationError

REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
# Controls, halves of surrogate pairs, line and paragraph separators: no page may show them, NUL enters no table.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def printable(text: str | None, allowed: str = "") -> str:
    """Return a text with the replacement sign for what has no place in a page or a table, save what is ``allowed``.

    The sign is refused where the text is checked, so that nothing is saved otherwise than it was typed.
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in allowed else REPLACED, text or "")


def line(text: str | None) -> str:
    """Return a text on one line: whatever is blank, line breaks too, is one space between words."""
    return printable(unicodedata.normalize("NFC", " ".join((text or "").split())))


def paragraphs(text: str | None) -> str:
    """Return a text of several lines, their ends as Unix writes them."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    return printable(unicodedata.normalize("NFC", lines), allowed="\n\t")


def fault(text: str, most: int, missing: str | None = None) -> str | None:
    """Return what is wrong with a text that was made fit, or None; ``missing`` is said of one that has to be there."""
    if missing and not any(unicodedata.category(char)[0] not in "CZ" for char in text):
        return missing
    if len(text) > most:
        return f"Use {most:,} characters at most; these are {len(text):,}."
    if REPLACED in text:
        return f"Where {REPLACED} stands was a control character, perhaps from copying. Take it out."
    return None


class Text:
    """Check a text: present if it must be, not too long, nothing replaced in it."""

    def __init__(self, most: int, missing: str | None = None) -> None:
        self.most = most
        self.missing = missing
        self.field_flags = {"required": True} if missing else {}

    def __call__(self, form: Any, field: Any) -> None:
        found = fault(field.data or "", self.most, self.missing)
        if found:
            raise ValidationError(found)
