"""No identity reaches anybody else through two server connections, and each way of breaking that is caught."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import __version__ as sqlalchemy_version

from tests.factories import Factories
from tests.fixtures.cluster import Bouncer
from tests.fixtures.database import Database
from tests.rls import doors, leak
from tests.rls.leak import Load
from tests.rls.outcome import Outcome
from tests.rls.requests import Requests
from tests.rls.tenants import people

SEED = secrets.randbelow(10**9)
ENOUGH = 4_000  # requests after which a broken door must have been caught

# What a careless feature may add: a list for everybody, owned by whoever owns the tables.
VIEW = """
create view public.product_orgs with (security_invoker = true) as select org_id from public.products;
grant select on public.product_orgs to authenticated
"""
# Tables owned by a role that policies bind only while they are forced, and its SECURITY DEFINER function.
ORDINARY_OWNER = """
do $$ begin create role ordinary_owner nologin nobypassrls; exception when duplicate_object then null; end $$;
grant usage, create on schema public to ordinary_owner;
alter table public.products owner to ordinary_owner;
create function public.all_orgs() returns setof uuid language sql stable security definer
  set search_path = pg_catalog, pg_temp as 'select org_id from public.products';
alter function public.all_orgs() owner to ordinary_owner;
grant execute on function public.all_orgs() to authenticated
"""
READ_VIEW = "select org_id from public.product_orgs"
CALL_FUNCTION = "select all_orgs from public.all_orgs()"


Run = Callable[..., tuple[Outcome, Requests]]


@pytest.fixture
def run(narrow_bouncer: Bouncer, record_property: Callable[[str, object], None]) -> Run:
    """Return what runs a load on a database and reports seed, counts and versions."""

    def begin(database: Database, door: type[doors.Door] = doors.Door, **options: object) -> tuple[Outcome, Requests]:
        versions = (
            f"PostgreSQL {database.version}, {narrow_bouncer.version}, psycopg {psycopg.__version__},"
            f" SQLAlchemy {sqlalchemy_version}"
        )
        values: dict[str, object] = {"requests": ENOUGH} | options
        url, tenants = narrow_bouncer.url("rowhouse_web", database.name), people(Factories(database.owner))
        load = Load(
            url=url, door=door, people=tenants,
            seed=SEED, versions=versions, **values,  # type: ignore[arg-type]  # names of Load's own fields
        )  # fmt: skip
        outcome, requests = leak.run(load)
        record_property("leak run", str(outcome))
        return outcome, requests

    return begin


def lost(database: Database, requests: Requests) -> list[str]:
    """Return the writes that were acknowledged and are not there, or are there twice."""
    found = {(org, product): stock for org, product, stock in database.sql("select org_id, id, stock from products")}
    return [
        f"{key}: {found[key]} of {count}"
        for key, count in requests.increments.items()
        if not count <= found[key] <= count + requests.unsure[key]
    ]


@pytest.mark.timeout(120)
def test_no_request_and_no_canary_ever_meets_another_identity(database: Database, run: Run) -> None:
    outcome, requests = run(database, requests=5_000)
    print(outcome)  # noqa: T201 - seed, counts and versions belong into the report of a failure
    assert not outcome.faults, str(outcome)
    assert outcome.requests >= 5_000
    assert outcome.probes >= 200
    assert len(outcome.kinds) == 12
    assert lost(database, requests) == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_requests_while_the_pooler_is_killed_every_twenty_seconds(
    database: Database, run: Run, narrow_bouncer: Bouncer
) -> None:
    over = threading.Event()

    def kill_now_and_then() -> None:
        while not over.wait(20):
            narrow_bouncer.kill()
            narrow_bouncer.start()

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        outcome, requests = run(database, requests=100_000, may_be_away=True)
    finally:
        over.set()
        killer.join()
    print(outcome)  # noqa: T201 - as above
    assert not outcome.faults, str(outcome)
    assert lost(database, requests) == []


@pytest.mark.parametrize(
    ("door", "caught_as"),
    [
        (doors.SessionLevelSetting, "canary"),
        (doors.HookForgotten, "no identity"),
        (doors.SetOnceThenCommit, "no identity"),
        (doors.Autocommit, "no identity"),
        (doors.EngineConnect, "no identity"),
        (doors.IdentityChangedInSavepoint, "no identity"),
        (doors.SessionReused, "foreign row"),
    ],
)
def test_the_leak_run_catches_the_broken_door(
    door: type[doors.Door], caught_as: str, spare_database: Callable[[], Database], run: Run
) -> None:
    outcome, _ = run(spare_database(), door, stops_at=caught_as)
    assert outcome.faults[caught_as], str(outcome)


def test_a_session_level_setting_is_seen_by_canaries_alone(spare_database: Callable[[], Database], run: Run) -> None:
    """A leak test without a canary is blind: each request overwrites what the one before it left."""
    outcome, _ = run(spare_database(), doors.SessionLevelSetting, canaries=0, requests=500)
    assert outcome.faults["foreign row"] == 0, str(outcome)


@pytest.mark.parametrize(
    ("prepare", "breakage", "through", "caught_as"),
    [
        ("", "drop policy products_read on public.products", (), "missing row"),
        (VIEW, "alter view public.product_orgs set (security_invoker = false)", (READ_VIEW,), "foreign row"),
        (ORDINARY_OWNER, "alter table public.products no force row level security", (CALL_FUNCTION,), "foreign row"),
    ],
    ids=["a policy dropped", "security_invoker dropped", "FORCE dropped"],
)
def test_the_leak_run_catches_the_broken_schema(
    prepare: str,
    breakage: str,
    through: tuple[str, ...],
    caught_as: str,
    spare_database: Callable[[], Database],
    run: Run,
) -> None:
    sound, broken = spare_database(), spare_database()
    for database in (sound, broken):
        if prepare:
            database.admin_sql(prepare)
    broken.admin_sql(breakage)
    outcome, _ = run(sound, requests=200, through=through)
    assert not outcome.faults, str(outcome)
    outcome, _ = run(broken, through=through, stops_at=caught_as)
    assert outcome.faults[caught_as], str(outcome)


def test_the_leak_run_catches_a_temporary_table_that_shadows_a_real_one(
    spare_database: Callable[[], Database], run: Run
) -> None:
    sound, broken = spare_database(), spare_database()
    broken.sql(f"grant temporary on database {broken.name} to public")
    outcome, _ = run(sound, doors.ShadowTable, requests=200)
    assert not outcome.faults, str(outcome)
    outcome, _ = run(broken, doors.ShadowTable, stops_at="foreign row")
    assert outcome.faults["foreign row"], str(outcome)


def test_the_leak_run_catches_a_login_that_is_a_member_of_service_role(
    spare_database: Callable[[], Database], run: Run
) -> None:
    database = spare_database()
    database.admin_sql("grant service_role to rowhouse_web")
    try:
        outcome, _ = run(database, stops_at="escalation")
    finally:
        database.admin_sql("revoke service_role from rowhouse_web")
    assert outcome.faults["escalation"], str(outcome)
