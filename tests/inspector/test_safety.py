"""What the Inspector may not do: write, wait, be talked into other SQL, or tell what is withheld."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import psycopg
import pytest

from tests.fixtures.database import Database
from tests.inspector.scratch import ANON, ME, SOMEBODY, Scratch, person, shown
from webapp import rls
from webapp.inspector import as_json, browse, catalog, oracle
from webapp.inspector.catalog import NoSuchTable
from webapp.inspector.desk import Desk, TooSlow
from webapp.inspector.explain import NoSuchRow
from webapp.inspector.filters import BadFilter, Filter, Order
from webapp.inspector.rows import BadKey
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import BadRow, Wanted

SECRET = "hunter2"
QUICK = rls.Limits(statement=300, lock=200, idle=5_000, transaction=5_000)


def logging_function(scratch: Scratch) -> None:
    scratch.run(
        "create table log (at int)",
        "create function logs() returns boolean language plpgsql security definer as"
        f" $$ begin insert into {scratch.schema}.log values (1); return true; end $$",
    )


def test_a_policy_that_writes_writes_nothing_and_is_not_trusted(scratch: Scratch) -> None:
    logging_function(scratch)
    scratch.secured("t", "k int primary key", f"using ({scratch.schema}.logs())")
    scratch.run("insert into t values (1)", "delete from log")
    found = scratch.why("t", {"k": "1"})
    assert not found.trusted
    assert "25006" in shown(as_json.explanation(found))
    assert not scratch.page("t").rows[0].sights[0].trusted
    oracle.count(scratch.desk, SOMEBODY.identity, scratch.table("t"))
    assert scratch.all("select * from log") == []


@pytest.mark.parametrize("eye", ["person", "seer"])
def test_every_look_is_read_only(scratch: Scratch, eye: str) -> None:
    scratch.run("create table t (k int)")
    with scratch.desk.look(SOMEBODY.identity) as look:
        asked = look.person if eye == "person" else look.any_eye
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            asked.rows(f"insert into {scratch.schema}.t values (1)")
    with scratch.desk.look(SOMEBODY.identity) as look:
        asked = look.person if eye == "person" else look.any_eye
        with pytest.raises(psycopg.Error):
            asked.rows("select set_config('transaction_read_only', 'off', true)")
    with scratch.desk.look(SOMEBODY.identity) as look:
        asked = look.person if eye == "person" else look.any_eye
        for end in ("commit", "/* x */ commit", "; rollback", "end"):
            with pytest.raises(rls.errors.IdentityMissing):
                asked.rows(end)


@pytest.mark.parametrize("sleep", ["pg_sleep(60) is null", "(select count(*) from generate_series(1, 1000000000)) > 1"])
def test_a_slow_policy_ends_in_bounded_time(scratch: Scratch, sleep: str) -> None:
    scratch.secured("t", "k int primary key", f"using ({sleep})")
    scratch.run("insert into t values (1), (2)")
    desk = dataclasses.replace(scratch.desk, limits=QUICK)
    began = time.monotonic()
    with pytest.raises(TooSlow):
        scratch.why("t", {"k": "1"}, desk=desk)
    with pytest.raises(TooSlow):
        scratch.page("t", desk=desk)
    assert oracle.count(desk, SOMEBODY.identity, scratch.table("t")).visible is None
    assert time.monotonic() - began < 6


def test_a_transaction_that_lasts_too_long_is_too_slow(scratch: Scratch) -> None:
    if int(scratch.database.version.partition(".")[0]) < 17:
        pytest.skip("transaction_timeout came with PostgreSQL 17")
    scratch.secured("t", "k int primary key", "using (pg_sleep(0.2) is null)")
    scratch.run("insert into t values (1), (2), (3)")
    limits = rls.Limits(statement=2_000, lock=200, idle=5_000, transaction=400)
    with pytest.raises((TooSlow, rls.errors.Unavailable)):
        scratch.page("t", desk=dataclasses.replace(scratch.desk, limits=limits))
    assert scratch.all("select 1") == [(1,)]


def test_a_role_off_the_list_is_refused_before_anything_is_sent(scratch: Scratch) -> None:
    nowhere = Desk(rls.create_engine("postgresql://nobody:x@127.0.0.1:1/nothing"))
    for role in ("service_role", "postgres", "supabase_admin", 'anon"; drop table t; --'):
        identity = rls.Identity.viewed(role, {}, frozenset({role}))
        with pytest.raises(ValueError, match="may not be looked through"), nowhere.look(identity):
            pass
        with pytest.raises(ValueError, match="may not be looked through"), nowhere.trial(identity):
            pass


def test_a_role_that_the_login_is_no_member_of_is_refused_by_postgres(scratch: Scratch) -> None:
    desk = dataclasses.replace(scratch.desk, roles=frozenset({"postgres", 'x"; reset role; --'}))
    for role in desk.roles:
        identity = rls.Identity.viewed(role, {}, desk.roles)
        with pytest.raises((rls.errors.DatabaseError, psycopg.Error)), desk.look(identity):
            pass


EVIL = [
    "t; drop table t",
    't"; drop table t; --',
    "t' or 'a' = 'a",
    "%s",
    "%(given)s",
    "t) as r; --",
    "\\",
    "t\0",
    "",
    "x" * 200,
]


@pytest.mark.parametrize("evil", EVIL)
def test_names_and_values_are_never_sql(scratch: Scratch, evil: str) -> None:
    scratch.secured("t", "k text primary key, v text", "using (true)")
    scratch.run("insert into t values ('a', 'x')")
    with pytest.raises(NoSuchTable):
        scratch.table(evil)
    with scratch.desk.look(SOMEBODY.identity) as look, pytest.raises(NoSuchTable):
        catalog.table(look.any_eye, evil, "t", "authenticated")
    for view in (
        browse.View(filters=(Filter(evil, "=", "x"),)),
        browse.View(order=Order(evil)),
        browse.View(after=(evil, evil)),
        browse.View(before=()),
    ):
        with pytest.raises(BadFilter):
            scratch.page("t", view)
    if "\0" not in evil:
        assert scratch.page("t", browse.View(filters=(Filter("v", "=", evil),))).rows == ()
        assert scratch.page("t", browse.View(filters=(Filter("v", "~", evil),))).rows == () or not evil
    else:
        with pytest.raises(BadFilter):
            scratch.page("t", browse.View(filters=(Filter("v", "=", evil),)))
        with pytest.raises(BadFilter):
            scratch.page("t", browse.View(after=(evil,)))
    with pytest.raises((BadKey, NoSuchRow)):
        scratch.why("t", {"k": evil})
    with pytest.raises((BadKey, NoSuchRow)):
        scratch.why("t", {evil: "a"})
    for wanted in (Wanted({evil: 1}), Wanted({"k": "b"}, (evil,)), Wanted({"k": "b"}, (), "update", (evil,))):
        with pytest.raises(BadRow):
            scratch.why("t", command="insert", wanted=wanted, trial=True)
    assert scratch.all("select * from t") == [("a", "x")]


@pytest.mark.parametrize("lone", ["\ud800", "a\udfff"])
def test_half_a_surrogate_pair_is_no_value(scratch: Scratch, lone: str) -> None:
    scratch.secured("t", "k text primary key", "using (true)")
    scratch.run("insert into t values ('a')")
    with pytest.raises(BadKey):
        scratch.why("t", {"k": lone})
    with pytest.raises(BadFilter):
        scratch.page("t", browse.View(filters=(Filter("k", "=", lone),)))
    with pytest.raises(BadFilter):
        scratch.page("t", browse.View(after=(lone,)))
    with pytest.raises(BadRow):
        scratch.why("t", command="insert", wanted=Wanted({"k": lone}))
    with pytest.raises(NoSuchTable):
        scratch.table(lone)


def test_claims_are_a_value_and_never_sql(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (auth.jwt() ->> 'x' = ''');''reset role')")
    scratch.run("insert into t values (1)")
    viewpoint = person(x="');'reset role")
    assert scratch.agree("t", viewpoint).rows[0].visible
    assert not scratch.agree("t", person(x="')")).rows[0].visible


def test_the_statement_repeats_in_psql_what_was_asked(scratch: Scratch, migrated: Database) -> None:
    scratch.secured("%(key0)s", 'a text, "%s" text, n int, primary key (a, "%s")', "using (n = 1)")
    value = "it's %(key1)s pg_catalog. \\ :x %s %%"
    quoted = value.replace("'", "''")
    scratch.run(f"""insert into "%(key0)s" values ('{quoted}', '%s', 1), ('b', '{quoted}', 2)""")
    for key in ({"a": value, "%s": "%s"}, {"a": "b", "%s": value}):
        found = scratch.why("%(key0)s", key)
        assert psql(migrated, found.statement) == [(found.verdict == "allowed",)]
        assert found.trusted
    for command in ("update", "delete"):
        found = scratch.why(
            "%(key0)s",
            {"a": value, "%s": "%s"},
            "update" if command == "update" else "delete",
            Wanted({"n": 1} if command == "update" else {}, ("a",)),
            trial=True,
        )
        assert found.trusted, found.doubts
        assert psql(migrated, found.statement) == [(value,)]


def psql(database: Database, script: str) -> list[tuple[object, ...]]:
    """Run a script as psql would, and return the rows of its last query."""
    rows: list[tuple[object, ...]] = []
    with psycopg.connect(database.postgres.url("rowhouse_inspector", database.name), autocommit=True) as connection:
        cursor = connection.execute(script.encode())
        while True:
            if cursor.description:
                rows = cursor.fetchall()
            if not cursor.nextset():
                return rows


def vault(scratch: Scratch, *policies: str) -> None:
    """Make a table with a column whose values are withheld; the one row's value is SECRET."""
    scratch.secured("t", "k int primary key, api_token text, note text", *policies)
    scratch.run(f"insert into t values (1, '{SECRET}', 'x')")


LEAKS = {
    "a comparison": "api_token = 'other'",
    "a cast that fails": "api_token::int = 5",
    "a function of it": "upper(api_token) = 'X'",
    "a part of it": "left(api_token, 3) = 'xyz'",
    "the whole row": "t.*::text = 'x'",
    "the whole row as JSON": "(to_jsonb(t.*) ->> 'api_token') = 'x'",
    "the whole row in a function": "SCHEMA.raises(t)",
    "a value of a set": "'x' in (select o.api_token from SCHEMA.others o)",
    "another table's": "(select o.api_token from SCHEMA.others o limit 1) = note",
    "another table's row": "exists (select from SCHEMA.others o where o.k = t.k)",
    "another table's row, nested": "exists (select from (select p as whole from SCHEMA.others p) o)",
    "another table's cast": "exists (select from SCHEMA.others o where o.api_token::int = 1)",
    "a claim": "(auth.jwt() ->> 'access_token') = note",
    "a case": "case when api_token ~ 'h' then api_token else '' end = 'x'",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_what_is_withheld_is_told_nowhere(scratch: Scratch, leak: str) -> None:
    scratch.run("create table others (k int, api_token text)", f"insert into others values (1, '{SECRET}')")
    scratch.run("create table t_ (k int primary key, api_token text, note text)")
    scratch.run("alter table t_ rename to t", "alter table t enable row level security")
    scratch.run(
        "create function raises(t) returns boolean language plpgsql as $$ begin raise 'no % here', $1.api_token; end $$"
    )
    scratch.run(f"insert into t values (1, '{SECRET}', 'x')")
    scratch.run("create policy p on t using (" + LEAKS[leak].replace("SCHEMA", scratch.schema) + ")")
    viewpoint = person(access_token=SECRET) if leak == "a claim" else SOMEBODY
    found = scratch.why("t", {"k": "1"}, viewpoint=viewpoint)
    told = as_json.explanation(found)
    told.pop("claims")
    told["statement"] = told["statement"].partition("select exists")[2]
    assert SECRET not in shown(told)
    assert SECRET not in shown(as_json.page(scratch.page("t", viewpoint=viewpoint)))
    written = scratch.why("t", {"k": "1"}, "update", Wanted({"note": "y"}, ("note",)), trial=True, viewpoint=viewpoint)
    told = as_json.explanation(written)
    told.pop("claims")
    told["statement"] = told["statement"].partition("update")[2]
    assert SECRET not in shown(told)


def test_nothing_is_searched_or_ordered_by_what_is_withheld(scratch: Scratch) -> None:
    vault(scratch, "using (true)")
    for view in (
        browse.View(filters=(Filter("api_token", "~", "h"),)),
        browse.View(filters=(Filter("api_token", "is not null"),)),
        browse.View(order=Order("api_token")),
    ):
        with pytest.raises(BadFilter, match="withheld"):
            scratch.page("t", view)
    with pytest.raises(BadKey, match="withheld"):
        scratch.why("t", {"api_token": SECRET})
    with pytest.raises(BadKey, match="withheld"):
        scratch.why("t", {"k": "1", "api_token": SECRET}, "delete", trial=True)
    guess = Wanted({"k": 2, "api_token": SECRET}, conflict="nothing", conflict_columns=("api_token",))
    with pytest.raises(BadRow, match="withheld"):
        scratch.why("t", None, "insert", guess)


def test_a_key_that_is_withheld_does_not_name_rows(scratch: Scratch) -> None:
    scratch.secured("t", "api_token text primary key, n int", "using (n = 1)")
    scratch.run(f"insert into t values ('{SECRET}', 1), ('{SECRET}2', 2)")
    page = scratch.page("t")
    assert SECRET not in shown(as_json.page(page))
    assert [set(seen.row.key) for seen in page.rows] == [{"ctid"}, {"ctid"}]
    for seen in page.rows:
        found = scratch.why("t", seen.row.key)
        assert (found.verdict == "allowed") == seen.visible
        assert found.trusted
        assert SECRET not in shown(as_json.explanation(found))


def test_the_digest_that_names_a_row_of_a_view_is_of_nothing_withheld(scratch: Scratch) -> None:
    scratch.run("create table t (k int, otp text)", "insert into t values (1, '123456'), (2, '654321')")
    scratch.run("create view v as select * from t")
    keys = [seen.row.key for seen in scratch.page("v").rows]
    scratch.run("update t set otp = '000000'")
    assert [seen.row.key for seen in scratch.page("v").rows] == keys
    assert len({key[":row"] for key in keys}) == 2
    assert [scratch.why("v", key).verdict for key in keys] == ["allowed", "allowed"]


def test_what_the_operator_masks_names_nothing(scratch: Scratch) -> None:
    scratch.run("create table owners (id int primary key, name text)", f"insert into owners values (1, '{SECRET}')")
    scratch.secured("t", "k int primary key, owner_id int references owners, name text", "using (owner_id = 2)")
    scratch.run(f"insert into t values (1, 1, '{SECRET}')")
    desk = dataclasses.replace(scratch.desk, masks=("name",))
    found = scratch.why("t", {"k": "1"}, desk=desk)
    assert found.label == "1"
    page = scratch.page("t", desk=desk)
    assert page.names.get("owner_id", {}) == {}
    assert SECRET not in shown(as_json.explanation(found)) + shown(as_json.page(page))


def test_without_the_service_role_only_what_is_visible_is_shown(scratch: Scratch, blind_desk: Desk) -> None:
    scratch.secured("t", "k int primary key", "using (k > 1)")
    scratch.run("insert into t values (1), (2)")
    page = scratch.page("t", desk=blind_desk)
    assert [seen.row.key["k"] for seen in page.rows] == ["2"]
    assert not page.sees_hidden
    assert scratch.why("t", {"k": "2"}, desk=blind_desk).trusted
    with pytest.raises(NoSuchRow, match="or it is hidden"):
        scratch.why("t", {"k": "1"}, desk=blind_desk)
    count = oracle.count(blind_desk, SOMEBODY.identity, scratch.table("t"))
    assert (count.total, count.visible) == (None, 1)


def test_without_the_service_role_and_with_some_columns_the_others_are_blank(
    scratch: Scratch, blind_desk: Desk
) -> None:
    scratch.secured("t", "k int primary key, v text, w text", "using (k > 1)")
    scratch.run("insert into t values (1, 'x', 'y'), (2, 'x', 'y')")
    scratch.run("revoke all on t from authenticated", "grant select (k, v) on t to authenticated")
    page = scratch.page("t", desk=blind_desk)
    assert [seen.row.values for seen in page.rows] == [{"k": "2", "v": "x", "w": None}]
    assert page.unreadable == {"w"}
    assert page.rows[0].visible
    found = scratch.why("t", {"k": "2"}, desk=blind_desk)
    assert (found.verdict, found.trusted) == ("allowed", True)
    assert found.values["w"] is None


def test_without_the_service_role_nobody_is_read_through(blind_desk: Desk) -> None:
    with pytest.raises(ValueError, match="service role"), blind_desk.seeing():
        pass
    assert ANON.identity.role in blind_desk.roles
    assert ME in SOMEBODY.identity.claims


def test_two_people_are_compared_at_one_moment(scratch: Scratch, make_role: Callable[..., Viewpoint]) -> None:
    scratch.secured("t", "k int primary key", "for select to anon using (true)")
    scratch.run("insert into t values (1)")
    with scratch.desk.look(SOMEBODY.identity, ANON.identity) as look:
        tables = [catalog.table(look.any_eye, scratch.schema, "t", who.identity.role) for who in (SOMEBODY, ANON)]
        scratch.run("insert into t values (2)")
        page = browse.browse(scratch.desk, look, tables[0], tables[1:], browse.View())
    assert [[sight.visible for sight in seen.sights] for seen in page.rows] == [[False, True]]
