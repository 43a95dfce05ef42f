"""Run migrations: one transaction each, one migrator at a time, on the direct connection only.

Alembic runs this file for every command that touches migrations. ``webapp.schema.project.configuration`` lists what
a caller may hand over; from the command line the database is ``-x url=…`` or the setting DATABASE_URL_DIRECT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData

from webapp.schema import compare, operations, project, rendering, session

__all__ = ["compare", "operations", "rendering"]  # each adds itself to Alembic when it is imported

config = context.config
if config.cmd_opts is not None and config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def metadata() -> MetaData | None:
    """Return what the database is compared with; a caller that only upgrades hands over None and saves the import."""
    if "metadata" in config.attributes:
        given: MetaData | None = config.attributes["metadata"]
        return given
    from webapp.models import Base

    return Base.metadata


def database_url() -> str:
    """Return the address of the direct connection."""
    given = config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    if given is not None:
        return str(given)
    from webapp.settings import BadSettings, load_direct_url

    try:
        return load_direct_url()
    except BadSettings as exc:
        raise CommandError(str(exc)) from None


def number(_context: MigrationContext, _revision: Any, scripts: Iterable[MigrationScript]) -> None:
    """Give a new revision the number after the newest, and write none that would be empty."""
    (script,) = generated = list(scripts)
    head = ScriptDirectory.from_config(config).get_current_head()
    if not re.fullmatch(r"\d{4}", script.rev_id or ""):
        script.rev_id = f"{int(head or 0) + 1:04d}"
    wanted = getattr(config.cmd_opts, "autogenerate", False)
    if wanted and script.upgrade_ops is not None and script.upgrade_ops.is_empty() and isinstance(scripts, list):
        scripts.remove(*generated)
        config.print_stdout("The models and the database agree: no migration written.")


def configure(connection: Connection | None = None, **where: Any) -> None:
    """Configure the context alike for both modes; ``where`` says what offline has instead of a connection."""
    context.configure(
        target_metadata=metadata(),
        version_table=project.VERSION_TABLE,
        version_table_schema=project.VERSION_SCHEMA,
        transaction_per_migration=True,
        include_schemas=True,
        include_name=project.name_filter(connection),
        include_object=project.include_object,
        compare_type=project.compare_type,
        compare_server_default=True,
        process_revision_directives=number,
        connection=connection,
        **where,
    )


def run_offline() -> None:
    """Write the migrations as SQL.

    With the attribute ``bare`` no BEGIN and no COMMIT: the Supabase command line brings its own transaction.
    """
    configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},
        literal_binds=True,
        transactional_ddl=False if config.attributes.get("bare") else None,
    )
    write = context.get_context().impl.static_output
    for name, value in session.OFFLINE_SETTINGS.items():
        write(f"SET {name} = '{value}';")
    if context.get_starting_revision_argument() is None:
        write(f"CREATE SCHEMA IF NOT EXISTS {project.VERSION_SCHEMA};")
    with context.begin_transaction():
        context.run_migrations()


def run_online(connection: Connection) -> None:
    """Run the migrations on ``connection``, alone."""
    with session.migrating(connection):
        configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
elif (given := config.attributes.get("connection")) is not None:
    run_online(given)
else:
    with session.direct_engine(database_url()).connect() as opened:
        run_online(opened)
