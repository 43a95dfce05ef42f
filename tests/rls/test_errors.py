"""What Postgres, the pooler and the network answer, in our own words and never in theirs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.fixtures.cluster import Bouncer, Postgres
from tests.fixtures.core import WHO
from tests.fixtures.database import Database
from tests.fixtures.servers import until
from tests.fixtures.world import World
from webapp import rls
from webapp.rls import Identity, errors
from webapp.rls.transaction import RETRY_PAUSE

# What a statement of acme's owner answers, and what becomes of it.
STATEMENTS = [
    (
        "insert into products (org_id, name, sku, price) select org_id, name, sku, 1 from products",
        errors.UniqueViolation,
    ),
    ("update products set stock = -1", errors.CheckViolation),
    ("insert into products (org_id, name) select org_id, name from products", errors.CheckViolation),
    (
        "insert into products (org_id, name, sku, price) values (gen_random_uuid(), 'x', 'x', 1)",
        errors.NotPermitted,
    ),
    ("select * from auth.users", errors.NotPermitted),
    ("delete from memberships", errors.NotPermitted),
    ("select 'not a number'::integer", errors.InvalidValue),
    ("select 1 / 0", errors.InvalidValue),
    ("update products set name = repeat('x', 500)", errors.CheckViolation),
]


@pytest.mark.parametrize(("statement", "kind"), STATEMENTS)
def test_an_sqlstate_becomes_an_error_of_ours(
    statement: str, kind: type[errors.DatabaseError], web_engine: Engine, world: World
) -> None:
    with pytest.raises(kind) as caught, rls.unit_of_work(web_engine, world.acme.owner.identity) as connection:
        connection.execute(text(statement))
    assert type(caught.value) is kind
    assert world.acme.marker not in str(caught.value)
    assert "products" not in str(caught.value).replace(caught.value.constraint or "", "")
    assert caught.value.sqlstate is not None


def test_a_violated_constraint_is_named(web_engine: Engine, world: World) -> None:
    statement = "insert into products (org_id, name, sku, price) select org_id, name, sku, 1 from products"
    with (
        pytest.raises(errors.UniqueViolation) as caught,
        rls.unit_of_work(web_engine, world.acme.owner.identity) as connection,
    ):
        connection.execute(text(statement))
    assert caught.value.constraint == "products_org_id_sku_key"


def test_a_refusal_of_our_own_functions_is_named(web_engine: Engine, world: World, database: Database) -> None:
    with pytest.raises(errors.Refused) as caught:
        _as_owner(database, "delete from memberships where role = 'owner'")
    assert caught.value.constraint == "memberships_last_owner"


@pytest.mark.parametrize(("said", "detail"), [('[{"sku": "H-1"}]', [{"sku": "H-1"}]), ("Key (sku)=(H-1)", None)])
def test_a_refusal_says_what_its_function_put_into_json_and_nothing_else(
    said: str, detail: object, database: Database
) -> None:
    with pytest.raises(errors.Refused) as caught:
        _as_owner(database, f"do $$ begin raise exception 'no' using constraint = 'why', detail = '{said}'; end $$")
    assert (caught.value.constraint, caught.value.detail) == ("why", detail)
    assert "H-1" not in str(caught.value)


def test_what_postgres_itself_says_in_detail_goes_nowhere(world: World, database: Database) -> None:
    statement = "insert into products (org_id, name, sku, price) select org_id, name, sku, 1 from products"
    with pytest.raises(errors.UniqueViolation) as caught:
        _as_owner(database, statement)
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert "-ONLY" in (caught.value.__cause__.diag.message_detail or "")
    assert "-ONLY" not in str(caught.value)
    assert not hasattr(caught.value, "detail")


def _as_owner(database: Database, statement: str) -> None:
    try:
        database.sql(statement)
    except psycopg.Error as exc:
        raise errors.translate(exc) or exc from exc


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("40001", errors.Conflict),
        ("40P01", errors.Conflict),
        ("23503", errors.ForeignKeyViolation),
        ("25006", errors.ReadOnly),
        ("42P17", errors.PolicyRecursion),
        ("25P04", errors.StatementTimeout),
        ("25P03", errors.Unavailable),
        ("53300", errors.Unavailable),
        ("57P01", errors.Unavailable),
        ("57P05", errors.Unavailable),
        ("08006", errors.Unavailable),
        ("08P01", errors.Unavailable),
    ],
)
def test_every_state_that_matters_has_its_error(sqlstate: str, kind: type[errors.DatabaseError]) -> None:
    translated = errors.translate(psycopg.errors.lookup(sqlstate)())
    assert type(translated) is kind


def test_what_means_nothing_to_a_caller_stays_what_it_is() -> None:
    assert errors.translate(psycopg.errors.UndefinedColumn()) is None
    assert errors.translate(ValueError()) is None


def test_the_commit_of_a_failed_transaction_raises(web_engine: Engine, world: World, database: Database) -> None:
    """Postgres answers COMMIT with ROLLBACK and no error: whoever does not look believes in a success."""
    with rls.bind(web_engine, world.acme.owner.identity).connect() as connection:
        connection.execute(text("update products set stock = 77"))
        with pytest.raises(errors.InvalidValue):
            connection.execute(text("select 1 / 0"))
        with pytest.raises(errors.Conflict):
            connection.commit()
    assert database.sql("select count(*) from products where stock = 77") == [(0,)]


def test_a_deferred_constraint_that_fails_at_commit_is_no_success(
    web_engine: Engine, world: World, spare_database: Callable[[], Database]
) -> None:
    database = spare_database()
    database.admin_sql(
        "create table public.late (id integer unique deferrable initially deferred);"
        " grant insert on public.late to anon"
    )
    engine = rls.create_engine(database.web_url)
    with pytest.raises(errors.UniqueViolation), rls.unit_of_work(engine, Identity.anonymous()) as connection:
        connection.execute(text("insert into public.late values (1), (1)"))
    assert database.admin_sql("select count(*) from public.late") == [(0,)]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("server", ["postgres", "bouncer"])
def test_a_commit_whose_answer_is_lost_is_unknown_and_no_success(
    server: str, database: Database, world: World, request: pytest.FixtureRequest
) -> None:
    """The server is killed while COMMIT waits in a deferred trigger: nobody can tell what became of it."""
    database.admin_sql(
        "create or replace function public.slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(20); return null; end $$;"
        " create constraint trigger slow after update on public.products deferrable initially deferred"
        " for each row execute function public.slow()"
    )
    engine = rls.create_engine(database.web_url)
    ended = request.getfixturevalue(server)
    asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"

    def kill_during_commit() -> None:
        until(lambda: database.admin_sql(asleep) == [(1,)], "COMMIT to wait")
        ended.kill()

    killer = threading.Thread(target=kill_during_commit)
    try:
        with rls.bind(engine, world.acme.owner.identity).connect() as connection:
            connection.execute(text("update products set stock = 77 where sku like '%-1'"))
            killer.start()
            with pytest.raises(errors.CommitUnknown):
                connection.commit()
    finally:
        killer.join()
        database.close()
        ended.start()
        database.admin_sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'")
        database.admin_sql("drop trigger slow on public.products; drop function public.slow()")


@pytest.mark.usefixtures("restored")
def test_a_connection_that_dies_in_a_transaction_is_unavailable_and_the_next_one_serves(
    web_engine: Engine, world: World, database: Database
) -> None:
    owner = world.acme.owner
    with rls.bind(web_engine, owner.identity).connect() as connection:
        pid = connection.scalar(text("select pg_backend_pid()"))
        database.admin_sql("select pg_terminate_backend(%s, 2000)", (pid,))
        with pytest.raises(errors.Unavailable):
            connection.execute(text("select 1"))
    with rls.unit_of_work(web_engine, owner.identity) as connection:
        assert connection.execute(WHO).one() == ("authenticated", str(owner.id))


@pytest.mark.usefixtures("restored")
def test_a_pooler_that_is_away_for_a_moment_is_not_noticed(
    web_engine: Engine, world: World, bouncer: Bouncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first failure to connect is tried once more, so that a pooler's restart is not an error page."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        bouncer.start()

    monkeypatch.setattr("webapp.rls.engine.time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))
    bouncer.kill()
    with rls.unit_of_work(web_engine, world.acme.owner.identity) as connection:
        assert connection.execute(WHO).one().role == "authenticated"
    assert pauses == [RETRY_PAUSE]


@pytest.mark.usefixtures("restored")
def test_a_connection_that_dies_before_its_first_statement_is_unavailable(
    web_engine: Engine, world: World, bouncer: Bouncer
) -> None:
    """SQLAlchemy has made the statement's cursor by then, so a second try of BEGIN would come too late for it."""
    with rls.bind(web_engine, world.acme.owner.identity).connect() as connection:
        bouncer.restart()
        with pytest.raises(errors.Unavailable):
            connection.execute(WHO)
        connection.rollback()
        assert connection.execute(WHO).one().role == "authenticated"


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("known", [False, True], ids=["a new pooler", "a pooler that has met the server"])
def test_a_pooler_without_a_server_says_so_within_seconds(
    known: bool,
    web_engine: Engine,
    world: World,
    postgres: Postgres,
    bouncer: Bouncer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failure that took long is not tried again, be it the connection or BEGIN: the pooler has waited already."""
    pauses: list[float] = []
    for module in ("engine", "transaction"):
        patient = SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append)
        monkeypatch.setattr(f"webapp.rls.{module}.time", patient)
    bouncer.restart()
    if known:
        with rls.unit_of_work(web_engine, world.acme.owner.identity):
            pass
    postgres.kill()
    began = time.monotonic()
    with pytest.raises(errors.Unavailable), rls.unit_of_work(web_engine, world.acme.owner.identity):
        pass
    took = time.monotonic() - began
    assert took < 8
    assert pauses == [] or took < 1


def test_a_server_that_hangs_does_not_hold_a_connect_for_longer_than_its_limit() -> None:
    """A stopped process still takes connections in its queue: only the timeout of the connect ends the wait."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        engine = rls.create_engine(f"postgresql://web:x@127.0.0.1:{port}/none", connect_timeout=2)
        began = time.monotonic()
        with pytest.raises(errors.Unavailable), rls.unit_of_work(engine, Identity.anonymous()):
            pass
    assert time.monotonic() - began < 3
