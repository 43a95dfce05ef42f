"""What the pages of an import ask of the database: the imports themselves, as their own person sees them.

The policies let nobody see or touch another's import; each query names the organisation for its index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from webapp.models.imports import ImportMode, ImportStatus, ProductImport, ProductImportChunk, ProductImportError
from webapp.web.csv_export import cell

PAGE: Final = 50  # faults
EARLIER: Final = 5  # imports
SILENT: Final = text("interval '15 seconds'")  # work that was not heard of for so long has ended
NOW: Final = func.clock_timestamp()
KEPT: Final = text("interval '30 days'")  # how long a finished import can be looked at

_WORKING: Final = (ImportStatus.CHECKING, ImportStatus.APPLYING)


class Import(NamedTuple):
    """Hold one import. ``beats`` tells whether the work on it was heard of lately."""

    id: UUID
    created_by: UUID
    created_at: datetime
    file_name: str
    size: int
    encoding: str | None
    delimiter: str
    header: list[str]
    columns: dict[str, int]
    status: ImportStatus
    run: UUID | None
    progress: int
    lines: int
    good: int
    bad: int
    to_make: int
    to_change: int
    to_keep: int
    trouble: str | None
    mode: ImportMode | None
    made: int | None
    changed: int | None
    unchanged: int | None
    left_out: int | None
    finished_at: datetime | None
    beats: bool

    @property
    def is_working(self) -> bool:
        """Tell whether it is being checked or applied."""
        return self.status in _WORKING and self.beats

    @property
    def is_interrupted(self) -> bool:
        """Tell whether the work on it ended without a word, as when its process was killed: then nothing was done."""
        return self.status in _WORKING and not self.beats

    @property
    def is_checked(self) -> bool:
        """Tell whether its lines stand in the database and can be applied, perhaps for another time."""
        return self.status == ImportStatus.CHECKED or (self.status == ImportStatus.APPLYING and not self.beats)


class Fault(NamedTuple):
    """Hold what is wrong with a line, as the report says it."""

    line: int
    place: int
    column_name: str
    value: str
    reason: str


class Page(NamedTuple):
    """Hold one page of the report, and the line and place after which the next one begins."""

    faults: tuple[Fault, ...]
    after: tuple[int, int] | None


_BEATS: Final = type_coerce(ProductImport.heartbeat > func.clock_timestamp() - SILENT, Boolean())
_COLUMNS: Final = [getattr(ProductImport, name) for name in Import._fields[:-1]]


def get(session: Session, org_id: UUID, import_id: UUID) -> Import | None:
    """Return an import of the viewer's own, or None."""
    row = session.execute(_imports(org_id).where(ProductImport.id == import_id)).one_or_none()
    return _import(row) if row else None


def under_way(session: Session, org_id: UUID) -> Import | None:
    """Return an import of the viewer's own that is being checked or applied, or None."""
    row = session.execute(_imports(org_id).where(_is_working()).limit(1)).one_or_none()
    return _import(row) if row else None


def earlier(session: Session, org_id: UUID) -> tuple[Import, ...]:
    """Return the latest imports of the viewer's own, newest first."""
    return tuple(map(_import, session.execute(_imports(org_id).order_by(ProductImport.id.desc()).limit(EARLIER))))


def _imports(org_id: UUID) -> Select[Any]:
    return select(*_COLUMNS, func.coalesce(_BEATS, False)).where(ProductImport.org_id == org_id)


def _import(row: Any) -> Import:
    found = Import(*row)
    return found._replace(status=ImportStatus(found.status), mode=ImportMode(found.mode) if found.mode else None)


def _is_working() -> ColumnElement[bool]:
    return and_(ProductImport.status.in_(_WORKING), _BEATS)


def sweep(session: Session, org_id: UUID) -> None:
    """Remove what the viewer left unfinished, unless it is being worked on, and what was finished long ago."""
    is_over = ProductImport.finished_at < func.now() - KEPT
    is_left = and_(ProductImport.status != ImportStatus.DONE, ~func.coalesce(_is_working(), False))
    session.execute(delete(ProductImport).where(ProductImport.org_id == org_id, or_(is_over, is_left)))


def create(session: Session, org_id: UUID, import_id: UUID, **values: Any) -> None:
    """Make an import; its file follows by ``add_piece``."""
    session.execute(insert(ProductImport).values(org_id=org_id, id=import_id, **values))


def add_pieces(session: Session, org_id: UUID, import_id: UUID, created_by: UUID, pieces: Iterable[bytes]) -> None:
    """Keep the file of an import, one piece after the other: no more than one is in memory."""
    for position, piece in enumerate(pieces):
        session.execute(
            insert(ProductImportChunk).values(
                org_id=org_id, import_id=import_id, created_by=created_by, position=position, piece=piece
            )
        )


def piece(session: Session, org_id: UUID, import_id: UUID, position: int) -> bytes | None:
    """Return a piece of the file, or None after the last one."""
    found: bytes | None = session.execute(
        select(ProductImportChunk.piece).where(
            ProductImportChunk.org_id == org_id,
            ProductImportChunk.import_id == import_id,
            ProductImportChunk.position == position,
        )
    ).scalar_one_or_none()
    return found


def discard(session: Session, org_id: UUID, import_id: UUID) -> bool:
    """Remove an import with all that was kept of it, unless it is being worked on; tell whether it is gone."""
    gone = session.execute(
        delete(ProductImport).where(
            ProductImport.org_id == org_id,
            ProductImport.id == import_id,
            ~func.coalesce(_is_working(), False),
        )
    )
    return bool(gone.rowcount)  # type: ignore[attr-defined]  # a CursorResult, as of every DELETE


def read_as(session: Session, org_id: UUID, import_id: UUID, **values: Any) -> bool:
    """Set how the file is to be read; False while it is being worked on, or when that is over."""
    return _change(
        session,
        org_id,
        import_id,
        ~func.coalesce(_is_working(), False),
        ProductImport.status != ImportStatus.DONE,
        status=ImportStatus.UPLOADED,
        run=None,
        trouble=None,
        **values,
    )


def claim(
    session: Session, org_id: UUID, import_id: UUID, run: UUID, to: ImportStatus, *, after: Sequence[ImportStatus],
    **values: Any,
) -> bool:  # fmt: skip
    """Begin the work ``run`` on an import; False where another request has, or where it is not at that point.

    ``after`` are the states from which it may begin; one that names work counts when that work has fallen silent.
    """
    begins = [
        and_(ProductImport.status == status, ~func.coalesce(_BEATS, False))
        if status in _WORKING
        else ProductImport.status == status
        for status in after
    ]
    values = values | {"status": to, "run": run, "progress": 0, "trouble": None}
    return _change(session, org_id, import_id, or_(*begins), heartbeat=func.clock_timestamp(), **values)


def during(session: Session, org_id: UUID, import_id: UUID, run: UUID, **values: Any) -> bool:
    """Write what has come of the work ``run``; False where another has taken its place."""
    values = {"heartbeat": func.clock_timestamp()} | values
    return _change(session, org_id, import_id, ProductImport.run == run, ProductImport.status.in_(_WORKING), **values)


def _change(session: Session, org_id: UUID, import_id: UUID, *conditions: ColumnElement[bool], **values: Any) -> bool:
    changed = session.execute(
        update(ProductImport)
        .where(ProductImport.org_id == org_id, ProductImport.id == import_id, *conditions)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]  # a CursorResult, as of every UPDATE


def faults(session: Session, org_id: UUID, import_id: UUID, after: tuple[int, int] = (0, -1)) -> Page:
    """Return the faults of an import that come after a line and a place."""
    table = ProductImportError
    rows = session.execute(
        select(*(getattr(table, name) for name in Fault._fields))
        .where(table.org_id == org_id, table.import_id == import_id)
        .where(or_(table.line > after[0], and_(table.line == after[0], table.place > after[1])))
        .where(table.line >= after[0])
        .order_by(table.line, table.place)
        .limit(PAGE + 1)
    ).all()
    found = tuple(Fault(*row) for row in rows[:PAGE])
    return Page(found, (found[-1].line, found[-1].place) if len(rows) > PAGE else None)


def report(org_id: UUID, import_id: UUID) -> Select[Any]:
    """Return the query of all faults, as a file shows them."""
    table = ProductImportError
    cells: list[ColumnElement[Any]] = [
        table.line.label("Line"),
        cell(table.column_name).label("Column"),
        cell(table.value).label("Value"),
        table.reason.label("Reason"),
    ]
    return select(*cells).where(table.org_id == org_id, table.import_id == import_id).order_by(table.line, table.place)
