"""The embedded server lives exactly as long as its owner, however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from webapp.ops.embedded import Busy, Cluster

FAST = {"fsync": "off", "shared_buffers": "16MB"}

OWNER = """
import os, sys, time
from pathlib import Path
from webapp.ops.embedded import Cluster
cluster = Cluster(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"}).start()
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(30)  # a child that keeps all of the owner's pipes open
    os._exit(0)
print(os.getpid(), cluster.pid, cluster.watchdog, flush=True)
time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def owner(data: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int, int]]]:
    """Return a function that starts an owner process; all of them are gone after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], int, int]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(data), *options],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        running.append(process)
        assert process.stdout is not None
        _, server, watchdog = map(int, process.stdout.readline().split())
        return process, server, watchdog

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def gone(pid: int, seconds: float = 8.0) -> bool:
    """Tell whether the process ends within the seconds; a zombie has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_cluster_starts_answers_and_stops_without_a_trace(data: Path) -> None:
    cluster = Cluster(data, settings=FAST).start()
    server, watchdog = cluster.pid, cluster.watchdog
    with cluster.connect("postgres") as admin:
        assert admin.execute("select 1").fetchone() == (1,)
    cluster.stop()
    assert gone(server, 0.1)
    assert gone(watchdog, 0.1)
    assert not (data / f"pg{cluster.major}" / "postmaster.pid").exists()
    assert "database system is shut down" in cluster.log_tail()


def test_a_killed_cluster_starts_again_at_its_port_with_what_was_committed(data: Path) -> None:
    with Cluster(data, settings=FAST).start() as cluster:
        port = cluster.port
        with cluster.connect("postgres") as admin:
            admin.execute("create table kept as select 7 as number")
        cluster.kill()
        assert not cluster.running
        cluster.start()
        assert cluster.port == port
        with cluster.connect("postgres") as admin:
            assert admin.execute("select number from kept").fetchone() == (7,)


@pytest.mark.parametrize("how", ["KILL", "TERM"])
def test_the_server_ends_when_its_owner_is_killed(
    owner: Callable[..., tuple[subprocess.Popen[str], int, int]], how: str
) -> None:
    process, server, watchdog = owner()
    process.send_signal(signal.Signals["SIG" + how])
    process.wait()
    assert gone(server)
    assert gone(watchdog)


def test_a_forked_child_of_a_killed_owner_does_not_keep_the_server(
    owner: Callable[..., tuple[subprocess.Popen[str], int, int]],
) -> None:
    process, server, _ = owner("fork")
    process.kill()
    process.wait()
    assert gone(server)


def test_the_server_ends_when_its_watchdog_is_killed(
    owner: Callable[..., tuple[subprocess.Popen[str], int, int]],
) -> None:
    _, server, watchdog = owner()
    os.kill(watchdog, signal.SIGKILL)
    assert gone(server)


def test_the_server_ends_when_owner_and_watchdog_are_killed_at_once(
    owner: Callable[..., tuple[subprocess.Popen[str], int, int]], data: Path
) -> None:
    process, server, watchdog = owner()
    os.kill(process.pid, signal.SIGSTOP)  # so that it cannot tidy up
    os.kill(watchdog, signal.SIGKILL)
    process.kill()
    process.wait()
    assert gone(server)
    with Cluster(data, settings=FAST).start() as cluster, cluster.connect("postgres") as admin:
        assert admin.execute("select 1").fetchone() == (1,)


def test_a_second_owner_is_told_who_the_first_is(
    owner: Callable[..., tuple[subprocess.Popen[str], int, int]], data: Path
) -> None:
    process, server, _ = owner()
    with pytest.raises(Busy, match=f"process {process.pid}"):
        Cluster(data, settings=FAST).start()
    assert not gone(server, 0.1)


def test_an_orphaned_server_is_stopped_and_the_data_kept(data: Path) -> None:
    said: list[str] = []
    with Cluster(data, settings=FAST).start() as cluster:
        with cluster.connect("postgres") as admin:
            admin.execute("create table kept ()")
        # The lock given up while the server runs: what an owner on a system without PDEATHSIG may leave.
        cluster.folder.release()
        orphan = cluster.pid
        with Cluster(data, settings=FAST, say=said.append).start() as second:
            assert second.pid != orphan
            assert not cluster.running
            with second.connect("postgres") as admin:
                assert admin.execute("select count(*) from kept").fetchone() == (0,)
    assert any(f"process {orphan}" in line for line in said)


def test_a_stale_pid_file_that_names_a_living_process_does_not_block(data: Path) -> None:
    with Cluster(data, settings=FAST).start() as cluster:
        pgdata = data / f"pg{cluster.major}"
        lines = (pgdata / "postmaster.pid").read_text().split("\n")
    account = pgdata.stat()
    # Same account as the server's: the case in which Postgres itself refuses to start.
    with subprocess.Popen(
        ["sleep", "30"], user=account.st_uid, extra_groups=[] if os.geteuid() == 0 else None
    ) as other:
        try:
            lines[0] = str(other.pid)
            stale = pgdata / "postmaster.pid"
            stale.write_text("\n".join(lines))
            os.chown(stale, account.st_uid, account.st_gid)
            with Cluster(data, settings=FAST).start() as cluster, cluster.connect("postgres") as admin:
                assert admin.execute("select 1").fetchone() == (1,)
            assert other.poll() is None, "the process that has the number today was hit"
        finally:
            other.kill()


def test_a_lost_server_takes_no_connection(data: Path) -> None:
    with Cluster(data, settings=FAST).start() as cluster:
        url = cluster.url("supabase_admin", "postgres")
        cluster.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
