"""The project's own migrations: forward, back and forward again, one migrator at a time, never through a pooler."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from tests.fixtures.cluster import Bouncer
from tests.fixtures.database import Database
from webapp.ops import migrate
from webapp.schema.project import ROOT, configuration
from webapp.schema.session import ADVISORY_LOCK, PoolerRefused, direct_engine, migrating


def test_the_models_and_the_migrations_agree(database: Database) -> None:
    command.check(configuration(url=database.direct_url))


def test_migrations_go_down_and_up_again(url: str, dump: Callable[[str], str]) -> None:
    empty = dump(url)
    migrate.upgrade(url)
    full = dump(url)
    command.downgrade(configuration(url=url, metadata=None), "base")
    down = dump(url)
    migrate.upgrade(url)
    assert dump(url) == full
    assert set(down.splitlines()) - set(empty.splitlines()) <= set(full.splitlines())
    for name in ("organizations", "member_role", "rowhouse_auth", "rowhouse_profile", "member_orgs"):
        assert name not in down


def test_each_migration_can_be_undone_by_itself(url: str) -> None:
    config = configuration(url=url, metadata=None)
    revisions = [script.revision for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions()))]
    for revision in revisions:
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    assert migrate.current(url) == revisions[-1]


def test_the_files_names_tell_the_newest_revision() -> None:
    assert migrate.head() == ScriptDirectory.from_config(configuration()).get_current_head()


def test_a_database_at_the_newest_revision_is_left_alone(database: Database) -> None:
    assert migrate.current(database.direct_url) == migrate.head()
    assert migrate.upgrade(database.direct_url) is False


def test_an_empty_database_has_no_revision(url: str) -> None:
    assert migrate.current(url) is None


def test_two_migrators_do_not_race(url: str) -> None:
    program = "import sys; from webapp.ops import migrate; migrate.upgrade(sys.argv[1])"
    migrators = [
        subprocess.Popen([sys.executable, "-c", program, url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [migrator.communicate(timeout=60)[1] for migrator in migrators]
    assert [migrator.returncode for migrator in migrators] == [0, 0], told
    assert migrate.current(url) == migrate.head()


def test_a_migrator_gives_up_when_another_one_does_not_end(url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("select pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        with (
            direct_engine(url).connect() as connection,
            pytest.raises(CommandError, match="Another migrator"),
            migrating(connection, patience=0.2),
        ):
            pytest.fail("The lock was held by somebody else.")


def test_nothing_of_the_migrator_stays_on_its_connection(url: str) -> None:
    with direct_engine(url).connect() as connection:
        with migrating(connection):
            assert connection.exec_driver_sql("show lock_timeout").scalar() == "400ms"
        assert connection.exec_driver_sql("show lock_timeout").scalar() == "0"
        locks = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        assert connection.exec_driver_sql(locks).scalar() == 0


def test_a_callers_transaction_stays_the_callers(url: str) -> None:
    with direct_engine(url).connect() as connection, connection.begin() as transaction:
        command.upgrade(configuration(connection=connection, metadata=None), "head")
        assert connection.exec_driver_sql("select version_num from rowhouse.alembic_version").scalar() == migrate.head()
        transaction.rollback()
    assert migrate.current(url) is None


def test_a_migration_that_does_not_get_its_lock_makes_way_and_comes_again(url: str) -> None:
    writer = psycopg.connect(url)
    writer.execute("lock table auth.users in row exclusive mode")  # as each sign-in does
    ended = threading.Timer(1.5, writer.close)
    ended.start()
    began = time.monotonic()
    assert migrate.upgrade(url) is True
    assert time.monotonic() - began > 1.0
    ended.join()


def test_a_migration_that_never_gets_its_lock_says_so(url: str) -> None:
    with psycopg.connect(url) as writer:
        writer.execute("lock table auth.users in row exclusive mode")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.upgrade(url, patience=0)


def test_a_transaction_pooler_is_refused(database: Database, bouncer: Bouncer) -> None:
    pooled = bouncer.url("rowhouse_web", database.name)
    with (
        direct_engine(pooled).connect() as connection,
        pytest.raises(PoolerRefused, match="direct connection"),
        migrating(connection),
    ):
        pytest.fail("The pooler was not recognised.")
