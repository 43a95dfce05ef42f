"""A verdict is not called trusted where the application may get another answer than the Inspector's connection."""

from __future__ import annotations

import pytest

from tests.inspector.scratch import Scratch
from webapp.inspector.catalog import table as catalog_table
from webapp.rls import Identity

FUNCTION = "create function f() returns boolean language {} as $$ {} $$"
BY_THE_CONNECTION = {
    "the login": (None, "session_user <> 'rowhouse_inspector'"),
    "the login, in a function": (("sql stable", "select session_user <> 'rowhouse_inspector'"), "SCHEMA.f()"),
    "the login, in a body that Postgres parsed": (("sql stable", ""), "SCHEMA.f()"),
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
    assert any("has another connection" in doubt for doubt in found.doubts)
    assert not scratch.page("t").rows[0].sights[0].trusted


@pytest.mark.parametrize("case", BY_CHANCE)
def test_what_answers_by_chance_is_not_trusted(scratch: Scratch, case: str) -> None:
    secured(scratch, *BY_CHANCE[case])
    found = scratch.why("t", {"k": "1"})
    assert not found.trusted
    assert any("VOLATILE" in doubt for doubt in found.doubts)


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
