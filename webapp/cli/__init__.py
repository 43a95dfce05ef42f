"""The command ``rowhouse``: what an operator types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from webapp.cli.rls import rls


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rowhouse", message="%(prog)s %(version)s")
def main() -> None:
    """Rowhouse: the database decides who sees which row, and can say why."""


def _direct_url() -> str:
    # Here, because it brings SQLAlchemy along: `serve` is there 0.3 s sooner without.
    from webapp.settings import BadSettings, load_direct_url

    try:
        return load_direct_url()
    except BadSettings as exc:
        raise click.ClickException(str(exc)) from None


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what the database refused, in its own first line: an operator may read it, and needs no traceback."""
    import psycopg
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (psycopg.Error, DBAPIError, CommandError) as exc:
        said = str(exc.orig if isinstance(exc, DBAPIError) else exc).strip() or type(exc).__name__
        hint = "Look at DATABASE_URL_DIRECT: the owner's login, on a database with Supabase's roles and schema auth."
        raise click.ClickException(f"{said.splitlines()[0]}\n{hint}") from None


DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ROWHOUSE_DATA",
    default=None,
    help="Folder of the embedded Postgres; .local beside this project unless given.",
)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to serve on.")
@DATA
@click.option("--reset", is_flag=True, help="Delete the embedded database first, with all that is in it.")
def serve(port: int, data: Path | None, reset: bool) -> None:
    """Serve the application: on DATABASE_URL if that is set, else on an embedded Postgres with demonstration data."""
    from webapp.ops import serve as serving

    serving.serve(port=port, data=data, reset=reset)


@main.command()
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def urls(data: Path | None, as_json: bool) -> None:
    """Print the connection strings of the embedded Postgres: web, signin, inspector and direct."""
    from webapp.ops import serve as serving

    serving.urls(data=data, as_json=as_json)


@main.command()
@click.argument("revision", default="head")
def migrate(revision: str) -> None:
    """Bring the database of DATABASE_URL_DIRECT to REVISION, the newest unless named."""
    from webapp.ops.audit import make_partitions
    from webapp.ops.migrate import upgrade

    with _refusals():
        changed = upgrade(_direct_url(), revision)
        if revision == "head":
            make_partitions(_direct_url())
    click.echo("The schema was migrated." if changed else "The schema is up to date.")


@main.group()
def admin() -> None:
    """Administrators of the platform."""


@admin.command("grant")
@click.argument("email")
def admin_grant(email: str) -> None:
    """Make the account of EMAIL an administrator of the platform, from its next sign-in on."""
    _set_admin(email, True)


@admin.command("revoke")
@click.argument("email")
def admin_revoke(email: str) -> None:
    """Take the platform from the account of EMAIL, and end its sessions."""
    _set_admin(email, False)


def _set_admin(email: str, value: bool) -> None:
    from webapp.ops.admin import SeveralAccounts, UnknownAccount, set_admin

    try:
        with _refusals():
            account = set_admin(_direct_url(), email, value)
    except (SeveralAccounts, UnknownAccount) as exc:
        raise click.ClickException(str(exc)) from None
    which = f"{account.email} (account {account.id}, made {account.created_at:%Y-%m-%d %H:%M} UTC)"
    click.echo(f"{which} is {'now' if value else 'no longer'} an administrator of the platform.")


@main.group()
def audit() -> None:
    """The audit trail."""


@audit.command("partitions")
@click.option("--months", type=click.IntRange(0, 120), default=12, show_default=True, help="How many months ahead.")
def audit_partitions(months: int) -> None:
    """Make the partitions of the audit trail for the months to come: run this once a month."""
    from webapp.ops.audit import make_partitions

    with _refusals():
        made = make_partitions(_direct_url(), months)
    click.echo(f"{made} made." if made else "All of them are there.")


main.add_command(rls)


@main.group()
def migrations() -> None:
    """The migrations as files."""


@migrations.command("export")
@click.option("--check", is_flag=True, help="Write nothing; fail where a file is missing or differs.")
def migrations_export(check: bool) -> None:
    """Write each migration as SQL to supabase/migrations, for the Supabase command line."""
    from webapp.schema.export import export

    found = export(check=check)
    for message in found.messages(check=check):
        click.echo(message, err=check)
    if check and not found.is_current:
        raise SystemExit(1)
