"""The data folder: who owns it now (a lock), and what has to survive a restart (secrets, the port)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from webapp.ops.embedded.failures import Busy, EmbeddedError, not_permitted

LOGINS = {
    "web": "rowhouse_web",
    "signin": "rowhouse_signin",
    "inspector": "rowhouse_inspector",
    "direct": "postgres",
    "admin": "supabase_admin",
}
MADE_BY = "rowhouse embedded postgres"


def _secret() -> str:
    return secrets.token_urlsafe(36)


@dataclass(frozen=True, repr=False)
class Secrets:
    """Hold what is generated at the first start; never shown by repr."""

    passwords: Mapping[str, str] = field(default_factory=lambda: {role: _secret() for role in LOGINS.values()})
    jwt_secret: str = field(default_factory=_secret)
    secret_key: str = field(default_factory=_secret)


class Folder:
    """Read and write one data folder, which is mode 0700 and whose `embedded.json` is 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def _state(self) -> Path:
        return self.path / "embedded.json"

    @property
    def lock_file(self) -> Path:
        """Return the file that marks the folder as ours and is locked by whoever runs the server."""
        return self.path / "rowhouse.lock"

    def pgdata(self, major: int) -> Path:
        """Return where the files of one major version are."""
        return self.path / f"pg{major}"

    def acquire(self) -> None:
        """Make the folder where it is missing and become its owner; raise Busy where another process is."""
        if self._lock is not None:
            return
        what = f"The data folder {self.path} cannot be used."
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self.path.mkdir(mode=0o700)
            elif self.lock_file.exists() or not any(self.path.iterdir()):
                self.path.chmod(0o700)
            elif self.path.stat().st_mode & 0o022:
                raise EmbeddedError(what, "Others may write to it.", f"chmod 700 {self.path}, or choose another.")
            lock = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._as_the_folder(lock)
        except OSError as exc:
            raise not_permitted(what, exc) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(lock)
            if exc.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise not_permitted(what, exc) from None
            raise self._busy() from None
        self._lock = lock
        self.announce("")

    def _busy(self) -> Busy:
        owner = self.owner()
        at = f" at {owner['address']}" if owner.get("address") else ""
        return Busy(
            f"Rowhouse already runs on {self.path}: process {owner.get('pid', 'unknown')}{at}.",
            "One data folder has one server.",
            "Use that one, or stop it (Ctrl-C there), or start another with --data FOLDER --port PORT.",
        )

    def owner(self) -> dict[str, Any]:
        """Return what the last owner said of itself: pid and address."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.lock_file.read_text()))
        return {}

    def owned(self) -> bool:
        """Tell whether some process owns the folder now."""
        try:
            with self.lock_file.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def announce(self, address: str) -> None:
        """Tell later comers who owns the folder and where it answers."""
        assert self._lock is not None
        text = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, text, 0)

    def release(self) -> None:
        """Let others own the folder."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def _as_the_folder(self, fd: int) -> None:
        if os.geteuid() == 0:
            found = self.path.stat()
            os.fchown(fd, found.st_uid, found.st_gid)

    def read(self) -> dict[str, Any] | None:
        """Return what the folder remembers, or None before the first start."""
        try:
            found = json.loads(self._state.read_text())
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise not_permitted(f"{self._state} cannot be read.", exc) from None
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("made_by") != MADE_BY:
            raise EmbeddedError(
                f"{self._state} is damaged.",
                "It holds the passwords of the database, and cannot be read as such.",
                "Bring it back from a copy, or start afresh with --reset (all data in the folder is lost).",
            )
        return found

    def write(self, **changes: Any) -> dict[str, Any]:
        """Remember something, at once and whole; return all that is remembered."""
        whole = {"made_by": MADE_BY, **(self.read() or {"secrets": asdict(Secrets())}), **changes}
        new = self._state.with_name("embedded.json.new")
        try:
            new.unlink(missing_ok=True)
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "w") as file:
                self._as_the_folder(fd)
                json.dump(whole, file, indent=2)
                file.flush()
                os.fsync(fd)
            new.replace(self._state)
        except OSError as exc:
            raise not_permitted(f"{self._state} cannot be written.", exc) from None
        return whole

    def secrets(self) -> Secrets:
        """Return the secrets, made at the first call; a login that is newer than the folder gets its password now."""
        held = Secrets(**(self.read() or self.write())["secrets"])
        if missing := [role for role in LOGINS.values() if role not in held.passwords]:
            held = replace(held, passwords={**held.passwords, **{role: _secret() for role in missing}})
            self.write(secrets=asdict(held))
        return held

    def recognised(self) -> bool:
        """Tell whether the folder was made by us: only then may anything in it be deleted."""
        return self.lock_file.is_file()

    def ours(self) -> Iterator[Path]:
        """Yield what we made in the folder, the lock left out."""
        for path in sorted(self.path.iterdir()):
            stem = path.name.removesuffix(".new").removesuffix(".1").removesuffix(".log")
            if path.name.startswith("embedded.json") or (stem[:2] == "pg" and stem[2:].isdigit()):
                yield path

    def reset(self) -> list[Path]:
        """Delete what we made in the folder, whose owner we are; return what is gone."""
        gone = []
        for path in self.ours():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            gone.append(path)
        return gone
