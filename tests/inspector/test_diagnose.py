"""Why a write met no row or was refused: each kind, on tables made for it, and no word too many about the rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.database import Database
from webapp import rls
from webapp.inspector import diagnose, words
from webapp.inspector.attempts import Attempt, Diagnosis
from webapp.inspector.desk import Desk
from webapp.inspector.discretion import plain, safe

MAYA = UUID("11111111-1111-4111-8111-111111111111")
OTTO = UUID("22222222-2222-4222-8222-222222222222")
IDENTITY = rls.Identity.user({"sub": str(MAYA), "role": "authenticated", "org": 3, "email": "maya@example.test"})

SCHEMA = f"""
drop schema if exists ward cascade;
create schema ward;
grant usage on schema ward to authenticated, service_role;

create table ward.notes (
  id integer primary key, org integer not null, author uuid not null default auth.uid(), state text default 'open',
  body text, password text, seen integer not null default 1);
insert into ward.notes values
  (1, 3, '{MAYA}', 'open', 'call maya@example.test', 'hunters'), (2, 7, '{OTTO}', 'open', 'hidden body', 'hunter'),
  (3, 3, '{OTTO}', 'closed', 'closed', null),
  (4, 3, '{OTTO}', 'open', 'open', null);
create policy notes_see on ward.notes for select to authenticated
  using (org = ((select auth.jwt()) ->> 'org')::integer and state <> 'secret');
create policy notes_add on ward.notes for insert to authenticated
  with check (org = ((select auth.jwt()) ->> 'org')::integer or author = (select auth.uid()));
create policy notes_change on ward.notes for update to authenticated
  using (state = 'open') with check (author = (select auth.uid()));
create policy notes_drop on ward.notes for delete to authenticated using (author = (select auth.uid()));

create table ward.addressed (id integer primary key, email text, body text);
insert into ward.addressed values (1, 'otto@example.test', 'x'), (2, 'otto@example.test', 'x');
create policy addressed_mine on ward.addressed to authenticated using (email = (select auth.jwt()) ->> 'email');

create table ward.kept (id integer primary key);
create policy kept_all on ward.kept to authenticated using (true);

create table ward.bare (id integer primary key, name text);
insert into ward.bare values (1, 'x');
create table ward.ungranted (id integer primary key, name text);
create policy ungranted_all on ward.ungranted to authenticated using (true);
create table ward.leaning (id integer primary key, name text);
create policy leaning_all on ward.leaning to authenticated using (exists (select from ward.ungranted u where u.id > 0));

create table ward.mirror (id integer primary key, name text);
create policy mirror_self on ward.mirror to authenticated using (exists (select from ward.mirror m where m.id > 0));

create table ward.stopped (id integer primary key);
insert into ward.stopped values (1);
create policy stopped_all on ward.stopped to authenticated using (true);
create function ward.stop() returns trigger language plpgsql as 'begin return null; end';
create trigger stopped before update on ward.stopped for each row execute function ward.stop();

create table ward.sleepy (id integer primary key);
insert into ward.sleepy select generate_series(1, 3);
create function ward.sleep() returns boolean language sql as 'select pg_sleep(30) is not null';
create policy sleepy_all on ward.sleepy to authenticated using (ward.sleep());

create table ward.talking (id integer primary key, born date, body text);
insert into ward.talking values (1, null, 'Otto Karlsson');
create function ward.tell(body text) returns boolean language plpgsql stable
  as $$ begin raise exception '% may not', body using errcode = '42501'; end $$;
create policy talking_all on ward.talking to authenticated using (ward.tell(body));
"""


@pytest.fixture(scope="module")
def ward(migrated: Database) -> Iterator[Database]:
    """Return the database with a schema of this file's own."""
    migrated.admin_sql(SCHEMA)
    names = migrated.admin_sql("select tablename from pg_tables where schemaname = 'ward'")
    for (name,) in names:
        migrated.admin_sql(f"alter table ward.{name} enable row level security")
        if name != "ungranted":
            migrated.admin_sql(f"grant select, insert, update, delete on ward.{name} to authenticated")
    migrated.admin_sql("grant select on all tables in schema ward to service_role")
    migrated.admin_sql("revoke select on ward.kept from service_role")
    migrated.admin_sql("revoke update on ward.bare from authenticated")
    migrated.admin_sql("grant update (name) on ward.bare to authenticated")
    yield migrated
    migrated.admin_sql("drop schema ward cascade")


@pytest.fixture
def desk(ward: Database) -> Desk:
    return Desk(rls.create_engine(ward.inspector_url))


@pytest.fixture
def blind_desk(ward: Database) -> Desk:
    return Desk(rls.create_engine(ward.web_url), sees_hidden=False)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a machine that is busy with other tests be no reason for another answer."""
    monkeypatch.setattr(diagnose, "LIMITS", rls.Limits())


def diagnosed(desk: Desk, attempt: Attempt) -> Diagnosis:
    return diagnose.diagnose(desk, attempt, patience=30)


def unmet(table: str, key: dict[str, Any] | None, command: Any = "update", **more: Any) -> Attempt:
    return Attempt(IDENTITY, command, "ward", table, key=key, **more)


def refused(table: str, command: Any = "insert", sqlstate: str = "42501", **more: Any) -> Attempt:
    return Attempt(IDENTITY, command, "ward", table, sqlstate=sqlstate, **more)


def texts(found: Diagnosis) -> str:
    return " ".join([found.sentence, found.policy, found.clause, found.step, *found.key.values()])


def test_a_row_that_is_not_there_is_missing(desk: Desk) -> None:
    found = diagnosed(desk, unmet("notes", {"id": "99"}))
    assert (found.kind, found.policy, dict(found.key)) == ("missing", "", {"id": "99"})
    assert found.sentence == "UPDATE of ward.notes met no row: there is no row with id = 99."


def test_a_hidden_row_is_there_and_the_policy_and_its_clause_are_named_with_values(desk: Desk) -> None:
    found = diagnosed(desk, unmet("notes", {"id": "2"}))
    assert (found.kind, found.policy, dict(found.key)) == ("hidden", "notes_see", {"id": "2"})
    assert found.clause == "org = ((( SELECT auth.jwt() AS jwt) ->> 'org'::text))::integer"
    assert found.sentence == (
        "UPDATE of ward.notes met no row: the row with id = 2 is there, and hidden by the SELECT policy notes_see: "
        "org = ((auth.jwt() ->> 'org'))::integer (7 is not 3)."
    )
    assert found.step == "Permissive policies (SELECT policies, since WHERE reads the row)"
    assert found.is_alarming


def test_a_row_that_is_seen_and_may_not_be_changed_is_held_back_by_the_commands_own_policy(desk: Desk) -> None:
    found = diagnosed(desk, unmet("notes", {"id": "3"}))
    assert (found.kind, found.policy, found.clause) == ("hidden", "notes_change", "state = 'open'::text")
    assert "closed" in found.sentence
    found = diagnosed(desk, unmet("notes", {"id": "3"}, "delete"))
    assert (found.kind, found.policy) == ("hidden", "notes_drop")
    assert str(OTTO) in found.sentence
    assert str(MAYA) in found.sentence


def test_no_policy_at_all_is_said_to_be_the_reason(desk: Desk) -> None:
    found = diagnosed(desk, unmet("bare", {"id": "1"}, "delete"))
    assert (found.kind, found.policy) == ("hidden", "")
    assert "no policy applies" in found.sentence


def test_the_other_conditions_of_the_where_are_the_reason_where_the_row_may_be_changed(desk: Desk) -> None:
    found = diagnosed(desk, unmet("notes", {"id": "1", "seen": "5"}, has_conditions=False))
    assert found.kind == "conditions"
    assert "other conditions" in found.sentence
    assert found.key == {"id": "1"}
    assert not found.is_alarming
    assert diagnosed(desk, unmet("notes", {"id": "1"}, has_conditions=True)).kind == "conditions"


def test_a_check_that_would_refuse_is_no_reason_for_meeting_no_row(desk: Desk) -> None:
    """Where a check fails Postgres raises."""
    assert diagnosed(desk, unmet("notes", {"id": "4"}, has_conditions=True)).kind == "conditions"


def test_a_row_that_may_be_changed_now_is_admitted_and_its_triggers_are_named(desk: Desk) -> None:
    assert diagnosed(desk, unmet("notes", {"id": "1"})).kind == "admitted"
    found = diagnosed(desk, unmet("stopped", {"id": "1"}))
    assert found.kind == "admitted"
    assert "triggers may have held it back: stopped" in found.sentence


def test_a_new_row_that_its_check_refuses(desk: Desk) -> None:
    found = diagnosed(desk, refused("notes", given={"id": 10, "org": 9, "author": str(OTTO)}))
    assert (found.kind, found.policy) == ("refused", "notes_add")
    assert "was refused by the INSERT policy notes_add" in found.sentence
    assert "9" in found.sentence


def test_a_new_row_that_passes_its_check_and_is_hidden_from_returning(desk: Desk) -> None:
    attempt = refused("notes", given={"id": 10, "org": 9, "author": str(MAYA)}, returning=("seen",))
    found = diagnosed(desk, attempt)
    assert (found.kind, found.policy) == ("returning", "notes_see")
    assert "passed its checks, but RETURNING reads the new row" in found.sentence
    assert diagnosed(desk, replace(attempt, returning=())).kind == "admitted"
    on_conflict = replace(attempt, returning=(), conflict="nothing", conflict_columns=("id",))
    assert "but ON CONFLICT reads the new row" in diagnosed(desk, on_conflict).sentence


def test_the_default_of_a_column_counts_for_a_check(desk: Desk) -> None:
    found = diagnosed(desk, refused("notes", given={"id": 10, "org": 9}, returning=("seen",)))
    assert (found.kind, found.policy) == ("returning", "notes_see")


def test_an_update_whose_result_its_check_refuses_or_hides(desk: Desk) -> None:
    found = diagnosed(desk, refused("notes", "update", key={"id": "1"}, given={"author": str(OTTO)}))
    assert (found.kind, found.policy, dict(found.key)) == ("refused", "notes_change", {"id": "1"})
    found = diagnosed(desk, refused("notes", "update", key={"id": "1"}, given={"org": 8}))
    assert (found.kind, found.policy) == ("returning", "notes_see")
    assert "the row as it would be is hidden" in found.sentence


def test_what_the_statement_computed_makes_the_reason_only_likely(desk: Desk) -> None:
    found = diagnosed(desk, refused("notes", given={"id": 10, "author": str(OTTO)}, computed=("org",)))
    assert found.kind == "refused"
    assert "the statement computed org, so this is only likely" in found.sentence


def test_a_grant_that_lacks_is_named(desk: Desk) -> None:
    found = diagnosed(desk, refused("ungranted", given={"id": 1}))
    assert found.kind == "grant"
    assert "INSERT on ward.ungranted is not granted to authenticated" in found.sentence
    found = diagnosed(desk, refused("bare", "update", key={"id": "1"}, given={"id": 2}))
    assert found.kind == "grant"
    assert "UPDATE on id is not granted to authenticated" in found.sentence
    found = diagnosed(
        desk, Attempt(IDENTITY, "select", others=(("ward", "notes"), ("ward", "ungranted")), sqlstate="42501")
    )
    assert found.kind == "grant"
    assert "SELECT of ward.ungranted" in found.sentence


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt(IDENTITY, "select", others=(("ward", "leaning"),), sqlstate="42501"),
        refused("leaning", given={"id": 1}),
        refused("leaning", "delete"),
    ],
    ids=["select", "insert", "delete"],
)
def test_a_grant_that_a_policy_lacks_is_named_with_the_policy(desk: Desk, attempt: Attempt) -> None:
    found = diagnosed(desk, attempt)
    assert (found.kind, found.policy) == ("grant", "leaning_all")
    assert "permission denied for table ungranted (42501)" in found.sentence


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt(IDENTITY, "select", others=(("ward", "notes"), ("ward", "mirror")), sqlstate="42P17"),
        refused("mirror", given={"id": 1}, sqlstate="42P17"),
        refused("mirror", "update", sqlstate="42P17"),
        refused("mirror", "delete", sqlstate="42P17", rows=50),
    ],
    ids=["select", "insert", "update", "many"],
)
def test_a_policy_that_reads_itself_is_named(desk: Desk, attempt: Attempt) -> None:
    found = diagnosed(desk, attempt)
    assert (found.kind, found.policy) == ("recursion", "mirror_self")
    assert "reads its own table through itself" in found.sentence


def test_of_several_rows_that_are_meant_one_is_looked_at(desk: Desk) -> None:
    found = diagnosed(desk, unmet("addressed", {"body": "x"}, "delete"))
    assert (found.kind, found.policy) == ("hidden", "addressed_mine")
    assert "the row with body = •••, as others have, is there, and hidden" in found.sentence


def test_without_a_key_the_policies_that_apply_are_named(desk: Desk) -> None:
    found = diagnosed(desk, unmet("notes", None))
    assert found.kind == "unknown"
    assert found.sentence.endswith("It names no single row. These policies apply: notes_change, notes_see.")
    assert "(50 rows at once)" in diagnosed(desk, unmet("notes", {"id": "1"}, rows=50)).sentence


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (Attempt(IDENTITY, "update"), "it was written as text"),
        (Attempt(IDENTITY, sqlstate="42501", function="f", raised=True), "by the function f itself (42501)"),
        (Attempt(IDENTITY, sqlstate="42501", function="f", said="permission denied for table t"), "in the function f"),
        (unmet("notes", {"id": "no number"}), "Why was not found out"),
        (unmet("kept", {"id": "1"}), "service_role, who sees all rows, may not read this table"),
        (unmet("absent", {"id": "1"}), "There is no table or view ward.absent"),
        (replace(unmet("notes", {"id": "1"}), identity=rls.Identity.service("a test")), "may not be looked through"),
    ],
)
def test_what_cannot_be_told_is_said_to_be_so(desk: Desk, attempt: Attempt, said: str) -> None:
    found = diagnosed(desk, attempt)
    assert found.kind == "unknown"
    assert said in found.sentence


def test_what_the_own_table_admits_was_refused_within_the_function_that_postgres_names(desk: Desk) -> None:
    attempt = refused("notes", given={"id": 10, "org": 3}, function="ward.log", said="permission denied for table log")
    found = diagnosed(desk, attempt)
    assert found.kind == "unknown"
    assert "refused in the function ward.log (42501): permission denied for table log" in found.sentence


def test_without_a_login_of_its_own_it_says_what_it_cannot_see(blind_desk: Desk) -> None:
    found = diagnosed(blind_desk, unmet("notes", {"id": "2"}))
    assert found.kind == "unknown"
    assert "or it is hidden" in found.sentence
    assert "INSPECTOR_DATABASE_URL" in found.sentence
    assert diagnosed(blind_desk, unmet("notes", {"id": "3"})).policy == "notes_change"
    assert diagnosed(blind_desk, refused("notes", given={"id": 9, "org": 9, "author": str(OTTO)})).policy == "notes_add"


def test_no_value_that_people_wrote_is_said(desk: Desk) -> None:
    attempts = [
        unmet("addressed", {"id": "1"}),
        unmet("addressed", {"email": "otto@example.test"}),
        unmet("notes", {"id": "2", "body": "hidden body"}),
        unmet("notes", {"password": "hunter"}),
        refused("notes", given={"id": 10, "org": 9, "author": str(OTTO), "body": "hidden body", "password": "hunter"}),
        refused("addressed", given={"id": 5, "email": "eve@example.test"}),
    ]
    said = " ".join(texts(diagnosed(desk, attempt)) for attempt in attempts)
    assert "addressed_mine" in said
    assert words.HIDDEN in said
    for secret in ("example.test", "hidden body", "hunter"):
        assert secret not in said


def test_the_words_of_a_function_that_refuses_are_not_said(desk: Desk) -> None:
    found = diagnosed(desk, unmet("talking", {"id": "1"}))
    assert (found.kind, found.policy) == ("grant", "talking_all")
    assert "raises: 42501" in found.sentence
    assert "Otto" not in texts(found)


def test_a_value_that_does_not_fit_is_not_said(desk: Desk) -> None:
    found = diagnosed(desk, refused("talking", given={"id": 5, "born": "Otto Karlsson"}))
    assert "could not be put together again" in found.sentence
    assert "Otto" not in texts(found)


def test_values_are_said_by_their_form() -> None:
    for shown in (
        "7",
        "-1.50",
        str(MAYA),
        "open",
        "true",
        "{3,5}",
        "2026-01-31 10:00:00+00",
        f"{{{MAYA},{OTTO}}}",
        "{}",
    ):
        assert plain(shown) == shown
    for held in ("a@b.c", "two words", "eyJh.eyJz.c2ln", "x" * 31, "sk_live_4242", "{a@b.c,3}", "line\nbreak"):
        assert plain(held) == "•••"
    assert safe('no "a@b.test"\r\nhere.') == "no ••• here"


def test_it_ends_in_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # with the limits that it has
    began = time.monotonic()
    found = diagnose.diagnose(desk, unmet("sleepy", {"id": "1"}), patience=0.3)
    assert time.monotonic() - began < 2
    assert found.kind == "unknown"
    assert "no time left" in found.sentence


def test_it_writes_nothing(desk: Desk, ward: Database) -> None:
    before = ward.admin_sql("select n, n.xmin from ward.notes n order by id")
    diagnosed(desk, unmet("notes", {"id": "1"}))
    diagnosed(desk, refused("notes", "update", key={"id": "1"}, given={"author": str(OTTO)}))
    diagnosed(desk, refused("notes", given={"id": 10, "org": 3}))
    assert ward.admin_sql("select n, n.xmin from ward.notes n order by id") == before


def test_a_database_that_is_away_is_said_to_be() -> None:
    away = Desk(rls.create_engine("postgresql://rowhouse_inspector@127.0.0.1:1/nowhere"))
    found = diagnosed(away, unmet("notes", {"id": "1"}))
    assert found.kind == "unknown"
    assert found.sentence.startswith("UPDATE of ward.notes met no row.")
    assert "the Inspector's database failed" in found.sentence
