"""Serve Rowhouse on this machine: an embedded Postgres with demonstration data, or DATABASE_URL where it is set.

Everything started here ends with this process, by whatever signal it ends: each program has a watchdog (embedded/).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from webapp.ops.embedded import Cluster, EmbeddedError, Folder, is_free
from webapp.ops.embedded.folder import LOGINS
from webapp.ops.embedded.leftovers import clear
from webapp.ops.embedded.ports import HOST
from webapp.ops.embedded.roles import DATABASE
from webapp.ops.embedded.watched import Watched

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".local"
PLAN = "TERM:8,QUIT:2"  # gunicorn: finish what runs, then drop it
NOT_FOR_WORKERS = frozenset({"DATABASE_URL_DIRECT"})
ANSWER_SECONDS = 60.0
BEAT_SECONDS = 0.25


class _Ended(BaseException):
    """Say that somebody asked us to end; no handler of ordinary errors may swallow it."""


def serve(
    *,
    port: int = 8000,
    data: Path | None = None,
    reset: bool = False,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Serve on loopback until Ctrl-C or SIGTERM; leave with a message and status 1 where that cannot be.

    With DATABASE_URL in `environ` nothing but the web server is started, and nothing is seeded. `environ` is the
    process's own unless given; it is handed on to the workers, who read their settings from it.
    """
    environ = dict(os.environ if environ is None else environ)
    pgbin = Path(environ["PGBIN"]) if environ.get("PGBIN") else None
    begun = time.monotonic()
    try:
        with _signals():
            if any(name.upper() == "DATABASE_URL" for name in environ):
                if reset:
                    raise SystemExit("--reset is for the embedded database; DATABASE_URL is set, so nothing was done.")
                _check_settings()
                _check_port(port)
                _serve_web(port, environ, lambda: _say(f"Rowhouse is at http://{HOST}:{port}"), lambda: None)
            else:
                _serve_embedded(port, (data or DATA).absolute(), reset, pgbin, environ, begun)
    except EmbeddedError as exc:
        raise SystemExit(str(exc)) from None
    except _Ended:
        _say("Stopped.")


def _serve_embedded(
    port: int, data: Path, reset: bool, pgbin: Path | None, environ: dict[str, str], begun: float
) -> None:
    if reset:
        _reset(data)
    with Cluster(data, pgbin=pgbin, say=_say) as cluster:
        if cluster.folder.read() is None:
            _say(f"First start: making a database in {data}.")
        cluster.folder.acquire()  # before the port: who asks twice shall hear of the first, not of its port
        _check_port(port)
        cluster.start()
        cluster.folder.announce(f"http://{HOST}:{port}")
        _prepare(cluster)

        def answered() -> None:
            _welcome(port, data, time.monotonic() - begun)

        def check() -> None:
            if not cluster.running:
                raise EmbeddedError(
                    "The database server ended.",
                    "Nobody here stopped it.",
                    "Read the lines below; then start again.",
                    cluster.log_tail(),
                )

        _serve_web(port, {**environ, **_settings(cluster, port, environ)}, answered, check)


def _prepare(cluster: Cluster) -> None:
    from webapp.ops import audit, migrate

    cluster.prepare()
    direct = cluster.urls.direct
    migrated = migrate.upgrade(direct)
    audit.make_partitions(direct)
    if migrated:
        _say("The schema is up to date.")
    logins = sorted(LOGINS.values())
    if migrated or (cluster.folder.read() or {}).get("logins") != logins:
        cluster.set_passwords()
        cluster.folder.write(logins=logins)
    if not (cluster.folder.read() or {}).get("demonstration"):
        from webapp.ops import demo

        demo.seed(direct)
        cluster.folder.write(demonstration=True)
        _say("The demonstration data is in place.")


def _settings(cluster: Cluster, port: int, environ: Mapping[str, str]) -> dict[str, str]:
    urls, secrets = cluster.urls, cluster.secrets
    return {
        "DATABASE_URL": urls.web,
        "SIGNIN_DATABASE_URL": urls.signin,
        "INSPECTOR_DATABASE_URL": urls.inspector,
        "SECRET_KEY": secrets.secret_key,
        "JWT_SECRET": secrets.jwt_secret,
        "PUBLIC_URL": environ.get("PUBLIC_URL", f"http://{HOST}:{port}"),
        "ROWHOUSE_DEMO": "1",
    }


def _serve_web(port: int, environ: Mapping[str, str], answered: Callable[[], None], check: Callable[[], None]) -> None:
    # Preloaded: the code is read once, and the workers are there at once. Two of them, as nothing may depend on one.
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")),
        *("--bind", f"{HOST}:{port}", "--workers", "2", "--preload", "--log-level", "warning"),
    ]
    web = Watched(command, plan=PLAN, environment=_for_workers(environ), folder=ROOT)
    try:
        waiting = time.monotonic() + ANSWER_SECONDS
        while not _answers(port):
            _alive(web, check)
            if time.monotonic() > waiting:
                raise EmbeddedError(
                    f"The web server did not answer within {ANSWER_SECONDS:.0f} seconds.",
                    f"It runs, but http://{HOST}:{port}/health gives nothing.",
                    "Read what it wrote above; a very slow machine may need another try.",
                )
            time.sleep(0.02)
        answered()
        while True:
            _alive(web, check)
            time.sleep(BEAT_SECONDS)
    finally:
        _deaf()
        web.stop()


def _for_workers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment less the logins that no request needs: a worker cannot give away what it has not."""
    return {name: value for name, value in environ.items() if name.upper() not in NOT_FOR_WORKERS}


def _alive(web: Watched, check: Callable[[], None]) -> None:
    if not web.alive():
        raise EmbeddedError(
            f"The web server ended (status {web.code}).",
            "What it wrote stands above.",
            "Mend that and start again; a missing setting or a half-done update of the code are the usual reasons.",
        )
    check()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _check_port(port: int) -> None:
    if not is_free(port):
        raise EmbeddedError(
            f"Port {port} on {HOST} is taken.",
            "Another program listens there, perhaps another Rowhouse with a data folder of its own.",
            f"Stop that program, or serve on another port: bin/serve --port {port + 1 if port < 65_535 else 8001}",
        )


def _check_settings() -> None:
    from webapp.settings import BadSettings, load

    try:
        load()
    except BadSettings as exc:
        raise SystemExit(f"DATABASE_URL is set, but the settings are not complete.\n{exc}") from None


def _reset(data: Path) -> None:
    folder = Folder(data)
    if not data.exists():
        _say(f"Nothing to delete: {data} does not exist.")
        return
    if not folder.recognised():
        raise EmbeddedError(
            f"{data} was left as it is.",
            f"It was not made by Rowhouse: it has no {folder.lock_file.name}.",
            "Name the right folder with --data, or delete this one yourself.",
        )
    folder.acquire()
    try:
        for path in list(folder.ours()):
            if path.is_dir():
                clear(path)
        for path in folder.reset():
            _say(f"Deleted {path}")
    finally:
        folder.release()


def urls(*, data: Path | None = None, as_json: bool = False) -> None:
    """Print the addresses of the embedded database, passwords included; status 1 where it was never started."""
    folder = Folder((data or DATA).absolute())
    try:
        state = folder.read()
        if state is None or "port" not in state:
            raise SystemExit(f"There is no embedded database in {folder.path}. Start one with bin/serve.")
        passwords = folder.secrets().passwords
    except EmbeddedError as exc:
        raise SystemExit(str(exc)) from None
    found = {
        name: f"postgresql://{role}:{passwords[role]}@{HOST}:{state['port']}/{DATABASE}"
        for name, role in LOGINS.items()
        if name != "admin"
    }
    if as_json:
        _say(json.dumps({**found, "running": folder.owned()}))
        return
    for name, url in found.items():
        _say(f"{name:<10} {url}")
    if not folder.owned():
        click.echo("The database does not run now; bin/serve starts it.", err=True)


def inspector_url(*, data: Path | None = None) -> str | None:
    """Return the Inspector's address of the embedded database, or None where it does not run."""
    folder = Folder((data or DATA).absolute())
    try:
        state = folder.read()
        if state is None or "port" not in state or not folder.owned():
            return None
        role = LOGINS["inspector"]
        return f"postgresql://{role}:{folder.secrets().passwords[role]}@{HOST}:{state['port']}/{DATABASE}"
    except EmbeddedError:
        return None


def _welcome(port: int, data: Path, seconds: float) -> None:
    from webapp.ops.demo import ACCOUNTS, PASSWORD

    _say(f"\nRowhouse is at http://{HOST}:{port}  (ready in {seconds:.1f} s)\n")
    _say(f"Sign in with one of these and the password {PASSWORD}")
    width = max(len(account.email) for account in ACCOUNTS)
    for account in ACCOUNTS:
        _say(f"  {account.email:<{width}}  {account.name}: {account.says}")
    _say(f"\nThe data is in {data}. Ctrl-C stops everything.")


def _say(line: str) -> None:
    click.echo(line)


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals() -> Iterator[None]:
    def end(*_: object) -> None:
        _deaf()
        raise _Ended

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deaf() -> None:
    """Let nothing interrupt the stopping: it takes bounded time of itself."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
