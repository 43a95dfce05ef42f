"""What the tests of the audit trail's pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, event, text

from tests.factories import Person
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.world import World
from webapp import rls
from webapp.blueprints.audit.queries import recent
from webapp.web.extensions import db

Act = Callable[..., None]


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    return client_for(world.acme.admin)


@pytest.fixture
def act(web_engine: Engine, world: World) -> Act:
    """Return what runs statements in acme as a person, in one transaction."""

    def run(person: Person, *statements: str, **values: object) -> None:
        given = {"org": world.acme.org.id, **values}
        with rls.unit_of_work(web_engine, person.identity) as connection:
            for statement in statements:
                connection.execute(text(statement), {name: given[name] for name in given if f":{name}" in statement})

    return run


@pytest.fixture
def web_admin_names(web_engine: Engine, world: World) -> Callable[[list[UUID]], list[str]]:
    """Return what asks, as acme's administrator, how people are called."""

    def ask(ids: list[UUID]) -> list[str]:
        query = text("select name from rowhouse.audit_people(:org, :ids)")
        with rls.unit_of_work(web_engine, world.acme.admin.identity) as connection:
            return list(connection.execute(query, {"org": world.acme.org.id, "ids": ids}).scalars())

    return ask


@pytest.fixture
def recent_of(web_engine: Engine, world: World) -> Callable[[Person, int], list[str]]:
    """Return what asks, as a person, for the last changes of acme in words."""

    def ask(person: Person, limit: int) -> list[str]:
        with rls.session_of_work(web_engine, person.identity, read_only=True) as session:
            told = recent(session, world.acme.org.id, limit)
        return ["".join(word if isinstance(word, str) else word.label for word in one.words) for one in told]

    return ask


@pytest.fixture
def queries_of(app: Flask) -> Callable[[], AbstractContextManager[list[str]]]:
    """Return a watch over the statements that the application sends."""

    @contextmanager
    def watch() -> Iterator[list[str]]:
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            sent.append(statement)

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return watch
