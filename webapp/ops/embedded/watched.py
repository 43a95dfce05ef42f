"""The owner's side of a watchdog: start a program that cannot outlive us, and end it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from webapp.ops.embedded.account import Account
from webapp.ops.embedded.failures import EmbeddedError

SCRIPT = Path(__file__).with_name("watchdog.py")
START_SECONDS = 10.0


class Watched:
    """Run one program under a watchdog of its own.

    The watchdog leads a session of its own, so that Ctrl-C at the terminal reaches the owner alone, which then ends
    things in the right order. `plan` is the watchdog's: "INT:10,QUIT:5". `keep` are open files that the program shall
    have under the same numbers.
    """

    def __init__(
        self,
        program: Sequence[str],
        *,
        plan: str,
        environment: Mapping[str, str],
        folder: Path,
        account: Account | None = None,
        output: IO[bytes] | int | None = None,
        keep: Sequence[int] = (),
    ) -> None:
        self._patience = sum(float(step.split(":")[1]) for step in plan.split(",")) + 20
        held, self._control = os.pipe()
        self._status, reported = os.pipe()
        # fmt: off
        command = [
            sys.executable, "-I", "-S", str(SCRIPT), str(os.getpid()), str(held), str(reported), plan,
            str(account.uid) if account else "", str(account.gid) if account else "", ",".join(map(str, keep)),
            "--", *program,
        ]
        # fmt: on
        try:
            self._watchdog = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=dict(environment),
                pass_fds=(held, reported, *keep),
                start_new_session=True,
            )
        except OSError:
            self._close()
            raise
        finally:
            os.close(held)
            os.close(reported)
        self._text = b""
        self.code: int | None = None
        self.pid = self._first_line()

    def _first_line(self) -> int:
        end = time.monotonic() + START_SECONDS
        while b"\n" not in self._text:
            ready, _, _ = select.select([self._status], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._status, 4096) if ready else b""
            if not piece:
                break
            self._text += piece
        word, _, rest = self._text.partition(b"\n")[0].decode().partition(" ")
        if word == "pid":
            return int(rest)
        self._end()
        raise EmbeddedError(
            "The program could not be run.",
            rest or "Its watchdog said nothing.",
            "Check that the file is there and may be executed (a disk mounted noexec refuses it).",
        )

    @property
    def watchdog(self) -> int:
        """Return the process id of the watchdog."""
        return self._watchdog.pid

    def alive(self) -> bool:
        """Tell whether the program runs; once it does not, `code` has its exit status, negative for a signal."""
        if self._watchdog.poll() is None:
            return True
        self._end()
        return False

    def stop(self) -> None:
        """End the program by the plan and wait for it and all its children to be gone."""
        self._end()

    def kill(self) -> None:
        """End the program with SIGKILL and wait for it and all its children to be gone."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        self._end()

    def _end(self) -> None:
        if self._control < 0:
            return
        os.close(self._control)
        self._control = -1
        try:
            self._watchdog.wait(self._patience)
        except subprocess.TimeoutExpired:  # pragma: no cover - a watchdog that hangs; the kernel then ends the program
            self._watchdog.kill()
            self._watchdog.wait()
        os.set_blocking(self._status, False)
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._status, 4096):
                self._text += piece
        self._close()
        last = self._text.decode().strip().splitlines()[-1:]
        if last and last[0].startswith("exit ") and last[0] != "exit None":
            self.code = int(last[0].removeprefix("exit "))

    def _close(self) -> None:
        for fd in (self._control, self._status):
            if fd >= 0:
                os.close(fd)
        self._control = self._status = -1
