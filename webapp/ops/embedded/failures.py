"""What can go wrong with the embedded server, in words that say what to do next."""

from __future__ import annotations

import re

TAIL_LINES = 12


class EmbeddedError(Exception):
    """Say what happened, why, and what to do next; `log` is the end of the server's own log, where there is one."""

    def __init__(self, what: str, why: str, then: str, log: str = "") -> None:
        self.what, self.why, self.then, self.log = what, why, then, log
        lines = [what, f"  Why:  {why}", f"  Next: {then}"]
        if log:
            lines += ["  The last lines of the server's log:", *(f"    {line}" for line in tail(log))]
        super().__init__("\n".join(lines))


class Busy(EmbeddedError):
    """Say that another process owns the data folder."""


def tail(log: str) -> list[str]:
    """Return the last lines of a log, blank ones left out."""
    return [line for line in log.splitlines() if line.strip()][-TAIL_LINES:]


# The first row that matches is the reason: shared memory stands before the disk, because both say "No space left".
_REASONS = tuple(
    (re.compile(pattern, re.IGNORECASE), why, then)
    for pattern, why, then in (
        (
            r"address already in use|could not bind|could not create any TCP/IP sockets",
            "Another program took the port between our look and the server's.",
            "Start again: another port is chosen.",
        ),
        (
            r"shared memory.*no space left|could not (create|resize|map).*shared memory|cannot allocate memory",
            "The system has too little memory, or too little shared memory (/dev/shm), for the server.",
            "Free memory, or in a container give more: docker run --shm-size=256m.",
        ),
        (
            r"could not create semaphores",
            "The system has no semaphores left (kernel.sem); servers killed earlier may hold them.",
            "Look with `ipcs -s`, remove what nobody uses with `ipcrm`, and start again.",
        ),
        (
            r"no space left on device|check free disk space|dis[ck] quota exceeded",
            "The disk that holds the data folder is full.",
            "Free some space (200 MB is plenty), or choose another disk with --data FOLDER, then start again.",
        ),
        (
            r"error while loading shared libraries|cannot open shared object|library not loaded|image not found",
            "The Postgres binaries need a library that this system does not have.",
            "Install the library named below, or point PGBIN at the bin folder of a Postgres made for this system.",
        ),
        (
            r"database files are incompatible|was initialized by PostgreSQL version",
            "The data folder was made by another major version of Postgres.",
            "Point PGBIN at that version's bin folder, or start afresh with --reset (all data in the folder is lost).",
        ),
        (
            r"unrecognized configuration parameter|invalid value for parameter|configuration file .* contains errors",
            "The server does not accept one of its settings.",
            "Correct the setting named below (postgresql.conf or postgresql.auto.conf in the data folder).",
        ),
        (
            r"lock file .* already exists|pre-existing shared memory block",
            "Another server, or what is left of one, still uses this data folder.",
            "Wait some seconds and start again; if it stays, look with `ps` for postgres processes and stop them.",
        ),
        (
            r"valid checkpoint record|invalid page in block|PANIC:|is not a valid data directory|pg_control|PG_VERSION",
            "The files of the database are damaged or incomplete.",
            "Bring the folder back from a copy, or start afresh with --reset (all data in it is lost).",
        ),
        (
            r"too many open files",
            "The system allows too few open files.",
            "Raise the limit (ulimit -n 4096) and start again.",
        ),
        (
            r"permission denied|operation not permitted|wrong ownership|has invalid permissions|must be started by the",
            "The account that runs the server may not read or write the data folder.",
            "Give the folder to the account that you start it with (chown -R), or choose another with --data FOLDER.",
        ),
    )
)


def explain(what: str, log: str) -> EmbeddedError:
    """Return the error for a server program that failed, its reason found in what it wrote."""
    for pattern, why, then in _REASONS:
        if pattern.search(log):
            return EmbeddedError(what, why, then, log)
    return EmbeddedError(
        what,
        "The server gave a reason that is not one of the usual ones.",
        "Read the lines below; if the data is only the demonstration's, --reset starts afresh.",
        log or "(the log is empty)",
    )


def not_permitted(what: str, exc: OSError) -> EmbeddedError:
    """Return the error for a file or folder that the system did not let us use."""
    found = explain(what, f"{exc.strerror}: {exc.filename}")
    return EmbeddedError(what, f"{exc.strerror}: {exc.filename}.", found.then)
