"""A page that does what a test wants of it, tables that hold things back, and the log that says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from uuid import UUID

from flask import Flask, Response
from sqlalchemy import text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, make_transient_to_detached, mapped_column
from werkzeug.test import TestResponse

from tests.factories import Person
from tests.fixtures.application import Client
from tests.fixtures.world import World
from webapp.web import access, diagnosis
from webapp.web.scope import current

OPEN, FOREIGN, CLOSED, ABSENT = 1, 2, 3, 99

# Whoever is signed in sees what is theirs, may add to it for others too, and may change what is open.
SCHEMA = """
drop schema if exists lab cascade;
create schema lab;
grant usage on schema lab to authenticated, service_role;
create table lab.notes (
  id integer primary key, owner_id uuid not null, state text not null default 'open', body text,
  seen integer not null default 1);
create policy notes_see on lab.notes for select to authenticated using (owner_id = (select auth.uid()));
create policy notes_add on lab.notes for insert to authenticated with check (state = 'open');
create policy notes_change on lab.notes for update to authenticated using (state = 'open') with check (true);
create policy notes_drop on lab.notes for delete to authenticated using (state = 'open');
create table lab.locked (id integer primary key);
create policy locked_all on lab.locked to authenticated using (true);
create table lab.mirror (id integer primary key);
create policy mirror_self on lab.mirror to authenticated using (exists (select from lab.mirror m where m.id > 0));
alter table lab.notes enable row level security;
alter table lab.locked enable row level security;
alter table lab.mirror enable row level security;
grant select, insert, update, delete on lab.notes, lab.mirror to authenticated;
grant select on all tables in schema lab to service_role;
create function lab.raises() returns void language plpgsql as
  $$ begin raise exception 'not for maya@example.test' using errcode = '42501'; end $$;
create function lab.strays() returns void language plpgsql as
  $$ begin perform 1 from lab.locked; end $$;
grant execute on function lab.raises(), lab.strays() to authenticated;
"""


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = {"schema": "lab"}  # noqa: RUF012 - as SQLAlchemy wants it

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    body: Mapped[str | None]
    seen: Mapped[int] = mapped_column(server_default=text("1"))


class Locked(Base):
    __tablename__ = "locked"
    __table_args__ = {"schema": "lab"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)


class Mirror(Base):
    __tablename__ = "mirror"
    __table_args__ = {"schema": "lab"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)


def set_body(number: int, *conditions: Any) -> Callable[[Any], Any]:
    """Return what changes the text of one note."""
    return lambda session: session.execute(update(Note).where(Note.id == number, *conditions).values(body="x"))


def stale(session: Any) -> None:
    """Change a row that was loaded when it could still be seen."""
    note = Note(id=FOREIGN, state="open", body="as it was")
    make_transient_to_detached(note)
    session.add(note)
    note.body = "changed"
    session.flush()


def add_for_another(world: World) -> Callable[[Any], Any]:
    """Return what adds a note that whoever adds it does not see."""

    def add(session: Any) -> None:
        session.add(Note(id=10, owner_id=world.globex.owner.id, body="for you"))
        session.flush()

    return add


def with_page(app: Flask) -> Flask:
    """Give ``app`` a page that does what its configuration says."""

    @app.route("/lab", methods=["GET", "POST"])
    @access.signed_in()
    def laboratory() -> Response:
        app.config["DOES"](current.session)
        return Response("done", mimetype="text/plain")

    return app


@dataclass
class Lab:
    """One application with a page of its own, and what it logs."""

    app: Flask
    log: StringIO
    _clients: dict[UUID, Client] = field(default_factory=dict)

    def client(self, person: Person) -> Client:
        """Return a client that this person is signed in with."""
        if person.id not in self._clients:
            client = self.app.test_client()
            assert isinstance(client, Client)
            assert client.sign_in(person).status_code == 303
            self._clients[person.id] = client
        return self._clients[person.id]

    def visit(self, person: Person, does: Callable[[Any], Any], method: str = "POST") -> TestResponse:
        """Have the page do something for a person; the answer is read to its end and closed, as by a server."""
        client = self.client(person)
        self.app.config["DOES"] = does
        if method == "GET":
            return client.get("/lab", buffered=True)
        return client.submit("/lab", buffered=True)

    def events(self, name: str = diagnosis.EVENT) -> list[dict[str, Any]]:
        """Return what was logged under a name, once nothing is being looked into any more."""
        state = self.app.extensions.get(diagnosis.STATE)
        until = time.monotonic() + 10
        while state is not None and state.afterwards._thread is not None:
            assert time.monotonic() < until
            time.sleep(0.005)
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    def event(self) -> dict[str, Any]:
        """Return the one event that was logged."""
        found = self.events()
        assert len(found) == 1, found
        return found[0]
