"""Who may call the functions of rowhouse_auth, and what they give away."""

from __future__ import annotations

import importlib.util
import random
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.fixtures.database import Database
from tests.identity.conftest import Providers
from webapp import rls
from webapp.identity.local import LocalProvider, Throttle
from webapp.identity.provider import Visitor, WrongCredentials
from webapp.models.sign_in import SIGN_IN_FUNCTIONS

BROWSER = ("anon", "authenticated", "service_role")
VERSIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"


def test_the_migration_makes_what_is_declared() -> None:
    spec = importlib.util.spec_from_file_location("sign_in_migration", VERSIONS / "0002_sign_in.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.FUNCTIONS == SIGN_IN_FUNCTIONS


def test_rowhouse_signin_alone_may_execute_them_and_only_the_operations(database: Database) -> None:
    rows = database.sql(
        "select p.oid::regprocedure::text, r.rolname from pg_proc p cross join pg_roles r"
        " where p.pronamespace = 'rowhouse_auth'::regnamespace"
        " and not r.rolsuper and r.rolname not like 'pg\\_%%' and r.oid <> p.proowner"
        " and has_function_privilege(r.oid, p.oid, 'execute')"
    )
    assert {role for _, role in rows} == {"rowhouse_signin"}
    assert {name.partition("(")[0].removeprefix("rowhouse_auth.") for name, _ in rows} == {
        "begin_sign_in", "open_session", "begin_sign_up", "create_account", "rotate_token", "close_session",
        "end_session",
    }  # fmt: skip


def test_public_may_execute_none(database: Database) -> None:
    assert (
        database.sql(
            "select p.oid::regprocedure::text"
            " from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
            " where p.pronamespace = 'rowhouse_auth'::regnamespace and a.grantee = 0"
        )
        == []
    )


def test_no_other_role_may_even_look_into_the_schema(database: Database) -> None:
    """The owner may, and superusers, and the system's pg_read_all_data, which nobody is a member of."""
    rows = database.sql(
        "select r.rolname from pg_roles r, pg_namespace n where n.nspname = 'rowhouse_auth' and not r.rolsuper"
        " and r.oid <> n.nspowner and r.rolname not like 'pg\\_%%'"
        " and has_schema_privilege(r.oid, n.oid, 'usage, create')"
    )
    assert rows == [("rowhouse_signin",)]


def test_the_login_that_signs_people_in_is_a_member_of_nothing_and_owns_nothing(database: Database) -> None:
    assert database.sql(
        "select rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
        " (select count(*) from pg_auth_members m where m.member = r.oid),"
        " (select count(*) from pg_shdepend d where d.refobjid = r.oid and d.deptype = 'o')"
        " from pg_roles r where rolname = 'rowhouse_signin'"
    ) == [(True, False, False, False, False, False, False, 0, 0)]


def test_every_function_has_a_fixed_search_path_that_ends_in_pg_temp(database: Database) -> None:
    rows = database.sql(
        "select distinct p.proconfig::text from pg_proc p where p.pronamespace = 'rowhouse_auth'::regnamespace"
    )
    assert rows == [('{"search_path=pg_catalog, pg_temp"}',)]


def test_the_operations_belong_to_the_owner_who_is_no_superuser(database: Database) -> None:
    assert database.sql(
        "select distinct r.rolname, r.rolsuper from pg_proc p join pg_roles r on r.oid = p.proowner"
        " where p.pronamespace = 'rowhouse_auth'::regnamespace"
    ) == [("postgres", False)]


CALLS: dict[str, str] = {
    "begin_sign_in": "select rowhouse_auth.begin_sign_in('a', null, 1, 1, '1 s')",
    "open_session": "select rowhouse_auth.open_session(gen_random_uuid(), 'h', 'a', null, '', 't', '1 s')",
    "begin_sign_up": "select rowhouse_auth.begin_sign_up(null, 1, '1 s')",
    "create_account": "select rowhouse_auth.create_account('a', 'h', '', null, '', 't', '1 s')",
    "rotate_token": "select rowhouse_auth.rotate_token('a', 'b', '1 s')",
    "close_session": "select rowhouse_auth.close_session('a')",
    "end_session": "select rowhouse_auth.end_session(gen_random_uuid(), gen_random_uuid())",
    "count_attempt": "select rowhouse_auth.count_attempt('account', 'a', 1, '1 s')",
    "start_session": "select rowhouse_auth.start_session(gen_random_uuid(), null, '', 't', '1 s')",
    "the table": "select * from rowhouse_auth.attempts",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("role", BROWSER)
def test_a_browser_role_is_refused(database: Database, role: str, call: str) -> None:
    with psycopg.connect(database.direct_url) as connection:
        connection.execute(f"set local role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(call)
        connection.rollback()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_the_login_of_the_requests_is_refused(web: Engine, call: str) -> None:
    with pytest.raises(rls.errors.NotPermitted), rls.unit_of_work(web, rls.Identity.sign_in()) as connection:
        connection.execute(text(call))


@pytest.mark.parametrize("call", ["count_attempt", "start_session", "the table"])
def test_the_sign_in_login_may_not_do_half_of_an_operation(sign_in: Engine, call: str) -> None:
    with pytest.raises(rls.errors.NotPermitted), rls.unit_of_work(sign_in, rls.Identity.sign_in()) as connection:
        connection.execute(text(CALLS[call]))


@pytest.mark.parametrize(
    "table",
    ["auth.users", "auth.sessions", "auth.refresh_tokens", "auth.identities", "public.products", "public.profiles"],
)
def test_the_sign_in_login_reads_no_table(sign_in: Engine, table: str) -> None:
    with pytest.raises(rls.errors.NotPermitted), rls.unit_of_work(sign_in, rls.Identity.sign_in()) as connection:
        connection.execute(text(f"select * from {table}"))


@pytest.mark.parametrize("identity", [rls.Identity.anonymous(), rls.Identity.service("to try")], ids=lambda i: i.role)
def test_the_sign_in_login_becomes_nobody(sign_in: Engine, identity: rls.Identity) -> None:
    with pytest.raises(rls.errors.NotPermitted), rls.unit_of_work(sign_in, identity) as connection:
        connection.execute(text("select 1"))


def test_a_temporary_table_does_not_take_the_place_of_a_real_one(database: Database, provider: LocalProvider) -> None:
    provider.sign_up("ada@example.test", "correct staple horse", Visitor())
    with psycopg.connect(database.postgres.url("supabase_admin", database.name)) as connection:
        connection.execute("create temporary table users as select * from auth.users")
        connection.execute("update users set encrypted_password = 'forged'")
        connection.execute("create function pg_temp.lower(text) returns text language sql as $$ select 'forged' $$")
        connection.execute("set local search_path = pg_temp, auth, rowhouse_auth, public")
        found = connection.execute(
            "select password_hash from rowhouse_auth.begin_sign_in('ADA@example.test', null, 9, 9, '1 s')"
        ).fetchone()
        connection.rollback()
    assert found is not None
    assert str(found[0]).startswith("$2a$10$")


def test_the_time_of_an_answer_does_not_tell_whether_there_is_an_account(make: Providers) -> None:
    """Take the chance that a guess from the time alone is right; 0.5 is a coin.

    The two kinds alternate in random order, so that a busy machine slows both. A provider that skipped bcrypt for
    unknown accounts would come out at 1.0; the bound is a coin's four standard errors.
    """
    provider = make(throttle=Throttle(account=10_000, address=10_000))
    provider.sign_up("ada@example.test", "correct staple horse", Visitor())
    kinds = ["ada@example.test", "nobody@example.test"] * 40
    random.shuffle(kinds)
    times: dict[str, list[float]] = {"ada@example.test": [], "nobody@example.test": []}
    for email in kinds:
        begun = time.perf_counter()
        with pytest.raises(WrongCredentials):
            provider.sign_in(email, "wrong staple horse", Visitor())
        times[email].append(time.perf_counter() - begun)
    known, unknown = times.values()
    auc = sum((a > b) + (a == b) / 2 for a in known for b in unknown) / (len(known) * len(unknown))
    assert 0.24 < auc < 0.76, f"AUC {auc:.2f} over {len(known)} + {len(unknown)} attempts"


def test_an_unknown_account_costs_one_bcrypt_like_a_known_one(
    provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bcrypt

    provider.sign_up("ada@example.test", "correct staple horse", Visitor())
    costs: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> Any:
        costs.append(hashed[:7])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    for email in ("ada@example.test", "nobody@example.test"):
        with pytest.raises(WrongCredentials):
            provider.sign_in(email, "wrong staple horse", Visitor())
    assert costs == [b"$2a$10$", b"$2a$10$"]
