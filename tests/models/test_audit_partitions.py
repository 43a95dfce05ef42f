"""Partitions stand ready by month; a month that nobody made is caught, and put right without losing an entry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from click.testing import CliRunner

from tests.fixtures.database import Database
from webapp.cli import main
from webapp.ops.audit import make_partitions

_NAMES = (
    "select relname::text from pg_class where relispartition and relkind = 'r'"
    " and relnamespace = 'rowhouse_audit'::regnamespace order by 1"
)
_WRITE = (
    "insert into public.audit_log (org_id, at, written_at, record_id, table_name, action)"
    " select gen_random_uuid(), t, t, gen_random_uuid(), 'products', 'insert' from unnest(%s::timestamptz[]) t"
)
_WHERE = "select tableoid::regclass::text, at from public.audit_log order by at"


def names(database: Database) -> list[str]:
    return [str(row[0]) for row in database.sql(_NAMES)]


def make(database: Database, first: str, ahead: int) -> int:
    return int(database.sql("select rowhouse.make_audit_partitions(%s, %s)", (first, ahead))[0][0])


def test_the_migration_makes_this_month_and_a_year_ahead(database: Database) -> None:
    now = datetime.now(UTC)
    wanted = [f"audit_log_{now.year + (now.month - 1 + n) // 12}_{(now.month - 1 + n) % 12 + 1:02}" for n in range(13)]
    assert set(wanted) | {"audit_log_default"} <= set(names(database))


def test_making_them_again_makes_none(spare_database: Callable[[], Database]) -> None:
    spare = spare_database()
    before = names(spare)
    assert make_partitions(spare.direct_url, 12) == 0
    assert make_partitions(spare.direct_url, 14) == 2
    assert len(names(spare)) == len(before) + 2


def test_an_entry_of_a_month_that_nobody_made_is_not_lost(spare_database: Callable[[], Database]) -> None:
    spare = spare_database()
    moments = [datetime(2031, month, 28, 23, 59, 59, 999999, tzinfo=UTC) for month in (1, 1, 2, 4)]
    spare.sql(_WRITE, (moments,))
    assert {row[0] for row in spare.sql(_WHERE)} == {"rowhouse_audit.audit_log_default"}

    assert make(spare, "2031-02-10", 1) == 5  # January to April, and the default one anew

    assert spare.sql(_WHERE) == [(f"rowhouse_audit.audit_log_2031_{moment.month:02}", moment) for moment in moments]
    assert spare.sql("select count(*) from rowhouse_audit.audit_log_default") == [(0,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
        spare.sql("delete from rowhouse_audit.audit_log_2031_01")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
        spare.sql("truncate rowhouse_audit.audit_log_default")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_months_are_those_of_utc_whatever_the_servers_zone(spare_database: Callable[[], Database], zone: str) -> None:
    spare = spare_database()
    with spare.owner().transaction():
        spare.owner().execute(
            "select set_config('timezone', %s, true), set_config('datestyle', 'German', true)", (zone,)
        )
        make(spare, "2031-01-01", 1)
    moments = [
        datetime(2031, 1, 1, tzinfo=UTC),
        datetime(2031, 1, 31, 23, 59, tzinfo=UTC),
        datetime(2031, 2, 1, tzinfo=UTC),
    ]
    spare.sql(_WRITE, (moments,))
    found = [row[0].rpartition("log_")[2] for row in spare.sql(_WHERE)]
    assert found == ["2031_01", "2031_01", "2031_02"]


def test_two_who_make_them_at_once_do_not_collide(spare_database: Callable[[], Database]) -> None:
    spare = spare_database()
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(make_partitions(spare.direct_url, 24))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(made) == [0, 0, 12]


def test_writers_are_not_kept_out_while_partitions_are_made(spare_database: Callable[[], Database]) -> None:
    spare = spare_database()
    with psycopg.connect(spare.direct_url) as maker, psycopg.connect(spare.direct_url) as writer:
        maker.execute("select rowhouse.make_audit_partitions(current_date, 20)")
        writer.execute("set local lock_timeout = '200ms'")
        writer.execute("insert into public.organizations (slug, name) values ('a-b', 'A')")
    assert spare.sql("select count(*) from public.audit_log") == [(1,)]


def test_a_missing_month_costs_no_write_even_with_no_partition_but_the_default(
    spare_database: Callable[[], Database],
) -> None:
    spare = spare_database()
    for name in names(spare):
        if name != "audit_log_default":
            spare.sql(f"drop table rowhouse_audit.{name}")
    spare.sql("insert into public.organizations (slug, name) values ('a-b', 'A')")
    assert make_partitions(spare.direct_url) == 14
    assert [row[0] == "rowhouse_audit.audit_log_default" for row in spare.sql(_WHERE)] == [False]


def test_no_person_makes_partitions(database: Database) -> None:
    signature = "rowhouse.make_audit_partitions(date, integer)"
    for role in ("anon", "authenticated", "service_role", "rowhouse_web"):
        assert database.sql("select has_function_privilege(%s, %s, 'execute')", (role, signature)) == [(False,)]


def test_the_command_says_what_it_made(spare_database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch) -> None:
    spare = spare_database()
    monkeypatch.setenv("DATABASE_URL_DIRECT", spare.direct_url)
    said = [CliRunner().invoke(main, ["audit", "partitions", "--months", "13"]).output for _ in range(2)]
    assert said == ["1 made.\n", "All of them are there.\n"]


def test_migrating_keeps_them_ready(spare_database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch) -> None:
    spare = spare_database()
    last = max(name for name in names(spare) if name != "audit_log_default")
    spare.sql(f"drop table rowhouse_audit.{last}")
    monkeypatch.setenv("DATABASE_URL_DIRECT", spare.direct_url)
    assert CliRunner().invoke(main, ["migrate"]).output == "The schema is up to date.\n"
    assert last in names(spare)
