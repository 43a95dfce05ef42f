"""Postgres or the pooler is killed in mid-traffic: pages that say so, then service again, and nothing lost.

gunicorn is left alone: the same workers serve before, during and after.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.chaos.traffic import traffic
from tests.fixtures.cluster import Bouncer, Postgres
from tests.fixtures.database import Database
from tests.fixtures.live import Live, calling
from tests.fixtures.servers import until
from tests.fixtures.world import World

AWAY = 1.5  # seconds that a server is gone
BACK = 4.0  # seconds in which a page must be served again; half of that on a machine that does nothing else
LONGEST = 8.0  # seconds that anybody waits for any answer


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("name", ["postgres", "bouncer"])
def test_a_killed_server_is_an_outage_and_not_a_loss(
    name: str,
    request: pytest.FixtureRequest,
    world: World,
    live: Live,
    database: Database,
    record_property: Callable[[str, object], None],
) -> None:
    server: Postgres | Bouncer = request.getfixturevalue(name)
    before = live.workers()
    with traffic(live.url, world.acme) as diary:
        until(lambda: len(diary.acknowledged) > 20, "people to be at work")
        working = len(diary.acknowledged)
        server.kill()
        time.sleep(AWAY)
        server.start()
        back = time.monotonic()
        until(lambda: diary.served_after(back) < BACK, "the first page after the outage", BACK + 6)
        again = diary.served_after(back)
        until(lambda: len(diary.acknowledged) > working + 20, "people to be at work again")
    database.close()
    there = {row[0] for row in database.sql("select id from products")}
    record_property(
        "outage",
        f"{name}: statuses {dict(diary.statuses)}, acknowledged {len(diary.acknowledged)},"
        f" slowest {diary.slowest:.1f} s, served again after {again:.2f} s,"
        f" PostgreSQL {database.version}, {database.bouncer.version}",
    )
    assert diary.wrong == []
    assert set(diary.acknowledged) - there == set()
    assert diary.statuses[503] > 0 or diary.slowest > AWAY / 2, "the outage was not noticed at all"
    assert again < BACK
    assert diary.slowest < LONGEST
    assert live.workers() == before


@pytest.mark.usefixtures("restored")
def test_the_process_is_alive_and_not_ready_while_the_database_is_away(
    live: Live, postgres: Postgres, world: World
) -> None:
    with calling(live.url) as caller:
        assert caller.get("/health/ready").status_code == 200
        postgres.kill()
        assert caller.get("/health").status_code == 200
        response = caller.get("/health/ready")
        assert response.status_code == 503
        assert response.headers["Retry-After"].isdigit()
        postgres.start()
        until(lambda: caller.get("/health/ready").status_code == 200, "the application to be ready again")


@pytest.mark.usefixtures("restored")
def test_a_server_that_starts_before_its_database_serves_once_that_is_there(
    live: Live, postgres: Postgres, world: World
) -> None:
    live.stop()
    postgres.kill()
    live.start()
    with calling(live.url) as caller:
        assert caller.get("/health/ready").status_code == 503
        postgres.start()
        until(lambda: caller.get("/health/ready").status_code == 200, "the application to be ready")
    with calling(live.url, world.acme.member) as member:
        assert member.get("/o/acme/products/").status_code == 200


def test_no_header_tells_which_software_answers(live: Live) -> None:
    with calling(live.url) as caller:
        headers = caller.get("/").headers
    assert not any(char.isdigit() for char in headers.get("Server", ""))
    assert "X-Powered-By" not in headers
