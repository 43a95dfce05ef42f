"""A verdict is not called trusted where the application may get another answer than the Inspector's connection."""

from __future__ import annotations

import pytest

from tests.inspector.scratch import Scratch, person
from webapp.inspector.catalog import table as catalog_table
from webapp.inspector.whatif import Wanted
from webapp.rls import Identity

FUNCTION = "create function f() returns boolean language {} as $$ {} $$"
BY_THE_CONNECTION = {
    "the login": (None, "session_user <> 'rowhouse_inspector'"),
    "the login, in a function": (("sql stable", "select session_user <> 'rowhouse_inspector'"), "SCHEMA.f()"),
    "the login, in a body that Postgres parsed": (("sql stable", ""), "SCHEMA.f()"),
    "a claim that only signing in gives": (
        None,
        "nullif(current_setting('request.jwt.claims'), '')::json ->> 'session_id' is null",
    ),
    "what a look alone is": (None, "current_setting('transaction_read_only') = 'on'"),
    "what the login may become": (
        ("plpgsql stable", "begin perform set_config('role', 'service_role', true); return true; end"),
        "SCHEMA.f()",
    ),
}
BY_CHANCE = {
    "a sample": (None, "k in (select o.k from SCHEMA.o tablesample bernoulli (50))"),
    "a function declared stable that is not": (("sql stable", "select random() < 2"), "SCHEMA.f()"),
}


def secured(scratch: Scratch, function: tuple[str, str] | None, policy: str) -> None:
    scratch.run("create table o (k int)")
    if function == ("sql stable", ""):
        scratch.run(
            "create function f() returns boolean language sql stable begin atomic select session_user <> ''; end"
        )
    elif function:
        scratch.run(FUNCTION.format(*function))
    scratch.secured("t", "k int primary key", f"using ({policy.replace('SCHEMA', scratch.schema)})")
    scratch.run("insert into t values (1)")


@pytest.mark.parametrize("case", BY_THE_CONNECTION)
def test_what_answers_by_the_connection_is_not_trusted(scratch: Scratch, case: str) -> None:
    secured(scratch, *BY_THE_CONNECTION[case])
    found = scratch.why("t", {"k": "1"})
    assert not found.trusted
    assert any("on a connection of its own" in doubt for doubt in found.doubts)
    assert not scratch.page("t").rows[0].sights[0].trusted


@pytest.mark.parametrize("case", BY_CHANCE)
def test_what_answers_by_chance_is_not_trusted(scratch: Scratch, case: str) -> None:
    secured(scratch, *BY_CHANCE[case])
    found = scratch.why("t", {"k": "1"})
    assert not found.trusted
    assert any("VOLATILE" in doubt for doubt in found.doubts)


def test_a_claim_that_is_given_is_trusted(scratch: Scratch) -> None:
    secured(scratch, *BY_THE_CONNECTION["a claim that only signing in gives"])
    assert scratch.why("t", {"k": "1"}, viewpoint=person(session_id="x")).trusted


def test_a_sub_select_of_a_table_whose_policy_asks_for_the_login_is_not_trusted(scratch: Scratch) -> None:
    scratch.secured("inner", "k int", "using (session_user <> '')")
    scratch.secured("t", "k int primary key", f'using (exists (select from {scratch.schema}."inner"))')
    scratch.run("insert into t values (1)")
    assert not scratch.why("t", {"k": "1"}).trusted


def test_rowhouse_policies_ask_nothing_of_the_connection(scratch: Scratch) -> None:
    names = scratch.all(
        "select distinct n.nspname, c.relname from pg_policy p join pg_class c on c.oid = p.polrelid"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'rowhouse')"
    )
    assert names
    with scratch.desk.look(Identity.anonymous()) as look:
        for schema, name in names:
            for policy in catalog_table(look.any_eye, schema, name, "authenticated").policies:
                assert (policy.ambient, policy.volatile) == ((), ()), (name, policy.name)


def test_a_row_that_the_person_cannot_read_back_is_no_fault_of_a_policy(scratch: Scratch) -> None:
    closed = f"{scratch.schema}_closed"
    scratch.run(f"create schema {closed}", f"create table {closed}.x (k int)")
    try:
        scratch.secured("t", "k int primary key, c regclass", "using (k = 2)")
        scratch.run(f"insert into t values (1, '{closed}.x'), (2, '{closed}.x')")
        for key, verdict in (("1", "denied"), ("2", "allowed")):
            found = scratch.why("t", {"k": key})
            assert (found.verdict, found.trusted) == (verdict, False)
            assert "raises" not in found.cause
    finally:
        scratch.run(f"drop schema {closed} cascade")


def test_a_trial_that_a_trigger_holds_back_is_not_called_a_conflict(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, n int", "using (true)")
    scratch.run(
        "create function no() returns trigger language plpgsql as $$ begin return null; end $$",
        f"create trigger no before insert on t for each row execute function {scratch.schema}.no()",
    )
    updates = Wanted({"k": 1, "n": 2}, conflict="update", conflict_columns=("k",))
    found = scratch.why("t", None, "insert", updates, trial=True)
    assert (found.oracle.verdict, found.trusted) == ("denied", False)
    skips = Wanted({"k": 1, "n": 2}, conflict="nothing", conflict_columns=("k",))
    assert "a trigger held it back (no)" in scratch.why("t", None, "insert", skips, trial=True).oracle.outcome


def test_a_trial_asks_what_otherwise_waits_for_commit(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (true)")
    scratch.run(
        "create function no() returns trigger language plpgsql as"
        " $$ begin raise exception 'no' using errcode = '42501'; end $$",
        "create constraint trigger no after insert on t deferrable initially deferred"
        f" for each row execute function {scratch.schema}.no()",
    )
    found = scratch.why("t", None, "insert", Wanted({"k": 1}), trial=True)
    assert (found.oracle.verdict, found.trusted) == ("denied", False)
