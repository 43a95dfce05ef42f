"""A write that was held back: the log knows why, an administrator's page too, and the visitor's has no word of it."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from flask import Flask
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects import postgresql
from werkzeug.test import EnvironBuilder

from tests.fixtures import pages
from tests.fixtures.application import MakeApp
from tests.fixtures.database import Database
from tests.fixtures.world import World
from tests.web.lab import (
    ABSENT,
    CLOSED,
    FOREIGN,
    OPEN,
    SCHEMA,
    Lab,
    Locked,
    Mirror,
    Note,
    add_for_another,
    set_body,
    stale,
    with_page,
)
from webapp import rls
from webapp.inspector import diagnose
from webapp.inspector.attempts import Diagnosis
from webapp.web import diagnosis, inspection, statements
from webapp.web.afterwards import Afterwards
from webapp.web.diagnosis import Told

OpenLab = Callable[[Flask], Lab]


@pytest.fixture(scope="module")
def schema(migrated: Database) -> Iterator[Database]:
    migrated.admin_sql(SCHEMA)
    yield migrated
    migrated.admin_sql("drop schema lab cascade")


@pytest.fixture(scope="module")
def lab_app(make_app: MakeApp) -> Flask:
    return with_page(make_app())


@pytest.fixture
def open_lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenLab]:
    opened: list[Lab] = []
    # A machine that is busy with other tests is no reason for another answer.
    monkeypatch.setattr(diagnosis, "TOGETHER", 30.0)
    monkeypatch.setattr(diagnosis, "PATIENCE", 20.0)
    monkeypatch.setattr(diagnose, "LIMITS", rls.Limits())

    def open_lab(app: Flask) -> Lab:
        log = StringIO()
        # As the product's own logs are made, save for where they go and what the suite leaves out.
        processors, kind = structlog.get_config()["processors"], structlog.make_filtering_bound_logger(logging.DEBUG)
        logger = structlog.wrap_logger(structlog.PrintLogger(log), processors=processors, wrapper_class=kind)
        monkeypatch.setattr(diagnosis, "log", logger)
        if diagnosis.STATE in app.extensions:
            state = replace(app.extensions[diagnosis.STATE], afterwards=Afterwards())
            monkeypatch.setitem(app.extensions, diagnosis.STATE, state)
        opened.append(Lab(app, log))
        return opened[-1]

    yield open_lab
    for lab in opened:
        lab.events()  # waits for what is under way, which would be logged to the next test


@pytest.fixture
def notes(schema: Database, world: World) -> None:
    rows = [(OPEN, world.acme.owner.id, "open"), (FOREIGN, world.globex.owner.id, "open")]
    rows.append((CLOSED, world.acme.owner.id, "closed"))
    schema.admin_sql("delete from lab.notes")
    for row in rows:
        schema.admin_sql("insert into lab.notes values (%s, %s, %s, 'written by hand')", row)


@pytest.fixture
def lab(lab_app: Flask, open_lab: OpenLab, notes: None) -> Lab:
    return open_lab(lab_app)


WORDS_OF_IT = ("polic", "notes", "lab.", "42501", "42P17", "in the database", "row-level", "owner_id")


def assert_plain(html: str) -> None:
    """Check that a page has not a word of a diagnosis."""
    assert [word for word in WORDS_OF_IT if word.lower() in html.lower()] == []


def test_a_stale_row_is_a_plain_page_for_the_visitor_and_a_reason_in_the_log(lab: Lab, world: World) -> None:
    answer = lab.visit(world.acme.owner, stale)
    assert answer.status_code == 500
    assert_plain(answer.get_data(as_text=True))
    event = lab.event()
    assert event["level"] == "warning"
    assert event["request_id"] == answer.headers["X-Request-Id"]
    assert (event["kind"], event["command"], event["table"]) == ("hidden", "update", "lab.notes")
    assert (event["policy"], event["key"], event["sqlstate"]) == ("notes_see", {"id": str(FOREIGN)}, None)
    assert event["clause"] == "owner_id = ( SELECT auth.uid() AS uid)"
    assert str(world.globex.owner.id) in event["sentence"]
    assert str(world.acme.owner.id) in event["sentence"]


def test_an_insert_that_passes_its_check_and_is_hidden_from_returning(lab: Lab, world: World) -> None:
    """The ORM asks for the server's defaults by RETURNING, though nobody wrote it."""
    answer = lab.visit(world.acme.owner, add_for_another(world))
    assert answer.status_code == 403
    assert_plain(answer.get_data(as_text=True))
    event = lab.event()
    assert (event["kind"], event["policy"], event["sqlstate"]) == ("returning", "notes_see", "42501")
    assert "passed its checks, but RETURNING reads the new row" in event["sentence"]
    assert "for you" not in lab.log.getvalue()


@pytest.mark.parametrize(
    ("does", "status", "level", "kind", "policy"),
    [
        (set_body(ABSENT), 200, "info", "missing", None),
        (set_body(OPEN, Note.seen == 7), 200, "info", "conditions", None),
        (set_body(OPEN, Note.seen > 7), 200, "info", "conditions", None),
        (set_body(CLOSED), 200, "warning", "hidden", "notes_change"),
        (lambda s: s.execute(delete(Note).where(Note.id == CLOSED)), 200, "warning", "hidden", "notes_drop"),
        (lambda s: s.execute(insert(Locked).values(id=1)), 403, "warning", "grant", None),
        (lambda s: s.execute(select(Locked)), 403, "warning", "grant", None),
        (lambda s: s.execute(select(Mirror)), 500, "warning", "recursion", "mirror_self"),
        (lambda s: s.execute(update(Mirror).values(id=2)), 500, "warning", "recursion", "mirror_self"),
        (lambda s: s.execute(insert(Note).values(id=9, owner_id=func.auth.uid(), state="shut")), 403, "warning",
         "refused", "notes_add"),
        (lambda s: s.execute(update(Note).where(Note.body == "?").values(body="x")), 200, "debug", "missing", None),
        (lambda s: s.execute(update(Note).where(Note.seen > 5).values(body="x")), 200, "info", "unknown", None),
        (lambda s: s.execute(text("update lab.notes set body = 'x' where id = 99")), 200, "info", "unknown", None),
        (lambda s: s.execute(select(func.lab.raises())), 403, "info", "unknown", None),
        (lambda s: s.execute(select(func.lab.strays())), 403, "warning", "unknown", None),
    ],
    ids=["missing", "seen-eq", "seen-gt", "using", "delete", "grant", "grant-select", "recursion", "recursion-update",
         "check", "no-key-eq", "no-key", "text", "raises", "strays"],
)  # fmt: skip
def test_each_kind_is_logged_at_its_level(
    does: Any, status: int, level: str, kind: str, policy: str | None, lab: Lab, world: World
) -> None:
    answer = lab.visit(world.acme.owner, does)
    assert answer.status_code == status
    assert_plain(answer.get_data(as_text=True))
    event = lab.event()
    assert (event["level"], event["kind"], event["policy"]) == (level, kind, policy)


def test_of_functions_only_what_is_known_is_said(lab: Lab, world: World) -> None:
    lab.visit(world.acme.owner, lambda s: s.execute(select(func.lab.raises())))
    lab.visit(world.acme.owner, lambda s: s.execute(select(func.lab.strays())))
    first, second = lab.events()
    assert first["sentence"] == "A statement was refused by the function lab.raises itself (42501)."
    assert second["sentence"].endswith("in the function lab.strays (42501): permission denied for table locked.")


def test_an_insert_on_conflict_and_a_change_that_works_are_no_events(lab: Lab, world: World) -> None:
    def fine(session: Any) -> None:
        owner = world.acme.owner.id
        session.execute(postgresql.insert(Note).values(id=OPEN, owner_id=owner).on_conflict_do_nothing())
        session.execute(update(Note).where(Note.id == OPEN).values(body="y"))
        session.execute(select(Note).where(Note.id == ABSENT)).all()
        session.execute(insert(Note), [{"id": n, "owner_id": owner} for n in (20, 21, 22)])
        session.execute(update(Note), [{"id": n, "body": "z"} for n in (20, 21, 22)])

    assert lab.visit(world.acme.owner, fine).status_code == 200
    assert lab.events() == []


def test_a_few_rows_sent_at_once_are_looked_at_one_by_one_and_many_are_not(lab: Lab, world: World) -> None:
    def some(session: Any) -> None:
        session.execute(update(Note), [{"id": OPEN, "body": "x"}, {"id": FOREIGN, "body": "x"}])

    assert lab.visit(world.acme.owner, some).status_code == 500
    assert {(event["kind"], event["key"]["id"]) for event in lab.events()} == {("admitted", "1"), ("hidden", "2")}

    def many(session: Any) -> None:
        session.execute(update(Note), [{"id": n, "body": "x"} for n in range(50, 90)])

    assert lab.visit(world.acme.owner, many).status_code == 500
    event = lab.events()[-1]
    assert event["kind"] == "unknown"
    assert "(40 rows at once)" in event["sentence"]
    assert "notes_change, notes_see" in event["sentence"]


def test_a_request_is_worth_three_at_most_and_refusals_come_first(lab: Lab, world: World) -> None:
    def much(session: Any) -> None:
        for number in range(60, 70):
            session.execute(update(Note).where(Note.id == number).values(body="x"))
        session.execute(select(Locked))

    lab.visit(world.acme.owner, much)
    assert [event["kind"] for event in lab.events()] == ["grant", "missing", "missing"]


def test_an_administrator_is_told_on_the_error_page_and_that_is_recorded(
    lab: Lab, world: World, database: Database
) -> None:
    answer = lab.visit(world.platform_admin, stale)
    assert answer.status_code == 500
    html = answer.get_data(as_text=True)
    page = pages.parse(html)
    told = next(section for section in page.all("section") if section.get("aria-labelledby") == "told")
    said = page.text(told)
    assert "hidden by the SELECT policy notes_see" in said
    assert "Permissive policies (SELECT policies, since WHERE reads the row)" in said
    assert "owner_id = ( SELECT auth.uid() AS uid)" in said
    assert "Only platform administrators see this" in said
    assert "as it was" not in html
    assert lab.event()["kind"] == "hidden"
    admin = world.platform_admin.id
    assert database.sql(
        "select actor, action, viewpoint, schema_name, table_name, record_key, command, rows from rowhouse.inspections"
        " where action = 'why'"
    ) == [(admin, "why", f"user:{admin}", "lab", "notes", {"id": "2"}, "update", 1)]


def test_the_page_leads_to_the_row_in_the_inspector(lab: Lab, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def links() -> list[str]:
        html = lab.visit(world.platform_admin, stale).get_data(as_text=True)
        return [href for a in pages.parse(html).all("a") if (href := a.get("href") or "").startswith("/inspector/lab/")]

    [link] = links()
    parts = urlsplit(link)
    assert parts.path == "/inspector/lab/notes"
    asked = {"as": [f"user:{world.platform_admin.id}"], "command": ["update"], "row": ['{"id": "2"}']}
    assert parse_qs(parts.query) == asked
    monkeypatch.delitem(lab.app.view_functions, diagnosis.INSPECTOR)
    assert links() == []


def test_a_caller_by_token_is_told_in_the_json_if_they_are_an_administrator(lab: Lab, world: World) -> None:
    lab.app.config["DOES"] = stale
    found = {}
    for person in (world.platform_admin, world.acme.owner):
        with lab.client(person).session_transaction() as held:
            token = held["access"]
        answer = lab.app.test_client().post("/lab", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 500
        found[person] = answer.get_json()["error"].get("diagnosis")
    assert found[world.acme.owner] is None
    assert (found[world.platform_admin]["kind"], found[world.platform_admin]["policy"]) == ("hidden", "notes_see")


def test_whoever_is_an_administrator_by_the_token_alone_sees_the_plain_page(
    lab: Lab, world: World, database: Database
) -> None:
    lab.client(world.platform_admin)
    database.sql("update auth.users set raw_app_meta_data = '{}' where id = %s", (world.platform_admin.id,))
    answer = lab.visit(world.platform_admin, add_for_another(world))
    assert answer.status_code == 403
    assert_plain(answer.get_data(as_text=True))


def test_the_check_of_plain_pages_can_fail(lab: Lab, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told("The row is hidden by the SELECT policy notes_see.")
    monkeypatch.setattr(diagnosis, "for_page", lambda status: told)
    with pytest.raises(AssertionError):
        assert_plain(lab.visit(world.acme.owner, stale).get_data(as_text=True))


def test_nothing_private_is_logged_and_each_event_is_one_line(lab: Lab, world: World) -> None:
    owner = world.acme.owner
    lab.visit(owner, lambda s: s.execute(update(Note).where(Note.body == "a\r\nb@c.test").values(body="secret word")))
    lab.visit(owner, lambda s: s.execute(select(func.lab.raises())))
    lab.visit(owner, stale)
    assert len(lab.events()) == 3
    held = [line for line in lab.log.getvalue().splitlines() if '"event": "write_held_back"' in line]
    assert len(held) == 3
    for private in (
        "c.test",
        "example.test",
        "acme.test",
        "secret word",
        "written by hand",
        "session_id",
        "eyJ",
        "\\r",
    ):
        assert private not in "".join(held)


def test_it_can_be_switched_off(make_app: MakeApp, open_lab: OpenLab, notes: None, world: World) -> None:
    lab = open_lab(with_page(make_app(inspector_diagnosis=False)))
    for person in (world.acme.owner, world.platform_admin):
        answer = lab.visit(person, stale)
        assert answer.status_code == 500
        assert_plain(answer.get_data(as_text=True))
    assert lab.events() == []


def test_nothing_is_looked_into_before_the_answer_is_sent(lab: Lab, world: World) -> None:
    client = lab.client(world.acme.owner)
    token = client.token
    lab.app.config["DOES"] = set_body(ABSENT)
    builder = EnvironBuilder("/lab", method="POST", data={"csrf_token": token})
    environ = builder.get_environ()
    client._add_cookies_to_wsgi(environ)
    answer: Any = lab.app.wsgi_app(environ, lambda *_: lambda _: None)
    assert b"".join(answer) == b"done"
    assert lab.events() == []
    answer.close()  # as gunicorn does when it has sent the last byte
    assert lab.event()["kind"] == "missing"


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://rowhouse_inspector@127.0.0.1:{server.getsockname()[1]}/nowhere"


def test_a_silent_database_delays_no_visitor_and_an_administrator_for_two_seconds(
    lab: Lab, world: World, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "TOGETHER", 2.0)  # as it is
    state = lab.app.extensions[diagnosis.STATE]
    engine = rls.create_engine(silent, connect_timeout=diagnosis.CONNECT)
    monkeypatch.setitem(lab.app.extensions, diagnosis.STATE, replace(state, engine=engine))
    lab.client(world.acme.owner)
    lab.client(world.platform_admin)
    began = time.monotonic()
    assert lab.visit(world.acme.owner, set_body(ABSENT)).status_code == 200
    assert time.monotonic() - began < 1.5  # connecting is given up after two seconds
    began = time.monotonic()
    answer = lab.visit(world.platform_admin, stale)  # waits behind the other
    assert diagnosis.TOO_SLOW in answer.get_data(as_text=True)
    assert time.monotonic() - began < 2 + 1.5
    assert "failed" in lab.events()[0]["sentence"]


def test_a_database_that_is_away_is_said_to_be(make_app: MakeApp, open_lab: OpenLab, notes: None, world: World) -> None:
    lab = open_lab(with_page(make_app(inspector_database_url="postgresql://rowhouse_inspector@127.0.0.1:1/nowhere")))
    assert lab.visit(world.acme.owner, set_body(ABSENT)).status_code == 200
    event = lab.event()
    assert (event["kind"], event["table"], event["command"]) == ("unknown", "lab.notes", "update")
    assert "cannot be reached" in event["sentence"]


def test_without_a_login_of_its_own_it_says_what_it_cannot_tell(
    make_app: MakeApp, open_lab: OpenLab, notes: None, world: World
) -> None:
    blind = open_lab(with_page(make_app(inspector_database_url=None)))
    blind.visit(world.acme.owner, stale)
    assert "INSPECTOR_DATABASE_URL" in blind.event()["sentence"]


@pytest.mark.parametrize("broken", ["of_no_row", "of_refusal", "diagnose", "record"])
def test_whatever_fails_in_it_the_answer_is_the_same_and_the_log_has_a_line(
    broken: str, lab: Lab, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    where: Any = {"diagnose": diagnosis, "record": inspection}.get(broken, statements)
    monkeypatch.setattr(where, broken, fail)
    answer = lab.visit(world.platform_admin, stale if broken == "of_no_row" else add_for_another(world))
    assert answer.status_code == (500 if broken == "of_no_row" else 403)
    assert_plain(answer.get_data(as_text=True))
    assert len(lab.events(diagnosis.FAILED)) == 1


def test_a_burst_is_cut_and_counted(lab: Lab, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(diagnosis, "diagnose", lambda *_, **__: go_on.wait(10) and Diagnosis("missing", "Gone."))
    began = time.monotonic()
    for _ in range(13):
        assert lab.visit(world.acme.owner, set_body(ABSENT)).status_code == 200
    assert time.monotonic() - began < 5
    answer = lab.visit(world.platform_admin, add_for_another(world))
    assert diagnosis.TOO_MANY in answer.get_data(as_text=True)
    go_on.set()
    assert len(lab.events()) in (8, 9)  # one that was under way, and those that waited
    assert sum(line["count"] for line in lab.events("diagnoses_dropped")) in (5, 6)
