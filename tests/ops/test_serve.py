"""What `rowhouse serve` refuses, and what it deletes when asked to start afresh."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import psycopg
import pytest

from webapp.ops import serve as serving
from webapp.ops.embedded import Cluster, is_free

FAST = {"fsync": "off", "shared_buffers": "16MB"}


def made(data: Path) -> Path:
    """Return the folder of a database that was made and stopped."""
    Cluster(data, settings=FAST).start().stop()
    return data


def test_a_taken_port_is_named_and_another_proposed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"Port {port} (.|\n)*--port {port + 1}"):
            serving.serve(port=port, data=tmp_path / "data", environ={})
    assert not (tmp_path / "data" / "embedded.json").exists(), "a database was made before the port was looked at"


def test_a_second_serve_is_told_of_the_first_and_not_of_its_port(tmp_path: Path) -> None:
    with Cluster(tmp_path / "data", settings=FAST).start() as first:
        first.folder.announce("http://127.0.0.1:8000")
        with pytest.raises(SystemExit, match=r"already runs .* process \d+ at http://127.0.0.1:8000"):
            serving.serve(port=first.port, data=tmp_path / "data", environ={})
        assert first.running


def test_reset_leaves_a_folder_alone_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "pg18").mkdir()
    (tmp_path / "pg18" / "PG_VERSION").write_text("18\n")
    with pytest.raises(SystemExit, match="not made by Rowhouse"):
        serving.serve(data=tmp_path, reset=True, environ={})
    assert (tmp_path / "pg18" / "PG_VERSION").exists()


def test_reset_deletes_what_it_made_says_so_and_keeps_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = made(tmp_path / "data")
    (data / "notes.txt").write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SystemExit, match="is taken"):
        serving.serve(port=other.getsockname()[1], data=data, reset=True, environ={})
    assert sorted(path.name for path in data.iterdir()) == ["notes.txt", "rowhouse.lock"]
    assert f"Deleted {data / 'embedded.json'}" in capsys.readouterr().out


def test_reset_does_not_touch_a_database_in_use(tmp_path: Path) -> None:
    with Cluster(tmp_path / "data", settings=FAST).start() as first:
        with pytest.raises(SystemExit, match="already runs"):
            serving.serve(data=tmp_path / "data", reset=True, environ={})
        with first.connect("postgres") as admin:
            assert admin.execute("select 1").fetchone() == (1,)


def test_reset_is_refused_where_a_database_of_ones_own_is_named(tmp_path: Path) -> None:
    data = made(tmp_path / "data")
    with pytest.raises(SystemExit, match="DATABASE_URL is set"):
        serving.serve(data=data, reset=True, environ={"DATABASE_URL": "postgresql://elsewhere/db"})
    assert (data / "embedded.json").exists()


def test_urls_are_those_of_the_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    with pytest.raises(SystemExit, match="no embedded database"):
        serving.urls(data=data)
    with Cluster(data, settings=FAST).start() as cluster:
        serving.urls(data=data, as_json=True)
        found = json.loads(capsys.readouterr().out)
        assert found.pop("running") is True
        expected = cluster.urls
        assert found == {
            "web": expected.web,
            "signin": expected.signin,
            "inspector": expected.inspector,
            "direct": expected.direct,
        }
        assert "postgresql://rowhouse_signin:" in expected.signin
        port = cluster.port
    serving.urls(data=data, as_json=True)
    assert json.loads(capsys.readouterr().out)["running"] is False
    assert is_free(port)


def test_a_login_that_a_start_was_cut_off_from_gets_its_password_at_the_next(tmp_path: Path) -> None:
    from webapp.ops import migrate

    with Cluster(tmp_path / "data", settings=FAST).start() as cluster:
        cluster.prepare()
        migrate.upgrade(cluster.urls.direct)
    with Cluster(tmp_path / "data", settings=FAST).start() as cluster:
        serving._prepare(cluster)
        for url in (cluster.urls.web, cluster.urls.signin, cluster.urls.inspector):
            with psycopg.connect(url) as connection:
                assert connection.execute("select 1").fetchone() == (1,)


def test_the_workers_get_no_login_that_no_request_needs(tmp_path: Path) -> None:
    with Cluster(tmp_path / "data", settings=FAST).start() as cluster:
        environ = {"PATH": "/bin", "database_url_direct": cluster.urls.direct, "INSPECTOR_DATABASE_URL": "x"}
        given = serving._for_workers({**environ, **serving._settings(cluster, 8000, environ)})
        urls = cluster.urls
    assert given["DATABASE_URL"] == urls.web
    assert given["SIGNIN_DATABASE_URL"] == urls.signin
    assert given["INSPECTOR_DATABASE_URL"] == urls.inspector
    assert "DATABASE_URL_DIRECT" not in {name.upper() for name in given}
    assert not {urls.direct, urls.admin} & set(given.values())
