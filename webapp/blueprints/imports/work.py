"""The long work of an import: to check its lines, and to apply them. Each is one transaction.

How far it is gets told by transactions of their own, or nobody would see it before the end. They also say that the
work is alive: work that is not heard of has ended, and everything that it did has gone with its transaction.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from typing import IO, Any, Final, cast
from uuid import UUID

from sqlalchemy.orm import Session

from webapp import rls
from webapp.blueprints.imports import queries, staging
from webapp.blueprints.imports.cells import Reader
from webapp.blueprints.imports.columns import Part, called
from webapp.blueprints.imports.files import BadFile, Encoding
from webapp.blueprints.imports.records import MOST_LINES, Record, records
from webapp.blueprints.imports.staging import Key
from webapp.models import new_id
from webapp.models.imports import ImportMode, ImportStatus
from webapp.rls.errors import Conflict, LockTimeout, StatementTimeout, Unavailable, UniqueViolation

BATCH: Final = 2_000  # lines
BEAT: Final = 1.0  # seconds
LIMITS: Final = rls.Limits(statement=120_000, lock=10_000, idle=60_000, transaction=900_000)

Work = Callable[..., AbstractContextManager[Session]]

NOTHING: Final = "Nothing was imported."
AT_ONCE: Final = f"Somebody changed the same products at that moment. {NOTHING} Try again."
TOO_LONG: Final = f"The database took too long. {NOTHING} Try again when less is going on."
ANOTHER: Final = (
    f"Another import of this organisation is being applied just now. {NOTHING} Try again when it has ended."
)
BROKE: Final = f"It broke off. {NOTHING} Try again."


class Lost(Exception):
    """Say that another request has taken the work over, because this one had fallen silent."""


class Stopped(Exception):
    """Say, in a sentence for the person who asked for it, why an import was not applied."""


class Job:
    """Hold one run of work on one import. ``work`` opens a transaction of its own, as ``current.work`` does."""

    def __init__(self, work: Work, key: Key) -> None:
        self.key = key
        self.run: UUID = new_id()
        self._work = work
        self._beat = time.monotonic()

    def begin(self, to: ImportStatus, after: Sequence[ImportStatus], **values: Any) -> bool:
        """Take the import on; False where another request has, or where it is not at that point."""
        with self._work() as session:
            return queries.claim(session, self.key.org_id, self.key.import_id, self.run, to, after=after, **values)

    @contextmanager
    def transaction(self, back_to: ImportStatus) -> Iterator[Session]:
        """Open the transaction of the work. Whatever stops it, nothing stays of it, and the import is let go."""
        try:
            with self._work(limits=LIMITS) as session:
                yield session
        except Lost:
            return
        except (BadFile, Stopped) as exc:
            self._let_go(back_to, str(exc))
        except (Conflict, LockTimeout, UniqueViolation):
            self._let_go(back_to, AT_ONCE)
        except StatementTimeout:
            self._let_go(back_to, TOO_LONG)
        except BaseException:
            with suppress(rls.errors.DatabaseError):
                self._let_go(back_to, BROKE)
            raise

    def _let_go(self, status: ImportStatus, trouble: str) -> None:
        with self._work() as session:
            self._during(session, status=status, trouble=trouble)

    def tell(self, progress: int) -> None:
        """Say how many lines are done, now and then. Raises Lost."""
        if time.monotonic() - self._beat < BEAT:
            return
        self._beat = time.monotonic()
        with suppress(Unavailable), self._work() as session:  # the work itself may still come to its end
            if not self._during(session, progress=progress):
                raise Lost

    def finish(self, session: Session, **values: Any) -> None:
        """Write the outcome within the work's own transaction: both are committed, or neither. Raises Lost."""
        if not self._during(session, **values):
            raise Lost

    def _during(self, session: Session, **values: Any) -> bool:
        return queries.during(session, self.key.org_id, self.key.import_id, self.run, **values)


def check(job: Job, found: queries.Import, columns: Mapping[str, int], currency: str) -> None:
    """Read the file line by line and write down what each line would do, or what is wrong with it."""
    if not job.begin(
        ImportStatus.CHECKING,
        (ImportStatus.UPLOADED, ImportStatus.CHECKED, ImportStatus.CHECKING, ImportStatus.APPLYING),
        columns=dict(columns),
    ):
        return
    reader = Reader(found.header, columns, currency)
    with job.transaction(ImportStatus.UPLOADED) as session:
        staging.clear(session, job.key)
        rest = records(file(session, job.key), Encoding(found.encoding or Encoding.UTF8), found.delimiter)
        next(rest, None)  # the header
        done = 0
        while batch := list(islice(rest, BATCH)):
            done += len(batch)
            if done > MOST_LINES:
                raise BadFile(f"The file has more than {MOST_LINES:,} lines. Split it, and import one part at a time.")
            _check(session, job.key, reader, batch)
            job.tell(done)
        staging.refuse_repeated(session, job.key, columns[Part.SKU] + 1, called(found.header, columns[Part.SKU]))
        job.tell(done)
        staging.refuse_incomplete(session, job.key)
        counts = staging.count(session, job.key)
        job.finish(
            session,
            status=ImportStatus.CHECKED,
            progress=counts.lines,
            lines=counts.lines,
            good=counts.good,
            bad=counts.lines - counts.good,
            to_make=counts.to_make,
            to_change=counts.to_change,
            to_keep=counts.good - counts.to_make - counts.to_change,
        )


def _check(session: Session, key: Key, reader: Reader, batch: Sequence[Record]) -> None:
    lines, faults = [], []
    for record in batch:
        line, wrong = reader.read(record)
        lines.append(line)
        faults.extend(wrong)
    staging.add(session, key, lines, faults)


def apply(job: Job, mode: ImportMode) -> None:
    """Make and change the products of the good lines, or of none where one line is bad and ``mode`` wants all."""
    if not job.begin(ImportStatus.APPLYING, (ImportStatus.CHECKED, ImportStatus.APPLYING)):
        return
    with job.transaction(ImportStatus.CHECKED) as session:
        if not staging.lock(session, job.key):
            raise Stopped(ANOTHER)
        if staging.refuse_incomplete(session, job.key) and mode is ImportMode.ALL:
            raise Stopped(
                f"Since the check somebody has given products of this file other SKUs. {NOTHING} Check the file again."
            )
        counts = staging.count(session, job.key)
        if counts.good < counts.lines and mode is ImportMode.ALL:
            raise Stopped(f"There are bad lines in the file. {NOTHING}")
        last = made = changed = done = 0
        job.tell(done)
        while batch := staging.apply(session, job.key, last, BATCH):
            last, made, changed = batch.last, made + batch.made, changed + batch.changed
            done = min(done + BATCH, counts.lines)
            job.tell(done)
        staging.forget_file(session, job.key)
        job.finish(
            session,
            status=ImportStatus.DONE,
            progress=counts.lines,
            mode=mode,
            made=made,
            changed=changed,
            unchanged=counts.good - made - changed,
            left_out=counts.lines - counts.good,
            good=counts.good,
            bad=counts.lines - counts.good,
            finished_at=queries.NOW,
        )


def file(session: Session, key: Key) -> IO[bytes]:
    """Return the file of an import, to be read once from its beginning: one piece of it is in memory."""
    return cast("IO[bytes]", io.BufferedReader(_Pieces(session, key)))


class _Pieces(io.RawIOBase):
    """Read the pieces of an import's file as if they were one."""

    def __init__(self, session: Session, key: Key) -> None:
        self._session = session
        self._key = key
        self._position = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the present piece goes; 0 at the end of the file."""
        if not self._rest:
            piece = queries.piece(self._session, self._key.org_id, self._key.import_id, self._position)
            self._rest = memoryview(piece or b"")
            self._position += 1
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
