"""Autogenerate sees each difference between what is declared and what stands, repairs it, and can undo the repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Connection, Engine, MetaData, Table
from sqlalchemy.dialects import postgresql

from tests.schema.shop import TOUCH, TRIGGERS, context_of, differences, reversal, run, shop, written
from webapp.rls import policy
from webapp.rls.policy import FUNCTIONS_KEY, TRIGGERS_KEY
from webapp.schema.operations import CreateFunction
from webapp.schema.session import direct_engine

READ = "(org_id = ANY ((SELECT rowhouse.shop_orgs() AS shop_orgs)))"

# Each: what somebody did by hand, and the calls that autogenerate must write, in their order.
DRIFTS = {
    "a policy's using": (
        "alter policy shelves_read on public.shelves using (true)",
        ["drop_policy", "create_policy"],
    ),
    "a policy's check": (
        "alter policy shelves_change on public.shelves with check (true)",
        ["drop_policy", "create_policy"],
    ),
    "a policy's roles": (
        "alter policy shelves_read on public.shelves to public",
        ["drop_policy", "create_policy"],
    ),
    "a policy dropped": ("drop policy shelves_hours on public.shelves", ["create_policy"]),
    "a policy too many": ("create policy extra on public.shelves for select to anon using (true)", ["drop_policy"]),
    "a policy without clauses": ("create policy extra on public.shelves for update", ["drop_policy"]),
    "a restrictive policy": ("create policy extra on rowhouse.secrets as restrictive for delete", ["drop_policy"]),
    "FORCE dropped": ("alter table public.shelves no force row level security", ["enable_row_security"]),
    "ENABLE dropped": (
        "alter table public.shelves no force row level security, disable row level security",
        ["enable_row_security"],
    ),
    "no row security in another schema": (
        "alter table rowhouse.secrets no force row level security, disable row level security",
        ["enable_row_security"],
    ),
    "a grant to anon": ("grant select on public.shelves to anon", ["revoke"]),
    "a grant to PUBLIC": ("grant select on rowhouse.secrets to public", ["revoke"]),
    "a grant to PUBLIC of a column": ("grant update (width) on public.shelves to public", ["revoke"]),
    "TRUNCATE": ("grant truncate, references, trigger on public.shelves to authenticated", ["revoke"]),
    "all columns instead of some": ("grant update on public.shelves to authenticated", ["revoke", "grant"]),
    "one column more": ("grant update (width) on public.shelves to authenticated", ["revoke"]),
    "a grant taken": ("revoke select on public.shelves from authenticated", ["grant"]),
    "a column's grant taken": ("revoke update (label) on public.shelves from authenticated", ["grant"]),
    "a function's body": (
        (
            "create or replace function rowhouse.shop_orgs() returns uuid[] language sql stable security definer"
            " set search_path = pg_catalog, pg_temp as $$ select '{}'::uuid[] $$"
        ),
        ["replace_function"],
    ),
    "a function's search_path": ("alter function rowhouse.shop_orgs() reset search_path", ["replace_function"]),
    "a function's rights": ("alter function rowhouse.shop_orgs() security invoker", ["replace_function"]),
    "a function executed by PUBLIC": (
        "grant execute on function rowhouse.shop_orgs() to public",
        ["replace_function"],
    ),
    "a function executed by one more": (
        "grant execute on function public.speak(text, integer) to postgres, authenticated, rowhouse_tester",
        ["replace_function"],
    ),
    "a function executed by one less": (
        "revoke execute on function rowhouse.shop_orgs() from authenticated",
        ["replace_function"],
    ),
    "a function of another type": (
        (
            "drop function public.speak(text, integer);"
            " create function public.speak(p_word text, p_times int) returns varchar language sql as $$select 'x'$$;"
            " revoke all on function public.speak(text, integer) from public, anon, authenticated, service_role"
        ),
        ["drop_function", "create_function"],
    ),
    "a function dropped": ("drop function public.speak(text, integer)", ["create_function"]),
    "a function too many": (
        "create function rowhouse.extra(p_x text default '5%:y') returns text language sql as $$select p_x$$",
        ["drop_function"],
    ),
    "an overloaded function": (
        "create function public.speak(text) returns text language sql as $$select $1$$",
        ["drop_function"],
    ),
    "a trigger dropped": ("drop trigger shelves_touch on public.shelves", ["create_trigger"]),
    "a trigger changed": (
        (
            "create or replace trigger shelves_touch before insert or update on public.shelves"
            " for each row execute function rowhouse.shop_touch()"
        ),
        ["replace_trigger"],
    ),
    "a trigger disabled": ("alter table public.shelves disable trigger shelves_touch", ["replace_trigger"]),
    "a constraint trigger changed": (
        (
            "drop trigger shelves_keep on public.shelves;"
            " create constraint trigger shelves_keep after delete on public.shelves"
            " for each row execute function rowhouse.shop_touch()"
        ),
        ["drop_trigger", "create_trigger"],
    ),
    "a trigger too many": (
        "create trigger extra after delete on rowhouse.secrets for each row execute function rowhouse.shop_touch()",
        ["drop_trigger"],
    ),
    "a trigger on Supabase's table": (
        (
            "create or replace trigger shop_user after insert or update on auth.users"
            " for each row execute function rowhouse.shop_touch()"
        ),
        ["replace_trigger"],
    ),
    "a table that nobody declared": (
        (
            "create table rowhouse.extra (id int primary key); alter table rowhouse.extra enable row level security;"
            " create policy extra on rowhouse.extra for select to anon using (true);"
            " grant select on rowhouse.extra to anon"
        ),
        ["drop_policy", "revoke", "revoke_all", "disable_row_security", "drop_table"],
    ),
}


@pytest.fixture(scope="module")
def shop_engine(blank: Callable[[], str]) -> Iterator[Engine]:
    """Return an engine to a database in which the shop stands, made by what autogenerate found to be missing."""
    engine = direct_engine(blank())
    with engine.begin() as connection:
        connection.exec_driver_sql("create schema rowhouse")
        connection.exec_driver_sql(
            "do $$ begin if to_regrole('rowhouse_tester') is null then create role rowhouse_tester; end if; end $$"
        )
        run(connection, differences(connection, shop()))
    yield engine
    engine.dispose()


@pytest.fixture
def standing(shop_engine: Engine) -> Iterator[Connection]:
    """Return a connection to the shop in a transaction that is rolled back after the test."""
    with shop_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def calls(operations: Sequence[MigrateOperation]) -> list[str]:
    return [operation.to_diff_tuple()[0] for operation in operations]


def test_what_autogenerate_makes_of_nothing_is_what_is_declared(standing: Connection) -> None:
    assert differences(standing, shop()) == []


def test_comparing_leaves_the_database_as_it_was(standing: Connection) -> None:
    standing.exec_driver_sql("drop policy shelves_read on public.shelves")
    assert calls(differences(standing, shop())) == calls(differences(standing, shop())) == ["create_policy"]


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_difference_is_found_repaired_and_brought_back(standing: Connection, drift: str) -> None:
    statement, expected = DRIFTS[drift]
    standing.exec_driver_sql(statement, execution_options={"no_parameters": True})

    found = differences(standing, shop())
    assert [name.replace("remove_table", "drop_table") for name in calls(list(found))] == expected
    run(standing, found)
    assert differences(standing, shop()) == []

    run(standing, reversal(found))
    assert written(standing, differences(standing, shop())) == written(standing, found)


def test_a_grant_option_is_taken_away_and_the_grant_stays(standing: Connection) -> None:
    standing.exec_driver_sql("grant select on public.shelves to service_role with grant option")
    found = differences(standing, shop())
    assert calls(found) == ["revoke", "grant"]
    run(standing, found)
    assert differences(standing, shop()) == []


def test_what_is_written_does_what_was_found(standing: Connection) -> None:
    kept = MetaData()  # only the owner of auth.users, whom a plain Postgres does not let us be, may drop its trigger
    kept.info |= {FUNCTIONS_KEY: (TOUCH,), TRIGGERS_KEY: TRIGGERS[2:]}
    everything_else = differences(standing, kept)
    code = f"def upgrade():\n    {written(standing, everything_else)}\n"
    code += f"def downgrade():\n    {written(standing, reversal(everything_else))}\n"
    names = {"op": op, "sa": sa, "postgresql": postgresql} | vars(policy)
    exec(code, names)  # noqa: S102 - as Alembic runs a migration
    with Operations.context(context_of(standing)):
        names["upgrade"]()
        assert differences(standing, kept) == []
        standing.exec_driver_sql("drop type public.colour")  # which Alembic makes with the table and leaves behind
        names["downgrade"]()
    assert differences(standing, shop()) == []


def test_a_partition_is_guarded_though_no_model_names_it(standing: Connection) -> None:
    standing.exec_driver_sql("create table public.log (at date not null) partition by range (at)")
    standing.exec_driver_sql("create table public.log_2026 partition of public.log default")
    metadata = shop()
    Table("log", metadata, sa.Column("at", sa.Date, nullable=False), postgresql_partition_by="range (at)")
    found = written(standing, differences(standing, metadata))
    assert "op.enable_row_security('log_2026')" in found.replace('"', "'")
    assert "drop_table" not in found
    run(standing, differences(standing, metadata))
    assert differences(standing, metadata) == []


def test_an_enumeration_with_another_value_is_found(standing: Connection) -> None:
    standing.exec_driver_sql("alter type public.colour add value 'green'")
    assert "alter_column" in written(standing, differences(standing, shop()))


def test_a_function_that_a_new_tables_default_calls_comes_before_the_table(connection: Connection) -> None:
    connection.exec_driver_sql("create schema rowhouse")
    found = differences(connection, shop())
    made = [found.function.signature for found in found if isinstance(found, CreateFunction)]
    assert made[0] == "rowhouse.shelf_id()"
    assert calls(found)[:2] == ["create_function", "add_table"]


def test_what_cannot_be_made_as_things_stand_counts_as_different(standing: Connection) -> None:
    metadata = shop()
    standing.exec_driver_sql("alter table public.shelves drop column label cascade")
    found = calls(differences(standing, metadata))
    assert found.count("create_policy") == 1
    assert found[-1] != "drop_policy"


@pytest.mark.parametrize("schema", ["public", "rowhouse", "rowhouse_auth"])
def test_all_schemas_of_ours_are_looked_at_and_no_other(standing: Connection, schema: str) -> None:
    standing.exec_driver_sql("create schema if not exists rowhouse_auth")
    standing.exec_driver_sql("create schema elsewhere")
    for where in (schema, "elsewhere"):
        standing.exec_driver_sql(f"create function {where}.extra() returns int language sql as $$select 1$$")
        standing.exec_driver_sql(f"create table {where}.extra (id int primary key)")
    found = written(standing, differences(standing, shop()))
    assert f"{schema}.extra()" in found
    assert "elsewhere" not in found


def test_metadata_without_functions_wants_none(connection: Connection) -> None:
    metadata = MetaData()
    assert FUNCTIONS_KEY not in metadata.info
    connection.exec_driver_sql("create schema rowhouse")
    assert differences(connection, metadata) == []
