"""Which account runs the server: our own, or, as root, one that is not root (Postgres refuses root)."""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path

from webapp.ops.embedded.failures import EmbeddedError

CANDIDATES = ("postgres", "nobody")

# The working folder by its magic link: following it looks at no folder above, so a server whose folder lies below one
# that only root may enter (a clone in /root) needs nobody's permissions loosened. Root enters the folder, then
# becomes the account. Postgres stays in its data folder for life, so the name stays right.
HERE = Path("/proc/self/cwd")


@dataclass(frozen=True)
class Account:
    """Name an account to become; only root makes use of one."""

    name: str
    uid: int
    gid: int


def choose(data: Path, pgdata: Path) -> Account | None:
    """Return the account that shall run the server, or None for our own.

    As root it is the owner of the database's files, else the owner of the data folder, else `postgres`, else `nobody`.
    Raise EmbeddedError where there is none.
    """
    if os.geteuid() != 0:
        return None
    for folder in (pgdata, data):
        if folder.exists():
            found = folder.stat()
            if found.st_uid != 0:
                return _by_number(found.st_uid, found.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "There is no account that could run the database server.",
        "Postgres refuses to run as root, and neither `postgres` nor `nobody` exists here.",
        "Start this as an ordinary user, or make one: useradd --system postgres",
    )


def _by_number(uid: int, gid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, gid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def address_of(folder: Path, account: Account | None) -> Path:
    """Return how a server started inside this folder names it."""
    return HERE if account is not None and sys.platform.startswith("linux") else folder


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of one file or folder, never through a link."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
