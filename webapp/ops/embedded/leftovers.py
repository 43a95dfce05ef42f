"""What an earlier server left behind: a file that names a process, and sometimes the process itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from webapp.ops.embedded.failures import EmbeddedError

PLAN = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


def server_in(pgdata: Path) -> int | None:
    """Return the process id of the postgres that runs in this folder, or None.

    The number in postmaster.pid is not believed: after a crash it may belong to any process of today. Only a postgres
    whose working folder is this one counts.
    """
    try:
        pid = int((pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and is_server_of(pid, pgdata) else None


def is_server_of(pid: int, pgdata: Path) -> bool:
    """Tell whether the process is a postgres in this folder."""
    if not sys.platform.startswith("linux"):
        shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
        return "postgres" in shown and str(pgdata) in shown
    try:
        # A process that we may not look at runs as another account, so it is no server of a folder of ours.
        inside = os.path.samestat(os.stat(f"/proc/{pid}/cwd"), pgdata.stat())
        return inside and "postgres" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False


def clear(pgdata: Path) -> str | None:
    """Stop a server that nobody owns, remove a stale postmaster.pid; return a sentence for the operator, or None.

    Call it as the owner of the data folder's lock: then no living Rowhouse can be the server's owner.
    """
    pid = server_in(pgdata)
    if pid is not None:
        _stop(pid, pgdata)
        return f"Stopped a server that was left running in {pgdata} (process {pid})."
    stale = pgdata / "postmaster.pid"
    try:
        stale.unlink()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise EmbeddedError(
            f"{stale} cannot be removed.",
            f"{exc.strerror}; it is left from a server that ended without tidying up.",
            "Start this as the owner of the folder, or remove the file yourself.",
        ) from None
    return None


def _stop(pid: int, pgdata: Path) -> None:
    for number, seconds in PLAN:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            break
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not is_server_of(pid, pgdata):
                return
            time.sleep(0.02)
    raise EmbeddedError(
        f"A server without an owner runs in {pgdata} (process {pid}), and does not stop.",
        "It belongs to another account, or hangs in the kernel (a disk that does not answer).",
        f"Stop it: kill -INT {pid}, as root if need be, then start again.",
    )
