"""Run one program and end it when the owner goes away, however it goes: a script of its own, standard library only.

    watchdog.py OWNER CONTROL STATUS PLAN UID GID KEEP -- PROGRAM ARGUMENT…

OWNER is the process id of the owner, CONTROL the reading end of a pipe whose other end the owner holds: nothing is
ever sent through it, its end means stop. A pidfd of the owner says the same where a forked child of the owner keeps
the pipe open. PLAN says how to stop: INT:10,QUIT:5 is SIGINT, ten seconds, SIGQUIT, five seconds; SIGKILL comes last
of itself. KEEP are the numbers of open files that the program shall have, with commas between. On STATUS stand lines
for the owner: "pid N", then "exit N", or "error TEXT" where the program did not run.

Should the watchdog itself be killed, the kernel sends the program the first signal of the plan (on Linux:
PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LEFTOVER_SECONDS = 5.0
LINUX = sys.platform.startswith("linux")


class Watch:
    """Hold the program, its exit status, and what wakes us: the control pipe, the owner's end, a child's end."""

    def __init__(self, owner: int, control: int, plan: list[tuple[signal.Signals, float]]) -> None:
        self.plan = plan
        self.pid = 0
        self.status: int | None = None
        self.ending = False
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN | select.POLLHUP)
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._poll.register(self._woken, select.POLLIN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, self._asked_to_end)
        if hasattr(os, "pidfd_open"):
            try:
                self._poll.register(os.pidfd_open(owner), select.POLLIN)
            except ProcessLookupError:
                self.ending = True
            except OSError:
                pass  # A kernel before 5.3: the pipe alone must do.

    def _asked_to_end(self, *_: object) -> None:
        self.ending = True

    def wait(self, seconds: float | None) -> None:
        """Sleep until something happens or the seconds are over, and take note of it."""
        for fd, _ in self._poll.poll(None if seconds is None else max(0.0, seconds) * 1000):
            if fd == self._woken:
                os.read(self._woken, 512)
            else:
                self.ending = True
                self._poll.unregister(fd)
        self.reap()

    def reap(self) -> bool:
        """Collect ended children, adopted ones too; return whether any is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)

    def stop(self) -> None:
        """Carry out the plan, then SIGKILL."""
        for number, seconds in (*self.plan, (signal.SIGKILL, LEFTOVER_SECONDS)):
            if self.status is None:
                os.kill(self.pid, number)
                self._until(time.monotonic() + seconds, lambda: self.status is not None)

    def sweep(self) -> None:
        """See the program's own children end: they are ours once it is gone (PR_SET_CHILD_SUBREAPER)."""
        if not self._until(time.monotonic() + LEFTOVER_SECONDS, lambda: not self.reap()):
            for pid in _children():
                os.kill(pid, signal.SIGKILL)
            self._until(time.monotonic() + LEFTOVER_SECONDS, lambda: not self.reap())

    def _until(self, end: float, done: Callable[[], bool]) -> bool:
        while not done():
            if time.monotonic() >= end:
                return False
            self.wait(min(0.2, end - time.monotonic()))
        return True


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def main(arguments: list[str]) -> int:
    """Run the program until it ends or the owner does; return 0."""
    owner, control, status, plan, uid, gid, keep, _, *program = arguments
    steps = [(signal.Signals["SIG" + name], float(s)) for name, s in (step.split(":") for step in plan.split(","))]
    libc = ctypes.CDLL(None, use_errno=True) if LINUX else None
    if libc is not None:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    watch = Watch(int(owner), int(control), steps)
    here = os.getpid()

    def bind_to_parent() -> None:
        # After the change of user, which would undo it; and the parent may have died before it took effect.
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, steps[0][0], 0, 0, 0)
        if os.getppid() != here:
            os._exit(1)

    def tell(line: str) -> None:
        try:
            os.write(int(status), line.encode() + b"\n")
        except BrokenPipeError:
            watch.ending = True

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if watch.ending:
        return 0
    try:
        child = subprocess.Popen(  # the watchdog has one thread, so preexec_fn is safe
            program,
            stdin=subprocess.DEVNULL,
            preexec_fn=bind_to_parent,
            pass_fds=[int(number) for number in keep.split(",") if number],
            user=int(uid) if uid else None,
            group=int(gid) if gid else None,
            extra_groups=[] if uid else None,
        )
    except OSError as exc:
        tell(f"error {exc.strerror}: {program[0]}")
        return 0
    watch.pid = child.pid
    tell(f"pid {child.pid}")
    watch.reap()
    while watch.status is None and not watch.ending:
        watch.wait(None)
    watch.stop()
    watch.sweep()
    tell(f"exit {watch.status}")
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the child was waited for here, not through Popen, which would complain
