"""The suite itself: warnings are errors, nothing leaves loopback, the order is random, nothing is skipped."""

from __future__ import annotations

import re
import socket
import warnings
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

TESTS = Path(__file__).resolve().parents[1]
MAY_SKIP = {
    "ops/test_embedded_cluster.py": "only root starts a server as another account",
    "inspector/test_safety.py": "PGBIN may name a PostgreSQL that is older than what the test is about",
    "inspector/test_types.py": "PGBIN may name a PostgreSQL that is older than what the test is about",
}


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="anything"):
        warnings.warn("anything", stacklevel=1)


@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8"])
def test_nothing_beyond_loopback_is_reached(address: str) -> None:
    # pytest-socket warns before it raises, and a warning is an error here.
    with socket.socket() as probe, pytest.raises((SocketConnectBlockedError, UserWarning), match="allowed: "):
        probe.connect((address, 443))


def test_loopback_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as made:
        assert made.getpeername()[0] == "127.0.0.1"


@pytest.mark.parametrize("plugin", ["randomly", "timeout", "xdist"])
def test_the_plugin_is_there(plugin: str, pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin(plugin)


def test_nothing_is_skipped_for_what_is_missing() -> None:
    """A program that is not installed fails the suite: a skip would be a promise that nobody checked."""
    skipping = re.compile(r"pytest\.(?:skip|importorskip|xfail)\(|mark\.(?:skip|skipif|xfail)\b")
    found = [str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py") if skipping.search(path.read_text())]
    assert set(found) <= set(MAY_SKIP)
