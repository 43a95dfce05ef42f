"""A small shop: metadata with one of everything that can be declared, and ways to compare and to repair."""

from __future__ import annotations

from collections.abc import Iterator

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import CreateTableOp, OpContainer, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Column, Computed, Connection, Enum, Integer, MetaData, Table, Text, Uuid, text

from webapp.rls.policy import FUNCTIONS_KEY, TRIGGERS_KEY, Function, Grant, Policy, RowSecurity, Trigger
from webapp.schema import compare, project, rendering

__all__ = ["compare", "rendering"]

MINE = "org_id = any ((select rowhouse.shop_orgs())::uuid[])"

ORGS = Function(
    "rowhouse.shop_orgs()",
    """create or replace function rowhouse.shop_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select '{}'::uuid[] where 'a:b 100%' like '%:b %%' or ':x' = E'\\t\\\\:y'\t-- a tab, and two blanks:\x20\x20
$$""",
    ("authenticated", "service_role"),
)
SHELF_ID = Function(
    "rowhouse.shelf_id()",
    "create or replace function rowhouse.shelf_id() returns uuid language sql volatile as $$select gen_random_uuid()$$",
    ("authenticated",),
)
SPEAK = Function(
    "public.speak(text, integer)",
    """create or replace function public.speak(p_word text, p_times int default 2) returns text
language plpgsql as $$
begin
  return repeat(p_word, p_times);
end
$$""",
    ("anon",),
)
TOUCH = Function(
    "rowhouse.shop_touch()",
    """create or replace function rowhouse.shop_touch() returns trigger language plpgsql
as $$ begin return new; end $$""",
)
TRIGGERS = (
    Trigger(
        "shelves_touch",
        "public.shelves",
        "create trigger shelves_touch before update on public.shelves"
        " for each row execute function rowhouse.shop_touch()",
    ),
    Trigger(
        "shelves_keep",
        "public.shelves",
        "create constraint trigger shelves_keep after delete on public.shelves deferrable initially deferred"
        " for each row execute function rowhouse.shop_touch()",
    ),
    Trigger(
        "shop_user",
        "auth.users",
        "create trigger shop_user after insert on auth.users for each row execute function rowhouse.shop_touch()",
    ),
)
SHELVES = RowSecurity(
    policies=(
        Policy("shelves_read", "select", ("authenticated",), using=MINE),
        Policy("shelves_write", "insert", ("authenticated",), check=f"{MINE} and label <> ':x 5%'"),
        Policy("shelves_change", "update", ("authenticated",), using=MINE, check=MINE),
        Policy("shelves_hours", "all", ("authenticated", "anon"), using="(true)", permissive=False),
    ),
    grants=(
        Grant("authenticated", ("select",)),
        Grant("authenticated", ("insert", "update"), ("label", "colour")),
        Grant("service_role", ("select", "insert", "update", "delete")),
    ),
)


def shop() -> MetaData:
    """Return the metadata of the shop; each test may change its own."""
    metadata = MetaData()
    metadata.info[FUNCTIONS_KEY] = (ORGS, SHELF_ID, SPEAK, TOUCH)
    metadata.info[TRIGGERS_KEY] = TRIGGERS
    Table(
        "shelves",
        metadata,
        Column("org_id", Uuid, primary_key=True),
        Column("id", Uuid, primary_key=True, server_default=text("rowhouse.shelf_id()")),
        Column("label", Text, nullable=False, server_default=text("''")),
        Column("colour", Enum("red", "blue", name="colour", schema="public")),
        Column("width", Integer, nullable=False, server_default=text("0")),
        Column("search", Text, Computed("lower(label)", persisted=True)),
        CheckConstraint("label not like '%:x%'", name="shelves_label_check"),
        info=SHELVES.as_info(),
    )
    Table("secrets", metadata, Column("id", Uuid, primary_key=True), schema="rowhouse")
    return metadata


def context_of(connection: Connection) -> MigrationContext:
    """Return a migration context with the options that migrations/env.py gives."""
    return MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": project.name_filter(connection),
            "include_object": project.include_object,
            "compare_type": project.compare_type,
            "compare_server_default": True,
            "version_table": project.VERSION_TABLE,
            "version_table_schema": project.VERSION_SCHEMA,
        },
    )


def differences(connection: Connection, metadata: MetaData) -> list[MigrateOperation]:
    """Return what autogenerate finds, as operations in their order."""
    found = produce_migrations(context_of(connection), metadata).upgrade_ops
    assert found is not None
    return list(_flat(found))


def _flat(container: OpContainer) -> Iterator[MigrateOperation]:
    for operation in container.ops:
        if isinstance(operation, OpContainer) and not isinstance(operation, CreateTableOp):
            yield from _flat(operation)
        else:
            yield operation


def run(connection: Connection, operations: list[MigrateOperation]) -> None:
    """Run operations in their order."""
    runner = Operations(context_of(connection))
    for operation in operations:
        runner.invoke(operation)


def reversal(operations: list[MigrateOperation]) -> list[MigrateOperation]:
    """Return what undoes ``operations``."""
    return [op for one in reversed(operations) for op in _flat(OpContainer([one.reverse()]))]


def written(connection: Connection, operations: list[MigrateOperation]) -> str:
    """Return ``operations`` as autogenerate would write them into a migration, indented as it indents them."""
    code = render_python_code(UpgradeOps(operations), migration_context=context_of(connection))
    assert isinstance(code, str)
    return code
