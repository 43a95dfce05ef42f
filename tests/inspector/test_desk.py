"""The desk under many at once: looks get along with each other, and leave nothing on the pooler's connections."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tests.inspector.scratch import SOMEBODY, Scratch
from webapp import rls
from webapp.inspector import desk as desk_module
from webapp.inspector.desk import Busy, Eye


def test_many_looks_at_once_do_not_take_each_other_the_poolers_last_server(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (true)")
    scratch.run("insert into t values (1)")
    began = time.monotonic()
    with ThreadPoolExecutor(24) as threads:
        found = list(threads.map(lambda _: scratch.why("t", {"k": "1"}).trusted, range(48)))
    assert all(found)
    assert time.monotonic() - began < 20


def test_who_waits_too_long_for_a_place_is_told_so(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "WAIT", 0.05)
    desk = dataclasses.replace(scratch.desk, places=threading.BoundedSemaphore(1))
    with desk.look(SOMEBODY.identity), pytest.raises(Busy), desk.look(SOMEBODY.identity):
        pass
    with desk.look(SOMEBODY.identity) as look:  # the place was given back
        assert look.person.rows("select 1") == [(1,)]


def test_a_look_that_cannot_begin_gives_its_place_back(scratch: Scratch) -> None:
    desk = dataclasses.replace(scratch.desk, roles=frozenset({"postgres"}), places=threading.BoundedSemaphore(1))
    identity = rls.Identity.viewed("postgres", {"role": "postgres"}, frozenset({"postgres"}))
    for _ in range(2):
        with pytest.raises((rls.errors.DatabaseError, psycopg.Error)), desk.look(identity):
            pass


def test_a_plan_that_was_left_on_a_connection_is_in_nobodys_way(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch, soiled: None
) -> None:
    with scratch.desk.look(SOMEBODY.identity) as look:
        run = look.person.run
        monkeypatch.setattr(
            Eye, "run", lambda _, query, *rest: None if "deallocate" in str(query).lower() else run(query, *rest)
        )
        query = sql.SQL("select {}").format(sql.SQL("pg_catalog.cardinality($1)"))
        for _ in range(2):
            rows = look.person.rows_by_plan(query, sql.SQL("'{a}'"))
            assert rows == [(1,)]
