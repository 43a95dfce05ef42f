"""The Inspector's desk, and a schema of a test's own that is dropped after it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import Engine

from tests.fixtures.cluster import Bouncer
from tests.fixtures.database import Database
from tests.inspector.scratch import Scratch
from webapp import rls
from webapp.inspector.desk import ROLES, Desk
from webapp.inspector.viewpoint import Viewpoint

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def inspector_engine(server_folder: Path, migrated: Database) -> Iterator[Engine]:
    """Return an engine by a pooler that asks for no password: a look connects twice, and the proof costs the most."""
    server = Bouncer(server_folder, migrated.postgres, auth="trust")
    server.start()
    yield rls.create_engine(server.url("rowhouse_inspector", migrated.name))
    server.close()


@pytest.fixture
def make_scratch(migrated: Database, inspector_engine: Engine) -> Iterator[Callable[..., Scratch]]:
    """Return a maker of schemas; whatever is made in one is granted to everybody."""
    made: list[str] = []

    def make(name: str | None = None) -> Scratch:
        made.append(schema := name or f"scratch{next(_numbers)}")
        names = {"schema": sql.Identifier(schema)}
        admin = migrated.superuser()
        admin.execute(sql.SQL("create schema {schema}").format(**names))
        roles = "anon, authenticated, service_role"
        admin.execute(sql.SQL(f"grant usage on schema {{schema}} to {roles}").format(**names))
        for kind in ("tables", "sequences"):
            admin.execute(
                sql.SQL(f"alter default privileges in schema {{schema}} grant all on {kind} to {roles}").format(**names)
            )
        return Scratch(migrated, Desk(inspector_engine), schema)

    yield make
    for schema in made:
        migrated.superuser().execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


@pytest.fixture
def scratch(make_scratch: Callable[..., Scratch]) -> Scratch:
    return make_scratch()


@pytest.fixture
def blind_desk(web_engine: Engine) -> Desk:
    """Return a desk on the login of the requests, which sees nothing that is hidden."""
    return Desk(web_engine, sees_hidden=False)


@pytest.fixture
def make_role(migrated: Database) -> Iterator[Callable[..., Viewpoint]]:
    """Return a maker of roles that the Inspector's login may become; they are dropped after the test.

    It is made before the schema that grants to them, so that it is taken down after it.
    """
    made: list[str] = []

    def make(attributes: str = "", name: str = "") -> Viewpoint:
        made.append(role := name or f"role{next(_numbers)}")
        admin = migrated.superuser()
        names = {"role": sql.Identifier(role)}
        admin.execute(sql.SQL(f"create role {{role}} nologin {attributes}").format(**names))
        admin.execute(sql.SQL("grant {role} to rowhouse_inspector").format(**names))
        identity = rls.Identity.viewed(role, {"role": role}, ROLES | {role})
        return Viewpoint("role", role, identity)

    yield make
    for role in made:
        admin = migrated.superuser()
        admin.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(role)))
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
