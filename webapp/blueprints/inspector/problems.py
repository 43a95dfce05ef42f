"""What the engine raises, in words that an administrator can act on, and as a status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg

from webapp.inspector.catalog import NoSuchTable
from webapp.inspector.desk import Busy, TooSlow
from webapp.inspector.evaluate import fault_of
from webapp.inspector.explain import NoSuchRow
from webapp.inspector.filters import BadFilter
from webapp.inspector.rows import BadKey
from webapp.inspector.viewpoints import UnknownViewpoint
from webapp.inspector.whatif import BadRow
from webapp.settings import BadSettings

NARROW: Final = (
    "Postgres was stopped before it had an answer. Narrow it: filter by a column that an index has, such as the key, "
    "or take the order away."
)


REFUSED: Final = (
    "The rows are read here by the role {reader}, and Postgres said: {message}. Its owner can grant it USAGE on the "
    "schema and SELECT on the table."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Hold what a page or its JSON says instead of an answer."""

    status: int
    title: str
    message: str


_KNOWN: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (UnknownViewpoint, 422, "Nobody can be looked through by that"),
    (NoSuchTable, 404, "There is no such table"),
    (NoSuchRow, 404, "There is no such row"),
    (BadKey, 400, "That does not name a row"),
    (BadFilter, 422, "The rows can’t be listed like that"),
    (BadRow, 422, "That is not a row of this table"),
    (Busy, 503, "Too many are looking at this moment"),
    (BadSettings, 503, "The Inspector’s login is not safe to use"),
)
# What a page can say itself. Whatever else goes wrong has the application's own pages.
ERRORS: Final[tuple[type[Exception], ...]] = (*(kind for kind, _, _ in _KNOWN), TooSlow, psycopg.Error)


def problem(exc: Exception, reader: str = "") -> Problem:
    """Return what to say of an error of the engine; ``reader`` is the role that was to read the rows."""
    for kind, status, title in _KNOWN:
        if isinstance(exc, kind):
            return Problem(status, title, str(exc))
    if isinstance(exc, TooSlow):
        return Problem(503, "That took too long", NARROW)
    if isinstance(exc, psycopg.Error):
        fault = fault_of(exc)
        if fault.sqlstate == "42501" and reader:
            return Problem(422, f"{reader} may not read it", REFUSED.format(reader=reader, message=fault.message))
        return Problem(422, "Postgres refuses this", f"It said: {fault.message} ({fault.sqlstate}).")
    raise exc
