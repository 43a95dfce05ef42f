"""Nobody changes or deletes an entry: not the owner of the organisation, not service_role, not the table's owner."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, text

from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity
from webapp.rls.errors import NotPermitted

PARTITIONS = (
    "select c.oid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid"
    " where i.inhparent = 'public.audit_log'::regclass order by 1"
)
CHANGES = (
    "update {} set user_id = null",
    "update {} set at = at + interval '1 month'",
    "delete from {}",
    "delete from only {}",
    "merge into {} e using (select 1) s on true when matched then delete",
    "truncate {}",
    "truncate {} cascade",
)
FORGED = (
    "insert into public.audit_log (org_id, at, written_at, record_id, table_name, action)"
    " values (gen_random_uuid(), now(), now(), gen_random_uuid(), 'products', 'insert')"
)


def rows(database: Database) -> int:
    return int(database.sql("select count(*) from public.audit_log")[0][0])


def partitions(database: Database) -> list[str]:
    return [str(row[0]) for row in database.sql(PARTITIONS)]


def test_an_organisations_owner_can_do_nothing_but_read(web_engine: Engine, world: World) -> None:
    identity = world.acme.owner.identity
    with rls.unit_of_work(web_engine, identity) as connection:
        assert connection.scalar(text("select count(*) from audit_log"))
    for statement in (*(change.format("audit_log") for change in CHANGES), FORGED):
        with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, identity) as connection:
            connection.execute(text(statement))


def test_no_person_reaches_a_partition(web_engine: Engine, world: World, database: Database) -> None:
    for partition in partitions(database):
        for change in ("select 1 from {}", *CHANGES):
            with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, world.acme.owner.identity) as connection:
                connection.execute(text(change.format(partition)))


@pytest.mark.parametrize("change", [*CHANGES, FORGED])
def test_service_role_reads_and_no_more(database: Database, world: World, change: str) -> None:
    with psycopg.connect(database.inspector_url) as connection:
        connection.execute("set local role service_role")
        count = connection.execute("select count(*) from public.audit_log").fetchone()
        assert count
        assert count[0] == rows(database) > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(change.format("public.audit_log"))


@pytest.mark.parametrize("change", CHANGES)
def test_the_tables_owner_is_refused_on_the_table_and_on_each_partition(
    database: Database, world: World, change: str
) -> None:
    before = rows(database)
    assert before > 0
    (holding,) = {str(row[0]) for row in database.sql("select tableoid::regclass from public.audit_log")}
    every = partitions(database) if "truncate" in change else [holding]
    for table in ("public.audit_log", *every):
        if "only" in change and table == "public.audit_log":
            continue  # the table itself holds no row
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
            database.owner().execute(sql.SQL(change).format(sql.SQL(table)))
    assert rows(database) == before


def test_the_superuser_is_refused_too_even_as_a_replica(database: Database, world: World) -> None:
    """As a replica ordinary triggers are passed by, and on Supabase the owner may become one."""
    superuser = database.superuser()
    superuser.execute("set session_replication_role = replica")
    try:
        for change in CHANGES:
            if "only" not in change:  # the table itself holds no row
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    superuser.execute(sql.SQL(change).format(sql.SQL("public.audit_log")))
    finally:
        superuser.execute("reset session_replication_role")


def test_without_the_trigger_a_change_would_go_through(spare_database: Callable[[], Database]) -> None:
    """The refusals above are the triggers' and nobody else's."""
    spare = spare_database()
    spare.sql(FORGED)
    spare.sql("alter table public.audit_log disable trigger audit_log_append_only")
    spare.sql("delete from public.audit_log")
    assert rows(spare) == 0


def test_a_partition_is_closed_and_guarded_like_all_of_it(database: Database) -> None:
    found = database.sql(
        "select c.relrowsecurity, c.relforcerowsecurity, (select count(*) from pg_policy where polrelid = c.oid),"
        " (select count(*) from aclexplode(c.relacl) a where a.grantee <> c.relowner),"
        " (select array_agg(t.tgname::text || ' ' || t.tgenabled::text order by t.tgname) from pg_trigger t"
        "  where t.tgrelid = c.oid), pg_get_userbyid(c.relowner)::text"
        " from pg_class c join pg_inherits i on i.inhrelid = c.oid"
        " where i.inhparent = 'public.audit_log'::regclass"
    )
    assert len(found) >= 14
    triggers = ["audit_log_append_only A", "audit_log_no_truncate A"]
    assert {(*row[:4], *row[4], row[5]) for row in found} == {(True, True, 0, 0, *triggers, "postgres")}


def test_nobody_may_use_the_schema_of_the_partitions(database: Database) -> None:
    roles = ("anon", "authenticated", "service_role", "rowhouse_web", "rowhouse_signin", "rowhouse_inspector")
    for role in roles:
        assert database.sql("select has_schema_privilege(%s, 'rowhouse_audit', 'usage, create')", (role,)) == [(False,)]


@pytest.mark.parametrize("who", ["viewer", "member"])
def test_only_administrators_read_it(web_engine: Engine, world: World, who: str) -> None:
    person = getattr(world.acme, who)
    with rls.unit_of_work(web_engine, person.identity) as connection:
        assert connection.scalar(text("select count(*) from audit_log")) == 0
    with rls.unit_of_work(web_engine, world.acme.admin.identity) as connection:
        orgs = connection.execute(text("select distinct org_id from audit_log")).scalars().all()
    assert orgs == [world.acme.org.id]


def test_who_is_nobody_is_refused(web_engine: Engine, world: World) -> None:
    for identity in (Identity.sign_in(), Identity.anonymous()):
        with pytest.raises(NotPermitted), rls.unit_of_work(web_engine, identity) as connection:
            connection.execute(text("select 1 from public.audit_log"))
