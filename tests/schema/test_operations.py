"""Our operations do online what they write offline, and say how to undo themselves."""

from __future__ import annotations

from io import StringIO

import pytest
from alembic.operations import MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from tests.schema.shop import ORGS, SHELVES, SPEAK, TRIGGERS, run
from webapp.rls.policy import Function, Grant, Policy, Trigger
from webapp.schema import operations as ops

# What an SQL text may hold and what other tools take for a parameter, a placeholder, an escape or an indentation.
LITERALS = [
    "':x'",
    "'a:b :c_d'",
    "'5%'",
    "'%s %(name)s %%'",
    "'a\\:b'",
    "E'\\\\t'",
    "'\ta tab'",
    "'two\n  lines'",
    "'{braces}'",
    "'semi;colon'",
    "'it''s'",
    "$q$ :x % $q$",
    "'1'::text",
    "'x' -- ':y",
    "'\u2028'",
]


def offline(*operations: MigrateOperation) -> str:
    """Return what the operations write with --sql."""
    output = StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": output})
    for operation in operations:
        Operations(context).invoke(operation)
    return output.getvalue()


@pytest.mark.parametrize("literal", LITERALS)
def test_a_literal_survives_online(connection: Connection, literal: str) -> None:
    run(connection, [ops.RunSql(f"create table public.kept as select {literal}\nas it")])
    driver = connection.connection.driver_connection
    assert driver is not None
    assert connection.scalar(text("select it from public.kept")) == driver.execute(f"select {literal}").fetchone()[0]


@pytest.mark.parametrize("literal", LITERALS)
def test_a_literal_survives_offline(connection: Connection, literal: str) -> None:
    script = offline(ops.RunSql(f"create table public.kept as select {literal}\nas it"))
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(script)
    assert connection.scalar(text("select it from public.kept")) == driver.execute(f"select {literal}").fetchone()[0]


def test_a_comment_at_the_end_does_not_swallow_the_semicolon() -> None:
    assert offline(ops.RunSql("select 1 -- one"), ops.RunSql("select 2;")) == "select 1 -- one\n;\n\nselect 2;\n\n"


def test_several_statements_in_one_text_all_run(connection: Connection) -> None:
    run(connection, [ops.RunSql("create table public.a (); create table public.b ();")])
    assert connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'")) == 2


READ, GRANT = SHELVES.policies[0], SHELVES.grants[1]


@pytest.mark.parametrize(
    "operation",
    [
        ops.CreatePolicy("shelves", READ),
        ops.EnableRowSecurity("shelves"),
        ops.EnableRowSecurity("shelves", "rowhouse", force_only=True),
        ops.GrantOnTable("shelves", GRANT),
        ops.CreateFunction(ORGS),
        ops.ReplaceFunction(SPEAK, Function(SPEAK.signature, "create or replace ...", ("authenticated",))),
        ops.CreateTrigger(TRIGGERS[0]),
        ops.ReplaceTrigger(TRIGGERS[0], TRIGGERS[2]),
    ],
    ids=lambda operation: operation.name,
)
def test_the_reverse_of_the_reverse_is_the_operation(operation: ops.DatabaseOperation) -> None:
    there, back = operation, operation.reverse()
    again = back.reverse()
    assert isinstance(back, ops.DatabaseOperation)
    assert isinstance(again, ops.DatabaseOperation)
    assert list(again.statements()) == list(there.statements())
    assert list(back.statements()) != list(there.statements())


def test_a_policy_names_its_table_with_the_schema() -> None:
    assert offline(ops.DropPolicy("shelves", READ)) == "DROP POLICY shelves_read ON public.shelves;\n\n"
    assert offline(ops.DropPolicy("shelves", READ, "rowhouse")) == "DROP POLICY shelves_read ON rowhouse.shelves;\n\n"


def test_enabling_row_security_forces_it_too() -> None:
    assert offline(ops.EnableRowSecurity("shelves")).split(";\n\n")[:2] == [
        "ALTER TABLE public.shelves ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.shelves FORCE ROW LEVEL SECURITY",
    ]


def test_a_new_function_is_executable_by_its_roles_alone(connection: Connection) -> None:
    connection.exec_driver_sql("create schema rowhouse")
    run(connection, [ops.CreateFunction(ORGS), ops.CreateFunction(SPEAK)])
    may = text("select has_function_privilege(:role, :function, 'execute')")
    granted = {
        (function.signature, role)
        for function in (ORGS, SPEAK)
        for role in ("public", "anon", "authenticated", "service_role")
        if connection.scalar(may, {"role": role, "function": function.signature})
    }
    assert granted == {
        (ORGS.signature, "authenticated"),
        (ORGS.signature, "service_role"),
        (SPEAK.signature, "anon"),
    }


def test_a_replaced_function_loses_the_roles_of_the_old_one(connection: Connection) -> None:
    old = Function(SPEAK.signature, SPEAK.sql, ("anon", "pg_monitor"))
    run(connection, [ops.CreateFunction(old), ops.ReplaceFunction(SPEAK, old)])
    may = text("select has_function_privilege('pg_monitor', :function, 'execute')")
    assert connection.scalar(may, {"function": SPEAK.signature}) is False


def test_a_new_tables_default_privileges_are_revoked(connection: Connection) -> None:
    connection.exec_driver_sql("create table public.shelves (id int)")
    acl = text("select relacl::text from pg_class where oid = 'public.shelves'::regclass")
    assert "anon=" in connection.scalar(acl)
    run(connection, [ops.RevokeAll("shelves")])
    assert connection.scalar(acl).count("=") == 1  # its owner's


def test_the_way_back_from_revoking_all_gives_nothing_to_anybody() -> None:
    assert offline(ops.RevokeAll("shelves").reverse()) == offline(ops.RevokeAll("shelves"))


def test_another_signature_is_no_replacement() -> None:
    with pytest.raises(ValueError, match="another signature is another function"):
        ops.ReplaceFunction(SPEAK, ORGS)


def test_a_constraint_trigger_is_not_replaced() -> None:
    with pytest.raises(ValueError, match="Drop it and create it"):
        ops.ReplaceTrigger(TRIGGERS[1], TRIGGERS[1])


def test_names_are_quoted_where_they_must_be() -> None:
    odd = Policy("who sees what", "select", ("Team A",), using="true")
    created = offline(ops.CreatePolicy("Order Lines", odd))
    assert 'CREATE POLICY "who sees what" ON public."Order Lines"' in created
    assert 'TO "Team A"' in created
    assert 'REVOKE SELECT ("Due On") ON TABLE' in offline(
        ops.RevokeOnTable("shelves", Grant("anon", ("select",), ("Due On",)))
    )
    assert 'DROP TRIGGER "a b" ON' in offline(ops.DropTrigger(Trigger("a b", "public.shelves", "")))
