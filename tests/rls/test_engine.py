"""The engine: which addresses it takes, what it keeps open, and what it says of an unsafe login."""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, text

from tests.fixtures.cluster import Postgres
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity, transaction
from webapp.rls.errors import Unavailable

HERE = "rowhouse_web:p%40ss@db.example:6543/postgres"


@pytest.mark.parametrize(
    "given",
    [
        f"postgres://{HERE}",
        f"postgresql://{HERE}",
        f"postgresql+psycopg://{HERE}",
        f"postgresql+rowhouse://{HERE}",
        f"postgres://{HERE}?pgbouncer=true",
    ],
)
def test_every_spelling_of_an_address_is_the_same_address(given: str) -> None:
    url = rls.normalise_url(given)
    assert url.render_as_string(hide_password=False) == f"postgresql+rowhouse://{HERE}"


def test_other_options_of_an_address_stay() -> None:
    url = rls.normalise_url(f"postgres://{HERE}?sslmode=require&pgbouncer=true")
    assert dict(url.query) == {"sslmode": "require"}


@pytest.mark.parametrize("given", ["", "nonsense", "mysql://a@b/c", "sqlite:///x", "postgresql+psycopg2://a@b/c"])
def test_another_address_is_refused_and_its_password_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="postgresql://") as caught:
        rls.normalise_url(given.replace("a@b", "a:s3cret@b"))
    assert "s3cret" not in str(caught.value)


def test_no_connection_is_kept(database: Database) -> None:
    engine = rls.create_engine(database.web_direct_url, application_name="kept")
    assert isinstance(engine.pool, NullPool)
    with rls.unit_of_work(engine, Identity.anonymous()) as connection:
        connection.execute(text("select 1"))
    open_ones = "select count(*) from pg_stat_activity where application_name = 'kept' and state <> 'idle'"
    assert database.admin_sql(open_ones) == [(0,)]


def test_a_new_engine_asks_the_server_nothing_before_it_has_an_identity(database: Database, world: World) -> None:
    database.admin_sql(f"alter database {database.name} set log_statement = 'all'")
    try:
        mark = database.postgres.log.mark()
        engine = rls.create_engine(database.web_direct_url)
        with rls.unit_of_work(engine, world.acme.member.identity, read_only=True) as connection:
            connection.execute(text("select name from products"))
        log = database.postgres.log.since(mark)
    finally:
        database.admin_sql(f"alter database {database.name} reset log_statement")
    statements = [line.split(": ", 2)[2] for line in log.splitlines() if "rowhouse_web@" in line and "LOG:" in line]
    server = int(database.version.split(".")[0]) * 10_000
    begun = transaction.prologue(rls.Transaction(world.acme.member.identity, read_only=True), server)
    assert statements == [*(each.text.decode() for each in begun), "select name from products", "COMMIT"]


# From PostgreSQL 16 on, whether a role inherits is decided when it is granted.
GRANTED_ANEW = "revoke authenticated from rowhouse_web; grant authenticated to rowhouse_web"


@pytest.mark.parametrize(
    ("change", "undo", "complaint"),
    [
        ("alter role rowhouse_web superuser", "alter role rowhouse_web nosuperuser", "superuser"),
        ("alter role rowhouse_web bypassrls", "alter role rowhouse_web nobypassrls", "BYPASSRLS"),
        (
            f"alter role rowhouse_web inherit; {GRANTED_ANEW}",
            f"alter role rowhouse_web noinherit; {GRANTED_ANEW}",
            "inherits",
        ),
        (
            "create role sees_all bypassrls; grant sees_all to rowhouse_web",
            "drop role sees_all",
            "sees_all, which rowhouse_web can become, has BYPASSRLS",
        ),
        ("grant pg_read_all_data to rowhouse_web", "revoke pg_read_all_data from rowhouse_web", "pg_read_all_data"),
        (
            "revoke anon from rowhouse_web granted by postgres",
            "grant anon to rowhouse_web granted by postgres",
            "no member of anon",
        ),
        ("alter role rowhouse_web createrole", "alter role rowhouse_web nocreaterole", "CREATEROLE"),
        ("grant service_role to rowhouse_web", "revoke service_role from rowhouse_web", "service_role"),
        (
            "alter table public.products owner to rowhouse_web",
            "alter table public.products owner to postgres",
            "owns table",
        ),
    ],
)
def test_an_unsafe_login_is_named_for_what_is_wrong_with_it(
    change: str, undo: str, complaint: str, database: Database
) -> None:
    engine = rls.create_engine(database.web_url)
    assert rls.check_login(engine) == []
    database.admin_sql(change)
    try:
        assert any(complaint in found for found in rls.check_login(engine))
    finally:
        database.admin_sql(undo)


def test_the_owner_is_no_login_for_requests(database: Database) -> None:
    complaints = rls.check_login(rls.create_engine(database.direct_url))
    assert len(complaints) >= 3


def test_a_server_that_is_not_there_is_said_to_be_unavailable(postgres: Postgres) -> None:
    engine = rls.create_engine("postgresql://nobody:secret@127.0.0.1:1/none", connect_timeout=1)
    with pytest.raises(Unavailable) as caught, rls.unit_of_work(engine, Identity.anonymous()):
        pass
    assert "secret" not in str(caught.value)
