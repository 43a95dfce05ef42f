"""The driver connection: nothing is sent on it before an identity, and one statement at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

from webapp.rls.errors import IdentityMissing
from webapp.rls.identity import Identity

# Looked up once: an enum's member costs as much as one of libpq's calls.
_FAILED, _SYNCED = int(ExecStatus.FATAL_ERROR), int(ExecStatus.PIPELINE_SYNC)
_READ, _BOTH, _READABLE = Wait.R, Wait.RW, Ready.R
# ACTIVE is a statement whose rows still come, such as COPY: it was sent with the identity that is held.
_IN_TRANSACTION = (TransactionStatus.INTRANS, TransactionStatus.ACTIVE, TransactionStatus.INERROR)
# They would end the transaction, and the identity with it, or with AND CHAIN begin one that has none.
_ENDS = frozenset({"commit", "end", "abort", "rollback", "begin", "start", "prepare"})
_WORD = re.compile(r"[a-z_]+")
_HARMLESS = re.compile(r"rollback\s+((work|transaction)\s+)?to\s|prepare\s+(?!transaction\b)[a-z_\"]")


class Statement(NamedTuple):
    """Hold one statement of the prologue, with the values of its parameters, which the server never shows as text."""

    text: bytes
    values: tuple[bytes, ...] | None = None


class GuardedConnection(psycopg.Connection[Any]):
    """Hold the identity of the transaction under way, or None outside of one.

    Everything that psycopg sends on a connection and waits for passes ``wait``: cursors of every kind, COPY, streams,
    transaction blocks. So the check for an identity stands there. The connection is in autocommit: the prologue
    sends BEGIN itself, so psycopg must not send another. Only ``begin_as`` can begin a transaction.
    """

    identity: Identity | None = None
    _ours = False  # a prologue, COMMIT or ROLLBACK of this class is under way

    def begin_as(self, identity: Identity, prologue: Sequence[Statement]) -> None:
        """Send the prologue as one pipeline: one round trip, and values apart from the text.

        Raises psycopg.Error when it fails. The connection is closed then: nobody goes on with half a prologue.
        """
        if self.info.transaction_status != TransactionStatus.IDLE:
            raise IdentityMissing(message="A transaction is already under way on this connection.")
        try:
            with self.lock:
                self._ours = True
                self.wait(_pipeline(self.pgconn, prologue))
        except BaseException:
            self.close()
            raise
        finally:
            self._ours = False
        self.identity = identity

    def commit(self) -> None:
        """Commit, and be nobody from then on."""
        self.identity = None
        with self._by_us():
            super().commit()

    def rollback(self) -> None:
        """Roll back, and be nobody from then on."""
        self.identity = None
        with self._by_us():
            super().rollback()

    def transaction(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: psycopg's transaction block begins without an identity."""
        raise IdentityMissing(message="Begin the transaction with rls.unit_of_work() or a bound Session.")

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is to be sent and wait for the answer. Raise IdentityMissing without an identity.

        The state of the transaction is asked of libpq, not remembered.
        """
        # On a closed connection nothing can be sent, and psycopg says that it is closed: an outage, no fault of ours.
        if not self._ours and not self.has_identity and not self.closed:
            raise IdentityMissing()
        return super().wait(*args, **kwargs)

    @property
    def has_identity(self) -> bool:
        """Tell whether a transaction that began with an identity is under way."""
        return self.identity is not None and self.info.transaction_status in _IN_TRANSACTION

    @contextmanager
    def _by_us(self) -> Iterator[None]:
        self._ours = True
        try:
            yield
        finally:
            self._ours = False


class GuardedCursor(psycopg.Cursor[Any]):
    """Force the extended protocol, and refuse statements that end the transaction.

    psycopg sends a statement without parameters by the simple protocol, in which ``select 1; drop table t`` is two
    statements. The extended protocol takes one only (PostgreSQL manual, "Message Flow", Parse).
    """

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        if ends_transaction(query.query.decode(errors="replace")):
            raise IdentityMissing(message="Commit and roll back by the Session or the connection, not by a statement.")
        super()._execute_send(query, force_extended=True, binary=binary)


class GuardedServerCursor(psycopg.ServerCursor[Any]):
    """Stand for a server-side cursor, which the transaction's end has closed on the server already."""

    def close(self) -> None:
        """Close the cursor; once the transaction has ended, without a word to the server."""
        if isinstance(self.connection, GuardedConnection) and not self.connection.has_identity:
            psycopg.Cursor.close(self)
        else:
            super().close()


def _pipeline(connection: PGconn, statements: Sequence[Statement]) -> PQGen[None]:
    """Send all statements before the first answer, and raise the first error that is among the answers.

    By libpq's own functions: psycopg's pipeline() with a cursor for each statement takes twice the time.
    """
    connection.enter_pipeline_mode()
    for text, values in statements:
        connection.send_query_params(text, values)
    connection.pipeline_sync()
    while connection.flush():
        if (yield _BOTH) & _READABLE:
            connection.consume_input()
    while True:
        while connection.is_busy():
            yield _READ
            connection.consume_input()
        result = connection.get_result()
        if result is None:  # the end of one statement's answer
            continue
        if result.status == _FAILED:
            raise psycopg.errors.error_from_result(result)
        if result.status == _SYNCED:
            break
    connection.exit_pipeline_mode()


def ends_transaction(statement: str) -> bool:
    """Tell whether a statement begins with a word that ends or begins a transaction; ROLLBACK TO does neither."""
    rest = statement[_first_word(statement) :].lower()
    word = _WORD.match(rest)
    return word is not None and word[0] in _ENDS and not _HARMLESS.match(rest)


def _first_word(statement: str) -> int:
    """Return where the first word begins: past blanks, semicolons and comments, which nest in Postgres."""
    at, depth = 0, 0
    while at < len(statement):
        if statement.startswith("/*", at):
            at, depth = at + 2, depth + 1
        elif depth and statement.startswith("*/", at):
            at, depth = at + 2, depth - 1
        elif depth or statement[at].isspace() or statement[at] == ";":
            at += 1
        elif statement.startswith("--", at):
            end = statement.find("\n", at)
            at = len(statement) if end < 0 else end
        else:
            break
    return at
