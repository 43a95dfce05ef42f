"""Imports of products from CSV files.

An upload is kept in pieces, then checked line by line into ``product_import_lines``, then applied in one transaction.
Nothing of it lies in a process or on a disk of the application, so each request may meet another worker.

Who may see an import is written into each of its rows: a policy reads no other table. The foreign key holds the two
together, or a row could be slipped into somebody else's import.
"""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.audited import Audited, Unaudited
from webapp.models.base import Base, Created, Id
from webapp.models.organizations import Organization
from webapp.models.profiles import Profile
from webapp.rls.policy import Command, Function, Grant, Policy, RowSecurity, Trigger

FUNCTIONS: tuple[Function, ...] = ()
TRIGGERS: tuple[Trigger, ...] = ()

_MINE = "org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id())"
_ZERO = text("0")


class ImportStatus(enum.StrEnum):
    """Name how far an import is. Who finds it being checked or applied for too long finds it interrupted."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    DONE = "done"


class ImportMode(enum.StrEnum):
    """Name what becomes of an import that has bad lines."""

    ALL = "all"
    GOOD = "good"


def _row_security(table: str, *, inserted: tuple[str, ...], updated: tuple[str, ...] = ()) -> dict[str, Any]:
    commands: dict[Command, str] = {"select": "read", "insert": "create", "update": "change", "delete": "delete"}
    policies = tuple(
        Policy(
            f"{table}_{name}",
            command,
            ("authenticated",),
            using=None if command == "insert" else _MINE,
            check=_MINE if command in ("insert", "update") else None,
        )
        for command, name in commands.items()
        if updated or command != "update"
    )
    grants = (
        Grant("authenticated", ("select", "delete")),
        Grant("authenticated", ("insert",), inserted),
        *((Grant("authenticated", ("update",), updated),) if updated else ()),
        Grant("service_role", ("select",)),
    )
    return RowSecurity(policies, grants).as_info()


def _of_import() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ("org_id", "created_by", "import_id"),
        ("product_imports.org_id", "product_imports.created_by", "product_imports.id"),
        ondelete="CASCADE",
    )


_KEPT = ("file_name", "mode", "made", "changed", "unchanged", "left_out")
_STATE = (
    "encoding",
    "delimiter",
    "header",
    "columns",
    "status",
    "run",
    "heartbeat",
    "progress",
    "lines",
    "good",
    "bad",
    "to_make",
    "to_change",
    "to_keep",
    "trouble",
    "finished_at",
)


class ProductImport(Base):
    """One uploaded file and how far it is. ``run`` names the work under way: who has lost it may not finish it."""

    __tablename__ = "product_imports"
    __table_args__ = (
        UniqueConstraint("org_id", "created_by", "id"),
        CheckConstraint("length(file_name) between 1 and 255", name="file_name"),
        CheckConstraint("length(delimiter) = 1", name="delimiter"),
        CheckConstraint("status in ('uploaded', 'checking', 'checked', 'applying', 'done')", name="status"),
        CheckConstraint("mode in ('all', 'good')", name="mode"),
        CheckConstraint("cardinality(header) <= 1000 and length(header::text) <= 1000000", name="header"),
        CheckConstraint("length(trouble) <= 2000", name="trouble"),
        CheckConstraint("least(size, lines, made, changed, unchanged, left_out) >= 0", name="counts"),
        {
            "info": _row_security(
                "product_imports",
                inserted=("org_id", "id", "file_name", "size", "encoding", "delimiter", "header", "columns", "lines"),
                updated=(*_STATE, *_KEPT[1:]),
            )
            | Audited(_KEPT, omitted=("created_by", "created_at", "size", *_STATE)).as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    created_by: Mapped[UUID] = mapped_column(
        ForeignKey(Profile.id, ondelete="CASCADE"), server_default=text("rowhouse.user_id()")
    )
    created_at: Mapped[Created]
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    encoding: Mapped[str | None]  # none where it is neither UTF-8 nor UTF-16, until the person has said which
    delimiter: Mapped[str]
    header: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    columns: Mapped[dict[str, int]] = mapped_column(JSONB, server_default=text("'{}'"))
    status: Mapped[str] = mapped_column(server_default=text("'uploaded'"))
    run: Mapped[UUID | None]
    heartbeat: Mapped[datetime | None]
    progress: Mapped[int] = mapped_column(server_default=_ZERO)
    lines: Mapped[int] = mapped_column(server_default=_ZERO)  # line ends in the file, until they have been read
    good: Mapped[int] = mapped_column(server_default=_ZERO)
    bad: Mapped[int] = mapped_column(server_default=_ZERO)
    to_make: Mapped[int] = mapped_column(server_default=_ZERO)
    to_change: Mapped[int] = mapped_column(server_default=_ZERO)
    to_keep: Mapped[int] = mapped_column(server_default=_ZERO)
    trouble: Mapped[str | None]
    mode: Mapped[str | None]
    made: Mapped[int | None]
    changed: Mapped[int | None]
    unchanged: Mapped[int | None]
    left_out: Mapped[int | None]
    finished_at: Mapped[datetime | None]


class ProductImportChunk(Base):
    """A piece of an uploaded file."""

    __tablename__ = "product_import_chunks"
    __table_args__ = (
        _of_import(),
        CheckConstraint("octet_length(piece) <= 1048576 and position between 0 and 4095", name="piece"),
        {
            "info": _row_security(
                "product_import_chunks", inserted=("org_id", "import_id", "created_by", "position", "piece")
            )
            | Unaudited("It is a file in passing; what it does to products stands in their own entries.").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_by: Mapped[UUID]
    piece: Mapped[bytes] = mapped_column(LargeBinary)


class ProductImportLine(Base):
    """A line that was read. What is NULL has no column in the file; of a bad line only the SKU is kept."""

    __tablename__ = "product_import_lines"
    __table_args__ = (
        _of_import(),
        CheckConstraint("line > 0 and stock >= 0 and price >= 0 and price < 'NaN'", name="line"),
        {
            "info": _row_security(
                "product_import_lines",
                inserted=(
                    *("org_id", "import_id", "created_by", "line", "is_good"),
                    *("sku", "name", "description", "price", "stock", "is_active"),
                ),
                updated=("is_good",),
            )
            | Unaudited("It is a line in passing; what it does to products stands in their own entries.").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_by: Mapped[UUID]
    is_good: Mapped[bool]
    sku: Mapped[str | None]
    name: Mapped[str | None]
    description: Mapped[str | None]
    price: Mapped[Decimal | None]
    stock: Mapped[int | None]
    is_active: Mapped[bool | None]


class ProductImportError(Base):
    """What is wrong with a line: ``place`` counts the file's columns from 1; 0 is the line as a whole."""

    __tablename__ = "product_import_errors"
    __table_args__ = (
        _of_import(),
        CheckConstraint(
            "line >= 0 and place >= 0 and greatest(length(column_name), length(value), length(reason)) <= 2000",
            name="words",
        ),
        {
            "info": _row_security(
                "product_import_errors",
                inserted=(
                    *("org_id", "import_id", "created_by", "line", "place"),
                    *("column_name", "value", "reason"),
                ),
            )
            | Unaudited("It says what is wrong with a file, and changes nothing.").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_by: Mapped[UUID]
    column_name: Mapped[str]
    value: Mapped[str]
    reason: Mapped[str]
