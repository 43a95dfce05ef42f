"""Writes: what the engine predicts is what Postgres does, and nothing is left of a trial but what sequences drew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inspector.scratch import ME, SOMEBODY, Scratch, quote
from webapp.inspector.findings import Command, Explanation
from webapp.inspector.whatif import BadRow, Wanted


def tried(
    scratch: Scratch, command: Command, given: dict[str, Any], key: str | None = None, **more: Any
) -> Explanation:
    """Return the explanation of a trial that has to be trusted, with the prediction alone having said the same."""
    named = {"k": key} if key else None
    predicted = scratch.why("t", named, command, Wanted(given, **more))
    found = scratch.why("t", named, command, Wanted(given, **more), trial=True)
    assert found.trusted, found.doubts
    assert (predicted.verdict, predicted.oracle.verdict) == (found.verdict, None)
    assert not predicted.trusted
    assert found.oracle.is_trial
    return found


POLICIES = (
    "for select using (n < 10)",
    "for insert with check (n > 0)",
    "for update using (n > 1) with check (n <> 5)",
    "for delete using (n = 3)",
)


@pytest.fixture
def t(scratch: Scratch) -> Scratch:
    scratch.secured("t", "k int primary key, n int, note text default 'x'", *POLICIES)
    scratch.run("insert into t values (1, 1), (2, 2), (3, 3), (30, 30)")
    return scratch


@pytest.mark.parametrize(
    ("given", "returning", "verdict"),
    [
        ({"k": 9, "n": 1}, (), "allowed"),
        ({"k": 9, "n": 0}, (), "denied"),
        ({"k": 9}, (), "denied"),
        ({"k": 9, "n": 11}, (), "allowed"),
        ({"k": 9, "n": 11}, ("k",), "denied"),
        ({"k": 9, "n": 9}, ("k", "note"), "allowed"),
        ({"k": 1, "n": 1}, (), "allowed"),
        ({"k": 1, "n": 0}, (), "denied"),
        ({"n": 1}, (), "allowed"),
    ],
)
def test_insert_asks_its_checks_and_returning_the_select_policies(
    t: Scratch, given: dict[str, Any], returning: tuple[str, ...], verdict: str
) -> None:
    assert tried(t, "insert", given, returning=returning).verdict == verdict


@pytest.mark.parametrize(
    ("key", "given", "verdict"),
    [
        ("1", {"n": 2}, "denied"),
        ("2", {"n": 3}, "allowed"),
        ("2", {"n": 5}, "denied"),
        ("2", {"n": 50}, "denied"),
        ("2", {"n": None}, "denied"),
        ("2", {}, "allowed"),
        ("30", {"n": 3}, "denied"),
        ("3", {"note": None}, "allowed"),
    ],
)
def test_update_asks_of_the_row_before_and_after(t: Scratch, key: str, given: dict[str, Any], verdict: str) -> None:
    assert tried(t, "update", given, key).verdict == verdict


@pytest.mark.parametrize(("key", "verdict"), [("3", "allowed"), ("2", "denied"), ("30", "denied")])
def test_delete_asks_its_policies_and_the_select_policies(t: Scratch, key: str, verdict: str) -> None:
    assert tried(t, "delete", {}, key).verdict == verdict


@pytest.mark.parametrize(
    ("given", "conflict", "columns", "verdict"),
    [
        ({"k": 9, "n": 1}, "nothing", (), "allowed"),
        ({"k": 2, "n": 1}, "nothing", (), "allowed"),
        ({"k": 2, "n": 11}, "nothing", (), "allowed"),
        ({"k": 2, "n": 11}, "nothing", ("k",), "denied"),
        ({"k": 30, "n": 1}, "nothing", ("k",), "allowed"),
        ({"k": 30, "n": 1}, "update", ("k",), "denied"),
        ({"k": 1, "n": 1}, "update", ("k",), "denied"),
        ({"k": 2, "n": 3}, "update", ("k",), "allowed"),
        ({"k": 2, "n": 5}, "update", ("k",), "denied"),
        ({"k": 2, "n": 0}, "update", ("k",), "denied"),
        ({"k": 9, "n": 5}, "update", ("k",), "allowed"),
    ],
)
def test_on_conflict_asks_of_the_row_that_is_there_too(
    t: Scratch, given: dict[str, Any], conflict: str, columns: tuple[str, ...], verdict: str
) -> None:
    assert tried(t, "insert", given, conflict=conflict, conflict_columns=columns).verdict == verdict


def test_on_conflict_meets_by_defaults_and_never_by_null(scratch: Scratch) -> None:
    scratch.secured(
        "t",
        "k int primary key, a int default 7, b int, n int, unique (a, b)",
        "for select using (true)",
        "for insert with check (true)",
        "for update using (n > 1)",
    )
    scratch.run("insert into t values (1, 7, 1, 1), (2, 7, null, 1), (3, 7, null, 1)")
    conflict: dict[str, Any] = {"conflict": "update", "conflict_columns": ("a", "b")}
    assert tried(scratch, "insert", {"k": 9, "b": 1, "n": 5}, **conflict).verdict == "denied"
    assert tried(scratch, "insert", {"k": 9, "b": 2, "n": 5}, **conflict).verdict == "allowed"
    assert tried(scratch, "insert", {"k": 9, "n": 5}, **conflict).verdict == "allowed"


def test_rights_on_columns_decide_before_policies(t: Scratch) -> None:
    t.run(
        "revoke all on t from authenticated",
        "grant select (k, n), insert (k, n), update (n) on t to authenticated",
        "grant delete on t to authenticated",
    )
    assert tried(t, "insert", {"k": 9, "n": 1}, returning=("k",)).verdict == "allowed"
    assert tried(t, "insert", {"k": 9, "n": 1, "note": "y"}).verdict == "denied"
    assert tried(t, "insert", {"k": 9, "n": 1}, returning=("note",)).verdict == "denied"
    assert tried(t, "update", {"n": 3}, "2").verdict == "allowed"
    assert tried(t, "update", {"note": "y"}, "2").verdict == "denied"
    assert tried(t, "update", {}, "2").verdict == "allowed"
    assert tried(t, "delete", {}, "3").verdict == "allowed"
    conflict: dict[str, Any] = {"conflict": "update", "conflict_columns": ("k",)}
    assert tried(t, "insert", {"k": 2, "n": 3}, **conflict).verdict == "allowed"
    assert tried(t, "insert", {"k": 2}, **conflict).verdict == "denied"


def test_generated_columns_are_computed_anew(scratch: Scratch) -> None:
    scratch.secured(
        "t",
        "k int primary key, a text, b text, both_ text generated always as (a || coalesce(b, '')) stored",
        "using (true) with check (both_ <> 'xy')",
    )
    scratch.run("insert into t values (1, 'x', 'z')")
    assert tried(scratch, "update", {"b": "y"}, "1").verdict == "denied"
    assert tried(scratch, "update", {"b": "w"}, "1").verdict == "allowed"
    assert tried(scratch, "insert", {"k": 2, "a": "x", "b": "y"}).verdict == "denied"
    assert tried(scratch, "insert", {"k": 2, "a": "x"}).verdict == "allowed"


@pytest.mark.parametrize(
    ("wanted", "command"),
    [
        (Wanted({"nowhere": 1}), "insert"),
        (Wanted({"both_": "x"}), "insert"),
        (Wanted({"both_": "x"}), "update"),
        (Wanted({"always": 5}), "insert"),
        (Wanted({"always": 5}), "update"),
        (Wanted({"n": "many"}), "insert"),
        (Wanted({"n": [1]}), "update"),
        (Wanted({"code": "abc"}), "insert"),
        (Wanted({"n": 1}, conflict="update"), "insert"),
        (Wanted({"n": 1}, conflict="nothing"), "update"),
        (Wanted({"n": 1}, ("nowhere",)), "update"),
    ],
)
def test_what_is_no_row_is_refused_before_it_is_tried(scratch: Scratch, wanted: Wanted, command: Command) -> None:
    scratch.run("create domain code as text check (length(value) < 3)")
    scratch.secured(
        "t",
        "k int primary key, n int, code code, always int generated always as identity,"
        " both_ int generated always as (n + 1) stored",
        "using (true)",
    )
    scratch.run("insert into t values (1, 1)")
    for trial in (False, True):
        with pytest.raises(BadRow):
            scratch.why("t", {"k": "1"} if command == "update" else None, command, wanted, trial=trial)


def test_a_trigger_that_changes_the_row_is_a_doubt_until_it_is_tried(t: Scratch) -> None:
    t.run(
        "create function bump() returns trigger language plpgsql as $$ begin new.n := 5; return new; end $$",
        "create trigger bump before insert or update on t for each row execute function bump()",
    )
    predicted = t.why("t", {"k": "2"}, "update", Wanted({"n": 3}))
    assert any("bump" in doubt for doubt in predicted.doubts)
    found = t.why("t", {"k": "2"}, "update", Wanted({"n": 3}), trial=True)
    assert (found.oracle.verdict, found.trusted) == ("denied", False)


def test_a_trigger_that_raises_before_the_policies_is_no_constraint(t: Scratch) -> None:
    t.run(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin raise 'no' using errcode = '23514', constraint = 'own'; end $$",
        "create trigger refuse before insert on t for each row execute function refuse()",
    )
    found = t.why("t", None, "insert", Wanted({"k": 9, "n": 0}), trial=True)
    assert found.oracle.verdict == "denied"
    assert found.oracle.sqlstate == "23514"


@pytest.mark.parametrize(
    ("given", "sqlstate"),
    [({"k": 1, "n": 1}, "23505"), ({"n": 1}, "23502"), ({"k": 9, "n": 8}, "23514"), ({"k": 9, "n": 7}, "23503")],
)
def test_a_constraint_refuses_after_grants_and_policies_have_passed(
    t: Scratch, given: dict[str, Any], sqlstate: str
) -> None:
    t.run(
        "create table u (n int primary key)",
        "insert into u select generate_series(0, 6)",
        "delete from t where n > 6",
        "alter table t add foreign key (n) references u, add check (n <> 8)",
    )
    found = tried(t, "insert", given)
    assert (found.verdict, found.oracle.sqlstate) == ("allowed", sqlstate)


def test_policies_of_what_a_sequence_draws_are_decided_by_a_trial_alone(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, id serial, n int", "for insert with check (id < 1000 and n > 0)")
    predicted = scratch.why("t", None, "insert", Wanted({"k": 1, "n": 1}))
    assert (predicted.verdict, predicted.trusted) == ("undecided", False)
    found = scratch.why("t", None, "insert", Wanted({"k": 1, "n": 1}), trial=True)
    assert (found.verdict, found.oracle.verdict, found.trusted) == ("allowed", "allowed", False)
    assert scratch.why("t", None, "insert", Wanted({"k": 1, "n": 1, "id": 5}), trial=True).trusted


def test_nothing_is_left_of_a_trial_but_what_sequences_drew(scratch: Scratch) -> None:
    scratch.run("create table log (n int)")
    scratch.secured("t", "k int primary key, id serial, n int", "using (true)")
    scratch.run(
        "create function note() returns trigger language plpgsql security definer as"
        f" $$ begin insert into {scratch.schema}.log values (1); return null; end $$",
        "create trigger note after insert or update or delete on t for each row execute function note()",
        "insert into t values (1, 100, 1)",
        "delete from log",
    )
    before = scratch.all("select xmin::text, ctid::text, t::text from t")
    for command, key, given in (
        ("insert", None, {"k": 2, "n": 2}),
        ("update", {"k": "1"}, {"n": 9}),
        ("delete", {"k": "1"}, {}),
        ("insert", None, {"k": 1}),
    ):
        found = scratch.why("t", key, command, Wanted(given), trial=True)  # type: ignore[arg-type]
        assert found.oracle.verdict == "allowed"
    assert scratch.all("select xmin::text, ctid::text, t::text from t") == before
    assert scratch.all("select * from log") == []
    assert scratch.all("select last_value, is_called from t_id_seq") == [(2, True)]
    assert scratch.all("select count(*) from pg_locks where relation = 't'::regclass") == [(0,)]


@pytest.mark.parametrize(
    "body",
    [
        "commit",
        "rollback",
        "execute 'commit'",
        "execute 'rollback; insert into SCHEMA.log values (1); commit'",
        "set transaction isolation level serializable",
        "call SCHEMA.ends()",
    ],
)
def test_a_trial_cannot_be_made_to_commit(scratch: Scratch, body: str) -> None:
    scratch.run("create table log (n int)", "create procedure ends() language plpgsql as $$ begin commit; end $$")
    body = body.replace("SCHEMA", scratch.schema)
    scratch.run(
        "create function ending() returns boolean language plpgsql security definer as"
        f" $$ begin insert into {scratch.schema}.log values (1); {body}; return true; end $$"
    )
    scratch.secured("t", "k int primary key", f"for insert with check ({scratch.schema}.ending())")
    found = scratch.why("t", None, "insert", Wanted({"k": 1}), trial=True)
    assert found.oracle.verdict == "denied"
    assert scratch.all("select (select count(*) from log), (select count(*) from t)") == [(0, 0)]
    assert scratch.why("t", None, "insert", Wanted({"k": 1}), trial=True).oracle.verdict == "denied"


def test_a_trial_that_waits_for_a_lock_ends(t: Scratch) -> None:
    with t.database.postgres.connect(t.database.name) as other, other.transaction():
        other.execute(f"update {t.schema}.t set note = 'held' where k = 2".encode())
        found = t.why("t", {"k": "2"}, "update", Wanted({"n": 3}), trial=True)
    assert (found.oracle.verdict, found.trusted) == (None, False)
    assert "too long" in found.oracle.outcome


def test_a_trial_is_the_persons_and_knows_who_they_are(scratch: Scratch) -> None:
    scratch.secured(
        "t",
        "k int primary key, owner_id uuid default auth.uid()",
        f"for insert with check (owner_id = auth.uid() and current_user = 'authenticated' and auth.uid() = '{ME}')",
    )
    assert tried(scratch, "insert", {"k": 1}).verdict == "allowed"
    assert SOMEBODY.identity.role == "authenticated"


def test_names_with_percent_signs_and_quotes_are_written_to(scratch: Scratch) -> None:
    scratch.secured('%s "t"', 'k int primary key, "%(given)s" text, "select" text', "using (true)")
    wanted = Wanted({"k": 1, "%(given)s": "100% %s", "select": "it's"}, ("%(given)s", "select"), "update", ("k",))
    found = scratch.why('%s "t"', None, "insert", wanted, trial=True)
    assert (found.verdict, found.trusted) == ("allowed", True), found.oracle
    scratch.run("insert into " + quote('%s "t"') + " values (1)")
    found = scratch.why('%s "t"', {"k": "1"}, "update", Wanted({"%(given)s": "%%"}, ("select",)), trial=True)
    assert (found.verdict, found.trusted) == ("allowed", True), found.oracle
