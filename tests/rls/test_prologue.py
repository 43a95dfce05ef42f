"""How a transaction begins: what is sent, with which limits, and that no claim can step out of its quotes."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.fixtures.core import WHO
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity, Limits, Transaction
from webapp.rls.errors import LockTimeout, StatementTimeout, Unavailable
from webapp.rls.transaction import prologue

SUB = "00000000-0000-4000-8000-000000000001"


def test_the_prologue_is_one_message_of_real_set_local_statements() -> None:
    """Citus passes SET LOCAL on to its workers, and not set_config()."""
    wanted = Transaction(Identity.anonymous(), read_only=True, limits=Limits(1, 2, 3, 4))
    assert prologue(wanted, 170000) == (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL ROLE anon; "
        'SET LOCAL "request.jwt.claims" = \'{"role":"anon"}\'; SET LOCAL "request.jwt.claim" = \'\'; '
        "SET LOCAL \"request.jwt.claim.sub\" = ''; SET LOCAL \"request.jwt.claim.role\" = ''; "
        "SET LOCAL \"request.jwt.claim.email\" = ''; "
        "SET LOCAL \"search_path\" = 'public'; SET LOCAL \"row_security\" = 'on'; "
        'SET LOCAL "statement_timeout" = 1; SET LOCAL "lock_timeout" = 2; '
        'SET LOCAL "idle_in_transaction_session_timeout" = 3; SET LOCAL "transaction_timeout" = 4'
    )


def test_transaction_timeout_is_left_out_where_the_server_does_not_know_it() -> None:
    assert "transaction_timeout" not in prologue(Transaction(Identity.anonymous()), 160009)


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
        Identity(role)  # type: ignore[arg-type]  # the very point


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
