"""The schema as the database has it: its rules hold, and each rule can fail."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.factories import Factories
from tests.fixtures.database import Database
from tests.fixtures.world import build
from tests.rls import catalogue
from tests.rls.catalogue import RULES, Rule
from webapp import rls
from webapp.rls import Identity

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.says for rule in RULES])


@each_rule
def test_the_rule_holds(rule: Rule, database: Database) -> None:
    assert database.admin_sql(rule.query) == []


@each_rule
def test_the_rule_can_be_broken(rule: Rule, spare_database: Callable[[], Database]) -> None:
    database = spare_database()
    database.admin_sql(rule.broken_by)
    assert database.admin_sql(rule.query) != []


def test_the_roles_are_what_the_design_says(database: Database) -> None:
    """Name, login, superuser, BYPASSRLS, inherits, creates roles, creates databases, has settings, member of."""
    assert database.admin_sql(catalogue.ROLES) == [
        ("anon", False, False, False, False, False, False, False, []),
        ("authenticated", False, False, False, False, False, False, False, []),
        ("rowhouse_inspector", True, False, False, False, False, False, False,
         ["anon", "authenticated", "service_role"]),
        ("rowhouse_signin", True, False, False, False, False, False, False, []),
        ("rowhouse_web", True, False, False, False, False, False, False, ["anon", "authenticated"]),
        ("service_role", False, False, True, False, False, False, False, []),
    ]  # fmt: skip


def relations(database: Database) -> list[str]:
    """Return every table, view and sequence of every schema that is not the system's."""
    found = [str(row[0]) for row in database.admin_sql(catalogue.RELATIONS)]
    assert {"public.products", "auth.users", "rowhouse.alembic_version"} <= set(found)
    return found


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("role", ["rowhouse_web", "rowhouse_signin", "rowhouse_inspector"])
def test_a_login_without_an_identity_reads_nothing_at_all(role: str, database: Database) -> None:
    readable = []
    with database.postgres.connect(database.name, role) as login:
        for name in relations(database):
            try:
                login.execute(f"select from {name} limit 1")
            except psycopg.errors.InsufficientPrivilege:
                continue
            readable.append(name)
    assert readable == []


@pytest.mark.usefixtures("world")
def test_a_visitor_without_an_account_reads_nothing_at_all(database: Database, web_engine: Engine) -> None:
    readable = []
    for name in relations(database):
        with rls.bind(web_engine, Identity.anonymous()).connect() as connection:
            try:
                connection.execute(text(f"select from {name} limit 1"))
            except rls.errors.NotPermitted:
                continue
            readable.append(name)
    assert readable == []


def test_a_temporary_table_cannot_take_the_place_of_a_real_one(
    spare_database: Callable[[], Database],
) -> None:
    """Where somebody may make temporary tables after all, the functions that policies ask are not misled by one."""
    database = spare_database()
    database.admin_sql(f"grant temporary on database {database.name} to public")
    engine = rls.create_engine(database.web_direct_url)
    there = build(Factories(database.owner))
    with rls.bind(engine, there.stranger.identity).connect() as connection:
        for statement in (
            "create temporary table memberships (org_id uuid, user_id uuid, role public.member_role)",
            "create temporary table sessions (id uuid, user_id uuid)",
            "grant all on memberships, sessions to public",
        ):
            connection.execute(text(statement))
        connection.execute(
            text("insert into memberships values (:org, :person, 'owner')"),
            {"org": there.acme.org.id, "person": there.stranger.id},
        )
        assert connection.scalar(text("select rowhouse.member_orgs()")) == []
        assert connection.scalar(text("select count(*) from public.products")) == 0
