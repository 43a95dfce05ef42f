"""One gunicorn on a database of its own for the whole folder: each test makes the people and houses that it needs.

The fixtures have the names of the suite's own, which they take the place of here. Nothing is emptied between tests,
so that starting and signing in are paid for once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.factories import Factories, Person
from tests.fixtures.browser import Visit, Visitor
from tests.fixtures.cluster import Bouncer, Postgres
from tests.fixtures.database import TEMPLATE, Database, copy_database
from tests.fixtures.live import Live
from tests.fixtures.world import World, build

NAME, DOORS = "browser", "browser_doors"

# Kept by the page itself from its first moment on; what Playwright adds is not bound by the page's policy.
_WATCH = """
globalThis.watched = { violations: [], shift: 0 };
addEventListener("securitypolicyviolation", (event) => {
  watched.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) watched.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

Enter: TypeAlias = Callable[..., Visitor]


@pytest.fixture(scope="session")
def database(migrated: Database, postgres: Postgres, bouncer: Bouncer) -> Iterator[Database]:
    """Return a copy of the migrated database that no other test empties."""
    copy = Database(NAME, postgres, bouncer)
    copy_database(postgres, TEMPLATE, NAME)
    yield copy
    copy.close()


@pytest.fixture(scope="session")
def factories(database: Database) -> Factories:
    return Factories(database.owner)


@pytest.fixture(scope="session")
def world(factories: Factories) -> World:
    """Return acme, globex and everybody around them; tests here read them and change nothing."""
    return build(factories)


@pytest.fixture(scope="session")
def live(server_folder: Path, database: Database) -> Iterator[Live]:
    """Return the application served by gunicorn, through the pooler."""
    yield from _serving(Live(server_folder, database, workers=1))


@pytest.fixture(scope="session")
def doors(server_folder: Path, postgres: Postgres, bouncer: Bouncer, migrated: Database) -> Iterator[Live]:
    """Return the application as the demonstration serves it, on an empty database that may be cut off."""
    copy_database(postgres, TEMPLATE, DOORS)
    server = Live(server_folder, Database(DOORS, postgres, bouncer), workers=1, ROWHOUSE_DEMO="true", LOG_LEVEL="ERROR")
    yield from _serving(server)


def _serving(server: Live) -> Iterator[Live]:
    server.start()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def cookies() -> dict[str, list[Any]]:
    """Return the cookies of those who have signed in, by e-mail address."""
    return {}


@pytest.fixture
def enter(visit: Visit, cookies: dict[str, list[Any]]) -> Enter:
    """Return a maker of visitors who are signed in as a person, or as nobody; the rest is as for ``visit``."""

    def make(person: Person | None = None, **window: Any) -> Visitor:
        visitor = visit(**window)
        visitor.context.add_init_script(_WATCH)
        if person is not None:
            if person.email not in cookies:
                visitor.sign_in(person)
                cookies[person.email] = visitor.context.cookies()
            visitor.context.add_cookies(cookies[person.email])
        return visitor

    return make
