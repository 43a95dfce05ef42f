"""Make the files of a new cluster, whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from webapp.ops.embedded.account import Account, give, reach
from webapp.ops.embedded.binaries import ENVIRONMENT, Binaries
from webapp.ops.embedded.failures import EmbeddedError, explain, not_permitted
from webapp.ops.embedded.folder import LOGINS

# The first that the system has. The builtin provider (from 17 on) lowers and compares by Unicode without the system's
# help; before it, or where the system knows no C.UTF-8, plain C sorts the same way.
_LOCALES_17 = (
    ("--locale-provider=builtin", "--locale=C.UTF-8"),
    ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
)
_LOCALES = (("--locale=C.UTF-8",), ("--locale=C",))


def create(pgdata: Path, binaries: Binaries, account: Account | None, password: str, *, sync: bool = True) -> None:
    """Make a cluster in `pgdata` that asks for SCRAM on loopback and refuses all else; raise EmbeddedError.

    It is made beside its place and moved there when it is whole, so a start that was cut off leaves nothing half-made.
    `sync` False leaves it to the system when the files reach the disk: for tests.
    """
    what = "The database could not be made."
    staged = pgdata.with_name(f"{pgdata.name}.new")
    try:
        for locale in _LOCALES_17 if binaries.major >= 17 else _LOCALES:
            if os.path.lexists(staged):
                shutil.rmtree(staged)
            ran = _run(staged, binaries, account, password, (*locale, *(() if sync else ("--no-sync",))))
            if "invalid locale name" not in ran.stderr:
                break
        if ran.returncode != 0:
            raise explain(what, ran.stderr or ran.stdout)
        (staged / "data").rename(pgdata)
    except OSError as exc:
        raise not_permitted(what, exc) from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _run(
    staged: Path, binaries: Binaries, account: Account | None, password: str, options: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    data, secret = staged / "data", staged / "password"
    staged.mkdir(mode=0o700)
    data.mkdir(mode=0o700)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    for path in (secret, data, staged):
        give(path, account)
    with reach(data, account, binaries.major) as place:
        return subprocess.run(
            [
                binaries.folder / "initdb",
                f"--pgdata={place.address}",
                f"--username={LOGINS['admin']}",
                f"--pwfile={place.address}/../password",
                "--auth-host=scram-sha-256",
                "--auth-local=reject",
                "--encoding=UTF8",
                "--data-checksums",
                "--no-instructions",
                *options,
            ],
            cwd=place.start,
            env=ENVIRONMENT,
            pass_fds=place.keep,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            capture_output=True,
            text=True,
        )


def check_version(pgdata: Path, binaries: Binaries) -> None:
    """Raise EmbeddedError unless these programs can run the cluster."""
    what = f"The data folder {pgdata} cannot be used."
    try:
        made_by = (pgdata / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedError(
            what,
            "It has no PG_VERSION, so it is not a database, or only part of one.",
            "Bring it back from a copy, or start afresh with --reset (all data in the folder is lost).",
        ) from None
    except OSError as exc:
        raise not_permitted(what, exc) from None
    if made_by != str(binaries.major):
        raise EmbeddedError(
            what,
            f"It was made by PostgreSQL {made_by}, and the programs in {binaries.folder} are {binaries.version}.",
            f"Point PGBIN at a PostgreSQL {made_by}, or start afresh with --reset (all data in the folder is lost).",
        )
    if os.geteuid() == 0 and pgdata.stat().st_uid == 0:
        raise EmbeddedError(
            what,
            "It belongs to root, and Postgres refuses to run as root.",
            f"Give it to another account: chown -R postgres {pgdata}",
        )
