"""Which account runs the server: our own, or, as root, one that is not root (Postgres refuses root)."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from webapp.ops.embedded.failures import EmbeddedError

CANDIDATES = ("postgres", "nobody")

# Magic links: following one looks at no folder above, so a server whose folder lies below one that only root may
# enter (a clone in /root) needs nobody's permissions loosened. Root enters the folder, or opens it, then becomes the
# account. Postgres stays in its data folder for life, so the name of the working folder stays right.
HERE = Path("/proc/self/cwd")
OPENED = Path("/proc/self/fd")
FINDS_ITSELF_IN_PLACE = 16  # the first major version whose programs do not leave their working folder at start


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


@dataclass(frozen=True)
class Place:
    """Say how a program reaches a folder: by what name, from which working folder, through which open files."""

    address: Path
    start: Path
    keep: tuple[int, ...] = ()


@contextmanager
def reach(folder: Path, account: Account | None, major: int) -> Iterator[Place]:
    """Yield how a Postgres program of this major version, run as the account, reaches one folder.

    Before 16 each program looks for itself at start, folder by folder, and goes back to where it was by that place's
    full path, which is closed to it below a folder of root's. So it starts at the root, with the folder held open.
    """
    if account is None or not sys.platform.startswith("linux"):
        yield Place(folder, folder)
    elif major >= FINDS_ITSELF_IN_PLACE:
        yield Place(HERE, folder)
    else:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield Place(OPENED / str(opened), Path("/"), (opened,))
        finally:
            os.close(opened)


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of one file or folder, never through a link."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
