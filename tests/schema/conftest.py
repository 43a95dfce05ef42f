"""Empty Supabase projects for the schema tools, and the metadata of a small shop to compare them with."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import Connection

from tests.fixtures.cluster import Postgres
from tests.fixtures.database import DEFAULTS
from webapp.ops.embedded import binaries, roles
from webapp.schema.session import direct_engine

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def blank(postgres: Postgres) -> Iterator[Callable[[], str]]:
    """Return a maker of empty projects; it returns the owner's address."""
    made: list[str] = []

    def make() -> str:
        made.append(name := f"blank_{next(_numbers)}")
        with postgres.connect("postgres") as admin:
            admin.execute(sql.SQL("create database {} owner postgres").format(sql.Identifier(name)))
        with postgres.connect(name) as admin:
            roles.run_shim(admin, roles.SHIM)
            admin.execute(DEFAULTS)
        return postgres.url("postgres", name)

    yield make
    for name in made:
        with postgres.connect("postgres") as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def url(blank: Callable[[], str]) -> str:
    """Return the owner's address of an empty project."""
    return blank()


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """Return the owner's connection to an empty project."""
    engine = direct_engine(url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture(scope="session")
def dump() -> Callable[[str], str]:
    """Return what gives a database's whole schema as text, by its address."""
    chosen = os.environ.get("PGBIN")
    program = binaries.find(Path(chosen) if chosen else None, None).folder / "pg_dump"

    def schema_of(url: str) -> str:
        done = subprocess.run([program, "--schema-only", url], capture_output=True, text=True, check=True)
        return re.sub(r"^\\(un)?restrict .*\n", "", done.stdout, flags=re.MULTILINE)

    return schema_of
