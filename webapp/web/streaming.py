"""Send the rows of a query as a file while the database still reads them: constant memory, however many there are.

A stream owns its connection and its transaction to the end, and begins as the request's identity like every other. It
takes a thread and one of the pooler's servers for as long as it lasts, so each process has only a few at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, cast

import psycopg
from flask import Response, request
from sqlalchemy import Engine, Select

from webapp import rls
from webapp.web import errors
from webapp.web.csv_export import BOM
from webapp.web.extensions import db
from webapp.web.scope import current

PIECE: Final = 65_536  # bytes; COPY hands over each row by itself
MOST: Final = 4  # streams of one process at once
RETRY_AFTER: Final = 10  # seconds
# Ten minutes, because the clock runs while a slow client reads.
LIMITS: Final = rls.Limits(statement=600_000, transaction=600_000)
TOO_MANY: Final = errors.Words(
    "Several exports are under way",
    "Each of them takes its time, so only a few run at once. Try again when one of them has ended.",
)

_free = threading.BoundedSemaphore(MOST)


def stream_csv(query: Select[Any], name: str) -> Response:
    """Answer with the rows of ``query`` as a CSV file; its columns' labels are the header.

    Call it last in a view: it ends the request's own transaction, so that a request never holds two connections. The
    first piece is read before the answer begins, so what fails early is an error page; what fails later breaks the
    connection off, and no browser takes that for the whole file.
    """
    file = f"{current.tenant().slug}-{name}-{datetime.now(UTC):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
    kind = "text/csv; charset=utf-8"
    if request.method == "HEAD":
        return Response(headers=headers, content_type=kind)
    current.session.close()
    if not _free.acquire(blocking=False):
        return errors.page(503, TOO_MANY, headers={"Retry-After": str(RETRY_AFTER)})
    try:
        stream = CopyStream(db.engine, current.identity, query, done=_free.release)
    except BaseException:
        _free.release()
        raise
    return Response(stream, headers=headers, content_type=kind)


class CopyStream:
    """Read ``COPY (query) TO STDOUT`` as ``identity``, piece by piece; the first one is read at once.

    Close it, whether or not it was read to its end: that ends the transaction, and calls ``done``. In the middle of the
    rows the connection is dropped, not drained: the pooler notices, and Postgres ends the query at its next write.
    Raises errors of ``webapp.rls.errors``.
    """

    _driver: psycopg.Connection[Any] | None = None
    _pieces: Generator[bytes] | None = None

    def __init__(self, engine: Engine, identity: rls.Identity, query: Select[Any], *, done: Callable[[], None]) -> None:
        self._done = done
        connection = rls.bind(engine, identity, read_only=True, limits=LIMITS).connect()
        try:
            connection.begin()
            self._driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
            # The pool would roll back what somebody forgot to close, and wait for the end of COPY in vain.
            connection.detach()
            self._pieces = _pieces(self._driver, *_copy_statement(engine, query))
            self._first = next(self._pieces, b"")
        except BaseException:
            self._drop()
            raise
        finally:
            connection.invalidate()  # no statement of SQLAlchemy's own follows, ROLLBACK among them
            connection.close()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._first:
                first, self._first = self._first, b""
                return first
            assert self._pieces is not None
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the transaction and the connection; a second time, do nothing."""
        if self._drop():
            self._done()

    __del__ = close

    def _drop(self) -> bool:
        driver, self._driver = self._driver, None
        if driver is None:
            return False
        driver.close()
        if self._pieces is not None:
            with suppress(psycopg.Error):  # psycopg would rather read COPY to its end
                self._pieces.close()
        return True


def _pieces(driver: psycopg.Connection[Any], statement: bytes, parameters: dict[str, Any]) -> Generator[bytes]:
    try:
        with driver.cursor().copy(statement, parameters) as copy:
            piece = bytearray(BOM)
            for row in copy:
                piece += row
                if len(piece) >= PIECE:
                    yield bytes(piece)
                    piece.clear()
            yield bytes(piece)
    except psycopg.Error as exc:
        raise (rls.errors.translate(exc) or exc) from exc


def _copy_statement(engine: Engine, query: Select[Any]) -> tuple[bytes, dict[str, Any]]:
    """Return COPY of ``query`` and its parameters, which psycopg quotes into it: COPY takes none."""
    compiled = query.compile(engine, compile_kwargs={"render_postcompile": True})
    processes = cast("dict[str, Callable[[Any], Any]]", compiled._bind_processors)  # such as of an Enum, to its text
    given = {name: processes[name](value) if name in processes else value for name, value in compiled.params.items()}
    return f"copy ({compiled}) to stdout with (format csv, header)".encode(), given
