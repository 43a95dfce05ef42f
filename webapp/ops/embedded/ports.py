"""Choose the port of the server on loopback."""

from __future__ import annotations

import random
import socket
import time

from webapp.ops.embedded.failures import EmbeddedError

HOST = "127.0.0.1"
RANGE = range(15_000, 32_000)  # below what systems give to outgoing connections, which would take a kept port
TRIES = 50


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def any_free() -> int:
    """Return a free port, or raise EmbeddedError."""
    for port in random.sample(RANGE, TRIES):
        if is_free(port):
            return port
    raise EmbeddedError(
        f"No free port was found on {HOST}.",
        f"{TRIES} ports from {RANGE.start} to {RANGE.stop} were tried; a firewall or sandbox may forbid them all.",
        "Allow programs to listen on loopback, or set DATABASE_URL to a database of yours.",
    )


def wait_for(port: int, seconds: float) -> int:
    """Return the port once it is free, or raise EmbeddedError when it is not within the seconds."""
    end = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() >= end:
            raise EmbeddedError(
                f"Port {port} on {HOST} is taken.",
                "Another program listens there, and the database server was to.",
                "Stop that program, or choose another port.",
            )
        time.sleep(0.05)
    return port
