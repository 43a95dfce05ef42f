"""Start, stop and kill one cluster."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg

from webapp.ops.embedded import account as accounts
from webapp.ops.embedded import binaries, initdb, leftovers, ports, roles
from webapp.ops.embedded.failures import EmbeddedError, explain, not_permitted
from webapp.ops.embedded.folder import LOGINS, Folder, Secrets
from webapp.ops.embedded.watched import Watched

PLAN = "INT:10,QUIT:5"  # fast shutdown, then immediate
READY_SECONDS = 120.0  # recovery after a crash may take its time; a server that ends is noticed at once
LOG_BYTES = 5_000_000
SETTINGS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "cluster_name": "rowhouse",
    "rowhouse.embedded": "on",  # webapp.ops.demo writes its accounts to no database without it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "lc_messages": "C",
}


@dataclass(frozen=True, repr=False)
class Urls:
    """Hold a postgresql:// address, password included, for each login; never shown by repr."""

    web: str
    signin: str
    inspector: str
    direct: str
    admin: str


class Cluster:
    """Run one embedded Postgres, which ends when this process does.

    `data` is the folder for everything, `pgbin` the folder of the programs to use before all others, `port` a fixed
    port (else one is chosen once and kept while it is free), `settings` more of postgresql.conf for this run,
    `say` is told what an operator may want to know. Every method raises EmbeddedError with a reason.
    """

    def __init__(
        self,
        data: Path,
        *,
        pgbin: Path | None = None,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = Folder(data)
        self._pgbin = pgbin
        self._wanted = port
        self._settings = dict(settings or {})
        self._say = say
        self._server: Watched | None = None
        self._log: Path | None = None
        self.port = 0
        self.major = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start the server, making its files first where they are missing; again after stop() or kill().

        Started again it has the port of the first time, and waits for it some seconds if need be.
        """
        if self.running:
            return self
        self.folder.acquire()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        folder = self.folder
        known = sorted(folder.path.glob("pg[0-9]*/PG_VERSION"))
        account = accounts.choose(folder.path, known[-1].parent if known else folder.path)
        found = binaries.find(self._pgbin, account)
        pgdata = folder.pgdata(found.major)
        self.major = found.major
        for other in {path.parent for path in known} - {pgdata}:
            self._say(f"Not used: {other}, made by another major version; this is PostgreSQL {found.version}.")
        if pgdata.exists():
            if folder.read() is None:
                raise EmbeddedError(
                    f"{pgdata} is there, but not the passwords to it.",
                    f"They are kept in {folder.path / 'embedded.json'}, which is missing.",
                    "Bring that back from a copy, or start afresh with --reset (all data in the folder is lost).",
                )
            initdb.check_version(pgdata, found)
            if said := leftovers.clear(pgdata):
                self._say(said)
        else:
            sync = self._settings.get("fsync") != "off"
            initdb.create(pgdata, found, account, self.secrets.passwords[LOGINS["admin"]], sync=sync)
        self.port = self._choose_port()
        self._run(found, pgdata, account)
        if folder.write().get("port") != self.port:
            folder.write(port=self.port)

    def _choose_port(self) -> int:
        if self.port:
            return ports.wait_for(self.port, seconds=5)
        if self._wanted:
            return ports.wait_for(self._wanted, seconds=0)
        kept = self.folder.write().get("port")
        if isinstance(kept, int):
            if ports.is_free(kept):
                return kept
            self._say(f"Port {kept}, used last time, is taken: the database gets another.")
        return ports.any_free()

    def _run(self, found: binaries.Binaries, pgdata: Path, account: accounts.Account | None) -> None:
        settings = {**SETTINGS, "port": str(self.port), **self._settings}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._log = pgdata.with_name(f"{pgdata.name}.log")
        end = time.monotonic() + READY_SECONDS
        while True:
            with _open_log(self._log) as log, accounts.reach(pgdata, account, found.major) as place:
                begun = os.fstat(log.fileno()).st_size
                self._server = Watched(
                    [str(found.folder / "postgres"), "-D", str(place.address), *arguments],
                    plan=PLAN,
                    environment=binaries.ENVIRONMENT,
                    folder=place.start,
                    account=account,
                    output=log,
                    keep=place.keep,
                )
            if _wait(self._server, pgdata, end):
                return
            self._server.stop()
            self._server = None
            said = self._log.read_bytes()[begun:].decode(errors="replace")
            if "pre-existing shared memory block" not in said or time.monotonic() > end - READY_SECONDS + 10:
                raise explain(f"The database server did not start (port {self.port}, {pgdata}).", said)
            time.sleep(0.1)  # what a killed server left takes a moment to go

    @property
    def running(self) -> bool:
        """Tell whether the server runs."""
        return self._server is not None and self._server.alive()

    @property
    def pid(self) -> int:
        """Return the process id of the postmaster."""
        assert self._server is not None, "the cluster was not started"
        return self._server.pid

    @property
    def watchdog(self) -> int:
        """Return the process id of the watchdog that is its parent."""
        assert self._server is not None, "the cluster was not started"
        return self._server.watchdog

    @property
    def secrets(self) -> Secrets:
        """Return the passwords and keys of this data folder."""
        return self.folder.secrets()

    @property
    def urls(self) -> Urls:
        """Return the addresses of the application's database."""
        return Urls(**{name: self.url(role) for name, role in LOGINS.items()})

    def url(self, role: str, database: str = roles.DATABASE) -> str:
        """Return the address of any database of the cluster for one of its logins."""
        return f"postgresql://{role}:{self.secrets.passwords[role]}@{ports.HOST}:{self.port}/{database}"

    def connect(self, database: str = roles.DATABASE) -> psycopg.Connection:
        """Return a connection of the superuser, in autocommit."""
        # What the environment says to libpq (PGSSLMODE and its like) is meant for other servers.
        address = self.url(LOGINS["admin"], database)
        return psycopg.connect(address, autocommit=True, sslmode="disable", gssencmode="disable", connect_timeout=10)

    def prepare(self) -> None:
        """Make the database and what Supabase has in it; skip what was done before and has not changed since."""
        mark = roles.fingerprint(roles.SHIM)
        if self.folder.write().get("shim") == mark:
            return
        with self.connect("postgres") as admin:
            roles.create_database(admin)
        with self.connect() as admin:
            roles.run_shim(admin, roles.SHIM)
        self.set_passwords()
        self.folder.write(shim=mark)

    def set_passwords(self) -> list[str]:
        """Give each login without a password the one kept here; call it again after migrations made more logins."""
        with self.connect("postgres") as admin:
            return roles.set_passwords(admin, self.secrets.passwords)

    def stop(self) -> None:
        """Stop the server (fast, then immediate) and let others own the folder."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self.folder.release()

    def kill(self) -> None:
        """Kill the postmaster as a power cut would, wait until all of the server is gone; start() may follow."""
        if self._server is not None:
            self._server.kill()
            self._server = None
        self.folder.release()

    def log_tail(self) -> str:
        """Return the end of the server's log."""
        with contextlib.suppress(OSError, TypeError):
            return Path(self._log or "").read_bytes()[-4000:].decode(errors="replace")
        return ""


def start(data: Path, *, settings: Mapping[str, str] | None = None) -> Cluster:
    """Return a running cluster with the database and the roles of Supabase in it."""
    cluster = Cluster(data, settings=settings).start()
    try:
        cluster.prepare()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _open_log(path: Path) -> IO[bytes]:
    try:
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise not_permitted(f"The server's log {path} cannot be written.", exc) from None
    return os.fdopen(fd, "ab")


def _wait(server: Watched, pgdata: Path, end: float) -> bool:
    """Wait until the server accepts connections; return whether it does."""
    while server.alive() and time.monotonic() < end:
        with contextlib.suppress(OSError):
            lines = (pgdata / "postmaster.pid").read_text().split("\n")
            # The eighth line is how postmaster tells pg_ctl; the first says that it is this server's file.
            if lines[0] == str(server.pid) and lines[7:8] and lines[7].startswith("ready"):
                return True
        time.sleep(0.005)
    return False
