"""Every tenant table says what the trail keeps of it, and the database does what is declared."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid

from tests.fixtures.database import Database
from webapp.models import Base
from webapp.models.audited import Audited, Unaudited, audit_function, audited, functions_of, triggers_of

# What the name of a column that the trail must never keep looks like.
SECRET = re.compile(r"password|secret|token|hash|key$|_key_|otp|factor")


def tenant_tables(metadata: MetaData) -> list[Table]:
    """Return the tables whose rows belong to an organisation, and that of organisations; not the trail itself."""
    return [
        table
        for table in metadata.tables.values()
        if ("org_id" in table.c or table.name == "organizations") and table.name != "audit_log"
    ]


def undeclared(metadata: MetaData) -> list[str]:
    """Return what is said of no table and of no column, by name."""
    found = []
    for table in tenant_tables(metadata):
        declared = audited(table)
        if declared is None:
            found.append(table.name)
        elif isinstance(declared, Audited):
            parent = (declared.parent,) if declared.parent else ()
            known = {*declared.columns, *declared.omitted, declared.org, declared.record, *parent}
            found += [f"{table.name}.{c.name}" for c in table.c if c.name not in known and c.computed is None]
            found += [f"{table.name}.{name} is none" for name in sorted(known) if name not in table.c]
    return found


def test_every_tenant_table_and_column_is_declared() -> None:
    assert undeclared(Base.metadata) == []


def test_what_is_left_out_has_a_reason() -> None:
    reasons = [own.reason for table in tenant_tables(Base.metadata) if isinstance(own := audited(table), Unaudited)]
    assert all(reason.endswith(".") and len(reason) > 20 for reason in reasons)


def test_a_forgotten_table_and_a_forgotten_column_are_noticed() -> None:
    metadata = MetaData()
    Table("notes", metadata, Column("org_id", Uuid, primary_key=True))
    Table(
        "shelves", metadata, Column("org_id", Uuid, primary_key=True), Column("id", Uuid, primary_key=True),
        Column("size", Integer), info=Audited(("colour",), omitted=()).as_info(),
    )  # fmt: skip
    assert undeclared(metadata) == ["notes", "shelves.size", "shelves.colour is none"]


def test_org_and_record_are_the_primary_key() -> None:
    for table in tenant_tables(Base.metadata):
        if isinstance(own := audited(table), Audited):
            assert {own.org, own.record} == {column.name for column in table.primary_key}, table.name


def test_no_secret_and_nothing_generated_is_kept() -> None:
    kept = [
        table.c[name]
        for table in tenant_tables(Base.metadata)
        if isinstance(own := audited(table), Audited)
        for name in own.columns
    ]
    assert kept
    assert [str(column) for column in kept if SECRET.search(column.name) or column.computed is not None] == []


def test_the_database_has_a_function_and_three_triggers_for_each(database: Database) -> None:
    declared = {trigger.name for trigger in triggers_of(Base.metadata)}
    rows = database.sql(
        "select tgname, tgenabled::text from pg_trigger where tgname ~ '_audit_(insert|update|delete)$'"
    )
    assert dict(rows) == dict.fromkeys(declared, "O")
    assert len(declared) == 3 * len(list(functions_of(Base.metadata))) > 15


def test_nobody_may_call_what_writes_the_trail(database: Database) -> None:
    rows = database.sql(
        "select p.oid::regprocedure::text, r.rolname from pg_proc p,"
        " unnest(array['anon', 'authenticated', 'service_role', 'rowhouse_web']) r (rolname)"
        " where p.pronamespace = 'rowhouse'::regnamespace and p.proname ~ 'audit'"
        " and p.proname <> 'audit_people' and has_function_privilege(r.rolname, p.oid, 'execute')"
    )
    assert rows == []


@pytest.mark.parametrize("columns", [("a",), tuple(f"column_{number}" for number in range(30))])
def test_the_text_of_a_function_fits_its_lines(columns: tuple[str, ...]) -> None:
    sql = audit_function("things", Audited(columns, parent="other_id")).sql
    assert max(map(len, sql.splitlines())) <= 120
    assert not re.search(r"[ \t]$", sql, re.MULTILINE)


def test_odd_names_are_quoted() -> None:
    table = Table(
        "odd", MetaData(), Column("org_id", Uuid, primary_key=True), Column("id", Uuid, primary_key=True),
        Column("Order", Text),
    )  # fmt: skip
    sql = audit_function(table.name, Audited(("Order",))).sql
    assert 'to_jsonb(r) from (select n."Order")' in sql
