"""What machines are told."""

from __future__ import annotations

from collections.abc import Callable

from tests.fixtures.application import Client, MakeApp
from tests.fixtures.database import Database
from webapp.ops.migrate import head


def test_a_process_that_answers_is_alive(client: Client) -> None:
    response = client.get("/health")
    assert (response.status_code, response.json) == (200, {"status": "alive"})


def test_ready_says_the_revision_of_the_schema(client: Client) -> None:
    response = client.get("/health/ready")
    assert (response.status_code, response.json) == (200, {"status": "ready", "revision": head()})


def test_a_schema_of_another_revision_is_not_ready(make_app: MakeApp, spare_database: Callable[[], Database]) -> None:
    database = spare_database()
    app = make_app(database)
    database.admin_sql("update rowhouse.alembic_version set version_num = '0000'")
    response = app.test_client().get("/health/ready")
    assert response.status_code == 503
    assert response.json is not None
    assert "rowhouse migrate" in response.json["reason"]
    assert response.headers["Retry-After"] == "10"


def test_a_database_that_is_away_is_not_ready_but_alive(make_app: MakeApp) -> None:
    app = make_app(database_url="postgresql://rowhouse_web:x@127.0.0.1:9/rowhouse")
    client = app.test_client()
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.headers["Retry-After"]) == (503, "2")
    assert client.get("/health").status_code == 200


def test_a_database_that_was_away_at_the_start_is_not_ready_in_json(make_app: MakeApp) -> None:
    response = (
        make_app(signin_database_url="postgresql://rowhouse_signin:x@127.0.0.1:9/rowhouse")
        .test_client()
        .get("/health/ready")
    )
    assert response.status_code == 503
    assert response.json == {"status": "not ready", "reason": "The database cannot be reached."}
