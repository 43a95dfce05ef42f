"""The driver connection: its cursors refuse to send anything before an identity, and send one statement at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from webapp.rls.errors import IdentityMissing
from webapp.rls.identity import Identity

_IN_TRANSACTION = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class GuardedConnection(psycopg.Connection[Any]):
    """Hold the identity of the transaction under way, or None outside of one.

    The connection is in autocommit: the prologue sends BEGIN itself, so psycopg must not send another. Only
    ``begin_as`` can begin a transaction, and it alone uses the simple protocol.
    """

    identity: Identity | None = None

    def begin_as(self, identity: Identity, prologue: str) -> None:
        """Send the prologue as one message: one round trip instead of five. Raise psycopg.Error when it fails."""
        if self.info.transaction_status != TransactionStatus.IDLE:
            raise IdentityMissing(message="A transaction is already under way on this connection.")
        with psycopg.Cursor(self) as cursor:
            cursor.execute(prologue.encode())
        self.identity = identity

    def commit(self) -> None:
        self.identity = None
        super().commit()

    def rollback(self) -> None:
        self.identity = None
        super().rollback()

    def require_identity(self) -> None:
        """Raise IdentityMissing unless a transaction with an identity is under way.

        The status is asked of libpq, not remembered: a COMMIT sent as a statement ends the identity as well.
        """
        if self.identity is None or self.info.transaction_status not in _IN_TRANSACTION:
            raise IdentityMissing()


def _guard(cursor: psycopg.Cursor[Any]) -> None:
    connection = cursor.connection
    if not isinstance(connection, GuardedConnection):
        raise IdentityMissing()
    connection.require_identity()


class GuardedCursor(psycopg.Cursor[Any]):
    """Refuse what has no identity, and force the extended protocol.

    psycopg sends a statement without parameters by the simple protocol, in which ``select 1; drop table t`` is two
    statements. The extended protocol takes one only (PostgreSQL manual, "Message Flow", Parse).
    """

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        super()._execute_send(query, force_extended=True, binary=binary)

    def execute(self, *args: Any, **kwargs: Any) -> GuardedCursor:
        _guard(self)
        super().execute(*args, **kwargs)
        return self

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        _guard(self)
        super().executemany(*args, **kwargs)

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        _guard(self)
        return super().stream(*args, **kwargs)

    @contextmanager
    def copy(self, *args: Any, **kwargs: Any) -> Iterator[psycopg.Copy]:
        _guard(self)
        with super().copy(*args, **kwargs) as copy:
            yield copy


class GuardedServerCursor(psycopg.ServerCursor[Any]):
    """Refuse what has no identity. DECLARE already goes by the extended protocol."""

    def execute(self, *args: Any, **kwargs: Any) -> GuardedServerCursor:
        _guard(self)
        super().execute(*args, **kwargs)
        return self
