"""What measurements run against: Postgres, migrated, the pooler in front of it, and gunicorn."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psycopg

from tests.factories import Factories
from tests.fixtures.cluster import Bouncer, Postgres
from tests.fixtures.ports import Port
from webapp.ops.migrate import upgrade

ROOT: Final = Path(__file__).resolve().parent.parent
DATABASE: Final = "rowhouse"


@dataclass(frozen=True, slots=True)
class Servers:
    """Hold a migrated database, the pooler before it, and what writes rows past both."""

    postgres: Postgres
    bouncer: Bouncer
    owner: psycopg.Connection
    superuser: psycopg.Connection
    factories: Factories

    @property
    def direct(self) -> str:
        """Return the owner's address, past the pooler."""
        return self.postgres.url("postgres", DATABASE)

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of an application that logs nothing but errors."""
        return {
            "DATABASE_URL": self.bouncer.url("rowhouse_web", DATABASE),
            "SIGNIN_DATABASE_URL": self.bouncer.url("rowhouse_signin", DATABASE),
            "INSPECTOR_DATABASE_URL": self.bouncer.url("rowhouse_inspector", DATABASE),
            "SECRET_KEY": "k" * 32,
            "JWT_SECRET": "j" * 32,
            "LOG_LEVEL": "ERROR",
        }


@contextmanager
def servers() -> Iterator[Servers]:
    """Start Postgres and the pooler for the block, and say which Postgres it is."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # the servers run as another account where this runs as root
        postgres = Postgres(folder)
        stack.callback(postgres.close)
        postgres.initialise()
        upgrade(postgres.url("postgres", DATABASE))
        postgres.set_passwords()
        bouncer = Bouncer(folder, postgres)
        bouncer.start()
        stack.callback(bouncer.close)
        owner = stack.enter_context(postgres.connect(DATABASE, "postgres"))
        superuser = stack.enter_context(postgres.connect(DATABASE))
        print(f"PostgreSQL {owner.info.parameter_status('server_version')}")
        yield Servers(postgres, bouncer, owner, superuser, Factories(lambda: owner))


@contextmanager
def port() -> Iterator[int]:
    """Keep a port for the block."""
    held = Port()
    try:
        yield held.number
    finally:
        held.release()


@contextmanager
def gunicorn(target: str, port: int, environ: dict[str, str], workers: int, threads: int) -> Iterator[str]:
    """Serve ``target`` on loopback until the block ends; yield its address."""
    command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}",
               "--workers", str(workers), "--threads", str(threads), "--log-level", "error", target]  # fmt: skip
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, stderr=log, stdout=log) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    httpx.get(f"{address}/health", timeout=2)
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            else:
                log.seek(0)
                raise SystemExit(f"{target} did not answer.\n{log.read().decode()}")
            yield address
        finally:
            process.terminate()
            process.wait(20)
