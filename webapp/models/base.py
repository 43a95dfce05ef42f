"""The declarative base that every model shares, and the kinds of column that recur."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from sqlalchemy import MetaData, Numeric, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry
from uuid6 import uuid7

# Postgres's own names for constraints, so that a migration and a hand-written DDL agree.
NAMING = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}


class Base(DeclarativeBase):
    """Collect the mapped classes; ``webapp.models`` imports every one of them."""

    # A registry rather than a type_annotation_map: Flask-SQLAlchemy makes a subclass, which may not have both.
    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            str: Text(),
            datetime: TIMESTAMP(timezone=True),
            UUID: Uuid(),
            Decimal: Numeric(12, 2),
        },
    )


def new_id() -> UUID:
    """Return a time-ordered UUID (version 7, RFC 9562): newest-first is the primary key read backwards."""
    return UUID(int=uuid7().int)


Id = Annotated[UUID, mapped_column(primary_key=True, default=new_id, server_default=text("rowhouse.uuid_v7()"))]
Created = Annotated[datetime, mapped_column(server_default=text("now()"))]
