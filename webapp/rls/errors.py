"""Our own errors for what Postgres, the pooler and the network answer.

A feature catches these and never psycopg's or SQLAlchemy's. None of them carries the server's message, DETAIL or
HINT in its text: those can name values of rows that the visitor may not see, so they stay in ``__cause__``. What our
own functions put into DETAIL is the one exception, as ``Refused.detail``.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import psycopg


class DatabaseError(Exception):
    """Say that the database refused a statement; ``sqlstate`` is its five-character code, or None."""

    explanation: ClassVar[str] = "The database refused the statement."

    def __init__(self, sqlstate: str | None = None, *, constraint: str | None = None, message: str | None = None):
        self.sqlstate = sqlstate
        self.constraint = constraint
        named = f" ({constraint})" if constraint else ""
        coded = f" [{sqlstate}]" if sqlstate else ""
        super().__init__((message or self.explanation) + named + coded)


class IdentityMissing(DatabaseError):
    """Say that a statement was about to run without an identity; nothing was sent."""

    explanation = (
        "No identity: the statement was not sent. Begin the transaction with rls.unit_of_work() or a bound Session."
    )


class IdentityChanged(DatabaseError):
    """Say that a connection or Session was asked to become somebody else."""

    explanation = "An identity is for life: another identity needs another Session and another transaction."


class Unavailable(DatabaseError):
    """Say that the pooler or the database could not be reached, or went away."""

    explanation = "The database cannot be reached."


class CommitUnknown(Unavailable):
    """Say that the connection was lost while COMMIT was under way: it may or may not have taken effect."""

    explanation = "The connection was lost during COMMIT."


class UniqueViolation(DatabaseError):
    """Say that another row has this key (23505)."""

    explanation = "Another row has this key."


class ForeignKeyViolation(DatabaseError):
    """Say that a row points to one that is not there, or is pointed to (23503)."""

    explanation = "The row points to one that is not there, or is pointed to."


class CheckViolation(DatabaseError):
    """Say that a row breaks a CHECK or NOT NULL constraint (23514, 23502)."""

    explanation = "The row breaks a constraint."


class NotPermitted(DatabaseError):
    """Say that a grant or a policy refuses the statement (42501)."""

    explanation = "A grant or a policy refuses this."


class ReadOnly(DatabaseError):
    """Say that a read-only transaction was to write (25006)."""

    explanation = "The transaction is read only."


class PolicyRecursion(DatabaseError):
    """Say that a policy reads its own table through itself (42P17)."""

    explanation = "A policy reads its own table through itself."


class Conflict(DatabaseError):
    """Say that another transaction was there first (40001, 40P01), or an earlier statement failed (25P02)."""

    explanation = "Another transaction was there first."


class LockTimeout(DatabaseError):
    """Say that another transaction held the row for too long (55P03)."""

    explanation = "Another transaction holds the row."


class StatementTimeout(DatabaseError):
    """Say that a statement or its transaction took too long (57014, 25P04)."""

    explanation = "The statement took too long and was cancelled."


class Refused(DatabaseError):
    """Say that one of our own database functions raised; ``constraint`` names the reason.

    ``detail`` is what the function said of it in JSON, or None: a function of ours puts into DETAIL only what its
    caller may see. It is not part of the error's text.
    """

    explanation = "A database function refused the call."

    def __init__(self, sqlstate: str | None = None, *, constraint: str | None = None, detail: Any = None):
        super().__init__(sqlstate, constraint=constraint)
        self.detail = detail


class InvalidValue(DatabaseError):
    """Say that a value does not fit its type (class 22), or psycopg found so before sending it."""

    explanation = "A value does not fit its type."


class SchemaMissing(DatabaseError):
    """Say that a schema, table or function is missing (3F000, 42P01, 42883): the database was not migrated."""

    explanation = "The database lacks a table or a function that this code needs: it was not migrated."


_BY_STATE: dict[str, type[DatabaseError]] = {
    "23505": UniqueViolation,
    "23503": ForeignKeyViolation,
    "23514": CheckViolation,
    "23502": CheckViolation,
    "42501": NotPermitted,
    "25006": ReadOnly,
    "42P17": PolicyRecursion,
    "40001": Conflict,
    "40P01": Conflict,
    "55P03": LockTimeout,
    "57014": StatementTimeout,
    "25P04": StatementTimeout,  # transaction_timeout, from PostgreSQL 17
    "P0001": Refused,
    "3F000": SchemaMissing,
    "42P01": SchemaMissing,
    "42883": SchemaMissing,
}
# 08: connection exceptions, and how PgBouncer words its own failures (08P01). 57P01 to 57P05: the server ends the
# session or does not take one. 53300: too many connections. 25P03: idle in transaction for too long.
_GONE_CLASSES = ("08",)
_GONE_STATES = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "53300", "25P03"})


def is_gone(exc: BaseException) -> bool:
    """Tell whether ``exc`` means that the connection, and not the statement, failed."""
    if not isinstance(exc, psycopg.Error):
        return False
    state = exc.sqlstate
    if state is not None:
        return state.startswith(_GONE_CLASSES) or state in _GONE_STATES
    return isinstance(exc, (psycopg.OperationalError, psycopg.InternalError))


def translate(exc: BaseException) -> DatabaseError | None:
    """Return our error for one of psycopg's, or None where it has no meaning of its own for a caller."""
    if isinstance(exc, DatabaseError):
        return exc
    if not isinstance(exc, psycopg.Error):
        return None
    if is_gone(exc):
        return Unavailable(exc.sqlstate)
    state = exc.sqlstate
    if state is None:
        # Found wrong by psycopg before it was sent, such as a NUL in a text.
        return InvalidValue() if isinstance(exc, psycopg.DataError) else None
    kind = _BY_STATE.get(state) or (InvalidValue if state.startswith("22") else None)
    if kind is Refused:
        return Refused(state, constraint=exc.diag.constraint_name, detail=_parsed(exc.diag.message_detail))
    return kind(state, constraint=exc.diag.constraint_name) if kind else None


def _parsed(detail: str | None) -> Any:
    """Return what a function of ours said in JSON; None for other words, which are no function's of ours."""
    try:
        return json.loads(detail) if detail is not None else None
    except ValueError:
        return None
