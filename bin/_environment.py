"""Make .venv from a lock file: `python3 bin/_environment.py run|dev`. Called by _environment.sh when it has to change.

Standard library only, because nothing is installed yet. With uv on PATH it takes seconds, else venv and pip do it. The
project itself is not built: a .pth file puts the clone on the path, so neither setuptools nor an index is asked for it.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "rowhouse.root"

# Which locks an environment satisfies: what `dev` installs contains all that `run` needs, at the same versions.
LOCKS = {
    "run": ("requirements.lock",),
    "dev": ("requirements-dev.lock", "requirements.lock"),
}

# Read as sh and as Python: a #! line can neither hold a path with spaces nor one of more than 127 bytes.
COMMAND = """#!/bin/sh
\'\'\'exec' {python} "$0" "$@"
' \'\'\'
import sys

from webapp.cli import main

sys.exit(main())
"""


def main(kind: str) -> None:
    """Bring .venv to the lock; a second caller waits for the first and finds it done."""
    folder = os.open(ROOT / "bin", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another start is making the environment; waiting for it.")
        fcntl.flock(folder, fcntl.LOCK_EX)
    if satisfied(kind):
        return
    if satisfied_at_all("dev"):
        kind = "dev"  # keep the tools of somebody who works here, though only `run` was asked for
    for name in LOCKS["dev"]:
        (VENV / name).unlink(missing_ok=True)
    STAMP.unlink(missing_ok=True)
    lock = ROOT / LOCKS[kind][0]
    say(f"Making the Python environment in {VENV} from {lock.name}: once, about a minute.")
    uv = shutil.which("uv")
    if not (uv and with_uv(uv, lock)):
        with_pip(lock)
    finish()
    for name in LOCKS[kind]:
        shutil.copyfile(ROOT / name, VENV / name)
    STAMP.write_text(f"{ROOT}\n")


def satisfied(kind: str) -> bool:
    """Tell whether .venv was made here, from these locks."""
    try:
        here = STAMP.read_text() == f"{ROOT}\n" and os.access(PYTHON, os.X_OK)
        return here and (ROOT / LOCKS[kind][0]).read_bytes() == (VENV / LOCKS[kind][0]).read_bytes()
    except OSError:
        return False


def satisfied_at_all(kind: str) -> bool:
    """Tell whether .venv was made for this kind, of whatever date."""
    return (VENV / LOCKS[kind][0]).exists()


def with_uv(uv: str, lock: Path) -> bool:
    """Install with uv; return whether it worked (an old uv, or one with other indexes, may not)."""
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    steps = [[uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON), str(lock)]]
    if not usable():
        if VENV.exists():
            shutil.rmtree(VENV)
        steps.insert(0, [uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
    for command in steps:
        if subprocess.run(command, env=environment).returncode != 0:
            say("uv could not do it (above); trying pip.")
            return False
    return True


def with_pip(lock: Path) -> None:
    """Install with venv and pip, or leave with what to do."""
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SystemExit(
            f"Python {version} is here without ensurepip, which makes virtual environments.\n"
            f"Install it and try again: sudo apt-get install python{version}-venv"
        )
    if not usable():
        if VENV.exists():
            shutil.rmtree(VENV)
        make = [sys.executable, "-m", "venv", str(VENV)]
    elif subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        make = [str(PYTHON), "-m", "ensurepip"]  # made by uv once, which leaves pip out
    else:
        make = []
    if make and subprocess.run(make, stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"{VENV} could not be made; the lines above say why (a full disk, a read-only folder).")
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "-qq",  # warnings of the machine's own configuration would stand before ours
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]
    if subprocess.run([*pip, "--requirement", str(lock)]).returncode != 0:
        raise SystemExit(
            "The packages could not be installed; the lines above say why.\n"
            "No network? pip reads a folder of packages too: PIP_NO_INDEX=1 PIP_FIND_LINKS=/folder bin/serve"
        )


def usable() -> bool:
    """Tell whether .venv runs, was made in this place, and is as new as we need."""
    check = f"import sys; sys.exit(sys.prefix != {str(VENV)!r} or sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def finish() -> None:
    """Put the clone on the path of the environment, and the command `rowhouse` beside its Python."""
    ask = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    command = PYTHON.with_name("rowhouse")
    path = packages / "rowhouse-clone.pth"
    path.write_text(f"{ROOT}\n", encoding="utf-8")
    quoted = '"' + "".join(f"\\{c}" if c in '"$`\\' else c for c in str(PYTHON)) + '"'
    command.write_text(COMMAND.format(python=quoted), encoding="utf-8")
    command.chmod(0o755)
    # What an installer would leave, so that the version can be asked for, and uv can take all of it away again.
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    about = packages / f"rowhouse-{version}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: rowhouse\nVersion: {version}\n")
    (about / "INSTALLER").write_text("rowhouse\n")
    record = about / "RECORD"
    files = (command, path, about / "METADATA", about / "INSTALLER", record)
    record.write_text("".join(f"{os.path.relpath(file, packages)},,\n" for file in files), encoding="utf-8")


def say(line: str) -> None:
    """Tell the person at the terminal."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        raise SystemExit("Stopped; the next start takes it up again.") from None
    except OSError as exc:
        raise SystemExit(f"The Python environment could not be made: {exc}") from None
