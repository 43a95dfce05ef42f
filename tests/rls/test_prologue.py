"""How a transaction begins: what is sent, with which limits, and that no claim is seen or taken for a statement."""

from __future__ import annotations

import json
import time
from tempfile import TemporaryFile

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import Trace
from sqlalchemy import Engine, text

from tests.fixtures.core import WHO
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity, Limits, Transaction
from webapp.rls.connection import GuardedConnection
from webapp.rls.errors import LockTimeout, StatementTimeout, Unavailable
from webapp.rls.transaction import prologue

SUB = "00000000-0000-4000-8000-000000000001"


SETTINGS = (
    "SELECT pg_catalog.num_nulls(pg_catalog.set_config('request.jwt.claims', $1, true), "
    "pg_catalog.set_config('request.jwt.claim', '', true), pg_catalog.set_config('request.jwt.claim.sub', '', true), "
    "pg_catalog.set_config('request.jwt.claim.role', '', true), "
    "pg_catalog.set_config('request.jwt.claim.email', '', true), "
    "pg_catalog.set_config('search_path', 'public', true), pg_catalog.set_config('row_security', 'on', true), "
    "pg_catalog.set_config('statement_timeout', '1', true), pg_catalog.set_config('lock_timeout', '2', true), "
    "pg_catalog.set_config('idle_in_transaction_session_timeout', '3', true), "
    "pg_catalog.set_config('transaction_timeout', '4', true))"
)


def test_the_prologue_sets_the_role_by_set_local_and_the_claims_by_the_value_of_a_parameter() -> None:
    """Citus passes SET LOCAL on to its workers, and Postgres shows a statement's text and not its values."""
    wanted = Transaction(Identity.anonymous(), read_only=True, limits=Limits(1, 2, 3, 4))
    assert [(text.decode(), values) for text, values in prologue(wanted, 170000)] == [
        ("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", None),
        ("SET LOCAL ROLE anon", None),
        (SETTINGS, (b'{"role":"anon"}',)),
    ]


def test_transaction_timeout_is_left_out_where_the_server_does_not_know_it() -> None:
    assert not any(b"transaction_timeout" in each.text for each in prologue(Transaction(Identity.anonymous()), 160009))


def test_the_prologue_is_one_round_trip(database: Database, world: World) -> None:
    """libpq's own trace: all that goes to the pooler (F) goes before anything comes back (B), and one Sync is in it."""
    wanted = Transaction(world.acme.member.identity)
    with GuardedConnection.connect(database.web_url, autocommit=True) as driver, TemporaryFile("w+") as trace:
        driver.pgconn.trace(trace.fileno())
        driver.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        driver.begin_as(wanted.identity, prologue(wanted, driver.info.server_version))
        driver.pgconn.untrace()
        trace.seek(0)
        messages = [line.rstrip().split("\t") for line in trace]
    directions = "".join(message[0] for message in messages)
    assert directions.lstrip("F").strip("B") == ""
    assert [message[2] for message in messages if message[0] == "F"].count("Sync") == 1


SEEN = """
select query, activity::text from pg_stat_activity activity
where datname = current_database() and usename = 'rowhouse_web' and pid <> pg_backend_pid()
"""


def test_no_other_session_of_the_login_sees_a_claim(web_engine: Engine, database: Database, world: World) -> None:
    """Whoever can run SQL of their own as rowhouse_web can look at what its other sessions were last asked."""
    victim = world.globex.owner
    with (
        rls.bind(web_engine, victim.identity).connect() as connection,
        psycopg.connect(database.web_url, prepare_threshold=None) as onlooker,
    ):
        connection.begin()
        seen = onlooker.execute(SEEN).fetchall()
        assert any("request.jwt.claims" in query for query, _ in seen), seen
        assert connection.execute(WHO).one() == ("authenticated", str(victim.id))
        seen += onlooker.execute(SEEN).fetchall()
    for secret in (str(victim.session_id), str(victim.id), victim.email):
        assert not any(secret in row for _, row in seen)


def test_a_prologue_that_fails_leaves_no_connection_to_go_on_with(database: Database) -> None:
    refused = Transaction(Identity.service("a test"))
    with GuardedConnection.connect(database.web_url, autocommit=True) as driver:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            driver.begin_as(refused.identity, prologue(refused, driver.info.server_version))
        assert driver.closed
        assert not driver.has_identity


HOSTILE = [
    "'; drop table products; --",
    "\\'; drop table products; --",
    "\\",
    "\\\\'",
    "'' || current_user || ''",
    "$$; commit; $$",
    'a "quoted" name',
    "two\nlines\r\n\tand a tab",
    "naïve, 日本語, 𝒜, \u202e reversed",
    "/* open",
    "-- open",
    "E'\\x27'",
    "%s %(name)s :name ? {}",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_claim_arrives_as_it_is(value: str, web_engine: Engine) -> None:
    identity = Identity.user({"sub": SUB, "role": "authenticated", "email": value, value: value})
    with rls.unit_of_work(web_engine, identity) as connection:
        assert connection.execute(WHO).one() == ("authenticated", SUB)
        received = connection.scalar(text("select current_setting('request.jwt.claims')"))
    assert json.loads(str(received))["email"] == value
    assert json.loads(str(received))[value] == value


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXT, st.recursive(TEXT | st.integers() | st.booleans() | st.none(), st.lists), max_size=4))
def test_whatever_the_claims_are_the_server_reads_what_was_meant(web_engine: Engine, claims: dict[str, object]) -> None:
    identity = Identity.user({**claims, "sub": SUB, "role": "authenticated"})
    with rls.unit_of_work(web_engine, identity) as connection:
        assert connection.scalar(text("select current_setting('request.jwt.claims')")) == identity.claims
        assert connection.execute(WHO).one() == ("authenticated", SUB)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": SUB},
        {"sub": SUB, "role": "service_role"},
        {"sub": SUB, "role": "anon"},
        {"sub": SUB, "role": "authenticated; set role service_role"},
        {"sub": "not-a-uuid", "role": "authenticated"},
        {"sub": None, "role": "authenticated"},
        {"role": "authenticated"},
    ],
)
def test_claims_that_name_no_person_make_no_identity(claims: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"claims|UUID"):
        Identity.user(claims)


@pytest.mark.parametrize("role", ["postgres", "supabase_admin", "anon; reset role", "", "AUTHENTICATED", "none--"])
def test_only_four_roles_can_follow_set_local_role(role: str) -> None:
    with pytest.raises(ValueError, match="not a role"):
        Identity(role)


def test_an_identity_cannot_be_changed_after_it_was_given_away() -> None:
    claims = {"sub": SUB, "role": "authenticated", "app_metadata": {"rowhouse_admin": False}}
    identity = Identity.user(claims)
    claims["app_metadata"] = {"rowhouse_admin": True}
    with pytest.raises(AttributeError):
        identity.role = "service_role"  # type: ignore[misc]  # the very point
    assert '"rowhouse_admin":false' in identity.claims
    assert identity == Identity.user({**claims, "app_metadata": {"rowhouse_admin": False}})


def test_the_service_role_needs_a_reason_and_the_web_login_never_gets_it(web_engine: Engine) -> None:
    with pytest.raises(ValueError, match="what"):
        Identity.service(" ")
    with pytest.raises(rls.errors.NotPermitted), rls.unit_of_work(web_engine, Identity.service("a test")) as connection:
        connection.execute(text("select 1"))


def test_the_inspector_may_become_the_service_role(database: Database, world: World) -> None:
    engine = rls.create_engine(database.inspector_url)
    with rls.unit_of_work(engine, Identity.service("a test"), read_only=True) as connection:
        assert connection.scalar(text("select count(*) from products")) == 6


def test_every_timeout_is_set_for_the_transaction_alone(web_engine: Engine, database: Database) -> None:
    limits = Limits(statement=1_111, lock=222, idle=3_333, transaction=4_444)
    names = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    wanted = ["1111ms", "222ms", "3333ms"]
    if int(database.version.split(".")[0]) >= 17:
        names.append("transaction_timeout")
        wanted.append("4444ms")
    with rls.bind(web_engine, Identity.anonymous(), limits=limits).connect() as connection:
        assert [connection.scalar(text(f"show {name}")) for name in names] == wanted
        connection.rollback()
        assert [connection.scalar(text(f"show {name}")) for name in names] == wanted


def test_a_statement_that_takes_too_long_is_cancelled(web_engine: Engine) -> None:
    with (
        pytest.raises(StatementTimeout),
        rls.unit_of_work(web_engine, Identity.anonymous(), limits=Limits(statement=100)) as connection,
    ):
        connection.execute(text("select pg_sleep(5)"))


def test_a_row_that_somebody_holds_is_not_waited_for_long(web_engine: Engine, world: World, database: Database) -> None:
    change = text("update products set stock = 1 where sku = :sku")
    with database.owner().transaction():
        database.sql("update products set stock = 2")
        with (
            pytest.raises(LockTimeout),
            rls.unit_of_work(web_engine, world.acme.member.identity, limits=Limits(lock=100)) as connection,
        ):
            connection.execute(change, {"sku": world.acme.products[0].sku})


def test_a_transaction_that_sits_idle_is_ended(web_engine: Engine) -> None:
    with rls.bind(web_engine, Identity.anonymous(), limits=Limits(idle=100)).connect() as connection:
        connection.execute(text("select 1"))
        time.sleep(0.4)
        with pytest.raises(Unavailable):
            connection.execute(text("select 1"))
