"""What the tests of the catalogue share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import Item
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.world import World
from webapp.web.extensions import db


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


@pytest.fixture
def member(client_for: ClientFor, world: World) -> Client:
    return client_for(world.acme.member)


@pytest.fixture
def hammer(world: World) -> Item:
    return world.acme.products[0]
