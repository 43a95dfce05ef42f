"""Where the migrations live, and which schemas they may touch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Enum, ForeignKeyConstraint, Table, text
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeEngine

ROOT: Final = Path(__file__).resolve().parents[2]
EXPORTED: Final = ROOT / "supabase" / "migrations"

# Everything else in the database belongs to Supabase or to somebody's extension, and is never compared or changed.
SCHEMAS: Final = ("public", "rowhouse", "rowhouse_audit", "rowhouse_auth")
VERSION_SCHEMA: Final = "rowhouse"
VERSION_TABLE: Final = "alembic_version"

_PARTITIONS: Final = text(
    "SELECT relnamespace::regnamespace::text AS schema, relname AS name FROM pg_catalog.pg_class WHERE relispartition"
)


def configuration(**attributes: Any) -> Config:
    """Return Alembic's configuration of this project.

    ``attributes`` reach ``migrations/env.py``: ``connection`` (migrate on this one), ``url`` (migrate this database),
    ``metadata`` (compare with this instead of the models), ``bare`` (offline: no BEGIN and no COMMIT).
    """
    config = Config(str(ROOT / "alembic.ini"))
    config.attributes.update(attributes)
    return config


def name_filter(connection: Connection | None) -> Callable[[str | None, str, Any], bool]:
    """Return what tells Alembic where to look: into our schemas, and past partitions, which follow their parent."""

    @cache
    def partitions() -> frozenset[tuple[str, str]]:
        if connection is None:
            return frozenset()
        return frozenset((row.schema, row.name) for row in connection.execute(_PARTITIONS))

    def include_name(name: str | None, kind: str, parents: Any) -> bool:
        if kind == "schema":
            return name is None or name in SCHEMAS
        if kind == "table":
            return (parents["schema_name"] or "public", name) not in partitions()
        return True

    return include_name


def include_object(item: SchemaItem, name: str | None, kind: str, reflected: bool, other: SchemaItem | None) -> bool:
    """Tell Alembic what to compare: what stands in our schemas.

    A foreign key from our tables to Supabase's is left alone: no model maps what it points to, so only a migration
    can have made it.
    """
    if isinstance(item, Table):
        return (item.schema or "public") in SCHEMAS
    if isinstance(item, ForeignKeyConstraint) and reflected and other is None:
        parts = item.elements[0].target_fullname.split(".")
        return len(parts) < 3 or parts[0] in SCHEMAS
    return True


def compare_type(
    context: MigrationContext, there: Column[Any], column: Column[Any], found: TypeEngine[Any], wanted: TypeEngine[Any]
) -> bool | None:
    """Tell Alembic whether two enumerations differ, and leave other types to it by returning None.

    Postgres prints a type of schema ``public`` without its schema, which Alembic takes for another type; and Alembic
    does not look at the values.
    """
    if not isinstance(found, Enum) or not isinstance(wanted, Enum):
        return None
    same_name = (found.schema or "public", found.name) == (wanted.schema or "public", wanted.name)
    return not (same_name and found.enums == wanted.enums)
