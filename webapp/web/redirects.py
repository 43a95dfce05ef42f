"""Where a redirect may lead: to paths of our own."""

from __future__ import annotations

import re

_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # printable ASCII without space or backslash; never "//"
MOST = 2_000  # characters


def safe_next(value: str | None, default: str) -> str:
    """Return ``value`` if it is a path of this application, else ``default``.

    Browsers read a backslash as a slash and drop tabs and newlines, so what is not plain is refused, not repaired
    (OWASP ASVS 5.0, 3.7.2).
    """
    if value and len(value) <= MOST and _OWN_PATH.fullmatch(value):
        return value
    return default
