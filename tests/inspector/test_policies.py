"""The engine and Postgres agree on policies of every kind; where the engine cannot know, it says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.inspector.scratch import ME, SOMEBODY, Scratch, shown
from webapp.inspector import as_json

# Expressions over the rows of ``make_rows``. Each has to come to the same in the engine as in a query as the person.
EXPRESSIONS = {
    "a comparison": "n > 2",
    "with NULL": "m = 1",
    "not of NULL": "not (m = 1)",
    "is not distinct": "m is not distinct from null",
    "is distinct": "m is distinct from n",
    "between": "n between 2 and 4 or n between symmetric 9 and 6",
    "in a list": "note in ('x AND y', 'it''s (', 'z')",
    "not in a list with NULL": "n not in (1, 2, null)",
    "not in a query with NULL": "n not in (select o.m from SCHEMA.others o)",
    "like": "note like '%x AND y%'",
    "not like": "note not ilike '%OR%'",
    "percent signs": "note ~~ '100%' or note = '%s' or note = '%(x)s' or n % 2 = 1",
    "a parenthesis in a text": "note = 'it''s (' or note = ')'",
    "a backslash": r"note = E'back\\slash\'s' or note ~ '\d\)'",
    "dollars": "note = '$$ $1 $x$'",
    "names with words in them": '"a OR b" = 1 and "x AND y" is not null and "NOT" <> 7',
    "a column called as a keyword": '"select" = \'x\' and "case" > 1 or "end" is null',
    "case": "case when n > 3 then m is null when n = 1 or n = 2 then true else false end",
    "nested case": "case n when 1 then case when m is null then false else true end else n = 2 and true end",
    "coalesce": "coalesce(m, n, 0) > 1 and nullif(n, 3) is not null",
    "arrays": "n = any (array[1, 3]) and not n = all ('{3,4}'::int[]) and (array[n, m])[1] > 0",
    "rows": "(n, m) = (1, 1) or row(n, note) > row(4, 'a')",
    "a whole row": "t is not null and t.* is distinct from null",
    "collate": "(note collate \"C\") < 'a' and note < 'b' collate \"C\"",
    "at a time zone": "(at at time zone 'Europe/Berlin')::date = '2026-01-02' and extract(hour from at) > 20",
    "casts": "n::text || '::' = '1::' or note::varchar(3) = 'x A' or n::numeric(5,2)::text = '2.00'",
    "json": "data ? 'a' and data @> '{\"a\": 1}' and data -> 'b' ->> 'c' = 'd'",
    "json keys": "data ?| array['zz', 'a'] or data ?& array['x'] or data #>> '{b,c}' = 'd' or data @? '$.q'",
    "a boolean column": "flag",
    "not a boolean column": "not flag",
    "a boolean column is true": "flag is not true and flag is unknown or flag is false",
    "constants": "true and not false",
    "NULL alone": "null",
    "exists": "exists (select 1 from SCHEMA.others o where o.n = t.n and o.m > 1)",
    "not exists": "not exists (select from SCHEMA.others o where o.n = t.n)",
    "exists, grouped": "exists (select o.n from SCHEMA.others o where o.n = t.n group by o.n having count(*) > 1)",
    "exists, combined": "exists (select 1 from SCHEMA.others o where o.n = t.n union select 1 where t.n = 4)",
    "exists, limited": "exists (select from SCHEMA.others o where o.n <= t.n order by o.n desc limit 1 offset 1)",
    "exists, fetched": "exists (select from SCHEMA.others o where o.n = t.n order by o.n fetch first 1 rows with ties)",
    "exists, counted": "exists (select count(*) from SCHEMA.others o where o.n = t.n)",
    "exists, lateral": "exists (select from SCHEMA.others o, lateral (select o.m + t.n as s) l where l.s = 4)",
    "exists, with": "exists (with w as (select o.n from SCHEMA.others o) select from w where w.n = t.n)",
    "exists, join": "exists (select from SCHEMA.others o join SCHEMA.others p using (n) where p.n = t.n)",
    "a window": "n in (select w.n from (select o.n, row_number() over (order by o.n rows between 1 preceding and"
    " current row) as r from SCHEMA.others o) w where w.r between 1 and 2)",
    "in a query of two": "(n, m) in (select o.n, o.m from SCHEMA.others o)",
    "any of a query": "n > any (select o.n from SCHEMA.others o) and n <> all (select o.m from SCHEMA.others o)",
    "a query's value": "(select max(o.n) from SCHEMA.others o where o.n = t.n) = n",
    "array of a query": "n = any (array(select o.n from SCHEMA.others o))",
    "values": "n in (values (1), (3)) and exists (select from (values (1), (2)) v (x) where v.x = t.n)",
    "its own name": "n = (select min(t2.n) from (select 1 as n) t2 where t2.n = t.n)",
    "an operator elsewhere": "n operator(SCHEMA.===) 2 or note operator(pg_catalog.~) '^x'",
    "any of an operator elsewhere": "n operator(SCHEMA.===) any (array[1, 2])",
    "a type elsewhere": "kind = 'b'::SCHEMA.kinds and kind >= 'a'::SCHEMA.kinds",
    "the person": f"owner_id = auth.uid() or owner_id::text = '{ME}' and auth.role() = 'anon'",
    "the person, wrapped": "owner_id = (select auth.uid()) and (select auth.jwt() ->> 'org') = '7'",
    "claims": "((auth.jwt() -> 'app_metadata') ->> 'level')::int >= n",
    "settings": "current_setting('request.jwt.claims', true)::jsonb ->> 'sub' = owner_id::text",
    "roles": "current_user = 'authenticated' and not pg_has_role('postgres', 'usage')",
    "an SQL function": "SCHEMA.small(n)",
    "a definer": "SCHEMA.secret_max() > n",
    "an invoker": "SCHEMA.visible_max() > n",
    "a function of the row": "SCHEMA.of_row(t)",
    "a computed column": "t.of_row",
    "rows of others": "exists (select from SCHEMA.guarded g where g.n = t.n)",
    "substring": "left(note, 1) = substring(note from 1 for 1) and position('AND' in note) > 0 or"
    " trim(both ' ' from note) = ''",
    "overlaps": "(at, at + interval '1 day') overlaps (timestamptz '2026-01-02 12:00+00', interval '2 days')",
    "ranges": "int4range(1, 3) @> n and '[1,9)'::int4range && int4range(n, n, '[]')",
    "deep": "((n = 1 and (m = 1 or m is null)) or not (n = 2 or (n = 3 and not (flag or m = 2)))) and (n < 9)",
}
OTHERS = (
    "create type kinds as enum ('a', 'b')",
    "create function same(int, int) returns boolean immutable language sql as 'select $1 = $2'",
    "create operator === (leftarg = int, rightarg = int, function = same)",
    "create table others (n int, m int)",
    "insert into others values (1, 1), (2, 2), (2, 3), (4, null)",
    "create table guarded (n int)",
    "insert into guarded values (1), (2), (3)",
    "alter table guarded enable row level security",
    "create policy g on guarded using (n > 1)",
    "create function small(int) returns boolean stable language sql as 'select $1 < 3'",
    """create function secret_max() returns int stable security definer language sql as
    'select max(n) from SCHEMA.guarded where n < 3'""",
    """create function visible_max() returns int stable language plpgsql as
    $$ begin return (select max(n) from SCHEMA.guarded); end $$""",
)
ROWS = (
    'k int primary key, n int, m int, note text, "a OR b" int, "x AND y" int, "NOT" int, "select" text,'
    ' "case" int, "end" int, at timestamptz, data jsonb, flag boolean, kind kinds, owner_id uuid'
)


def make_rows(scratch: Scratch) -> None:
    scratch.run(*(statement.replace("SCHEMA", scratch.schema) for statement in OTHERS))
    scratch.secured("t", ROWS)
    scratch.run(
        "create function of_row(t) returns boolean stable language sql as 'select $1.n > 1 and $1.note is not null'",
        f"""insert into t values
        (1, 1, 1, 'x AND y', 1, 1, 1, 'x', 2, 1, '2026-01-01 23:30+00', '{{"a": 1, "b": {{"c": "d"}}}}', true, 'a',
         '{ME}'),
        (2, 2, 2, '100%', 1, null, 7, 'x', 1, null, '2026-01-02 21:30+00', '{{"a": 2}}', false, 'b', '{ME}'),
        (3, 3, null, 'it''s (', 0, 1, 1, 'y', 2, 3, '2026-01-05 00:00+00', '{{}}', null, 'b', gen_random_uuid()),
        (4, 4, 1, '$$ $1 $x$', 1, 1, null, 'x', 3, null, null, '{{"zz": null}}', true, null, null),
        (5, null, 1, '%(x)s', 1, 1, 2, null, null, 2, 'infinity', null, false, 'a', '{ME}'),
        (6, 6, null, E'back\\\\slash\\'s', null, 2, 3, 'x', 9, 9, '2026-01-02 10:00+00', '[1, "a"]', null, 'b', null),
        (7, -1, 2, null, 2, 2, 2, '', 1, 1, '-infinity', '"a"', true, 'b', '{ME}')""",
    )


def test_every_kind_of_expression_comes_to_what_postgres_says(scratch: Scratch) -> None:
    make_rows(scratch)
    wrong: dict[str, str] = {}
    for name, expression in EXPRESSIONS.items():
        scratch.run(f"create policy p on t using ({expression.replace('SCHEMA', scratch.schema)})")
        page, seen = scratch.page("t"), scratch.seen("t")
        for one in page.rows:
            sight = one.sights[0]
            if sight.visible != (one.row.text in seen) or not sight.trusted:
                wrong[name] = f"{one.row.key}: {sight}"
        scratch.run("drop policy p on t")
        assert len(page.rows) == 7
    assert wrong == {}


def test_the_clauses_of_every_expression_are_told_with_their_values(scratch: Scratch) -> None:
    make_rows(scratch)
    wrong: dict[str, str] = {}
    with_tree = list(EXPRESSIONS.items())
    for name, expression in with_tree:
        scratch.run(f"create policy p on t using ({expression.replace('SCHEMA', scratch.schema)})")
        visible = bool(scratch.seen("t") & {row[0] for row in scratch.all("select t::text from t where k = 1")})
        found = scratch.why("t", {"k": "1"})
        reading = next(reading for reading in found.policies if reading.applies)
        if not found.trusted or not reading.is_known or (reading.value is True) != visible:
            wrong[name] = f"{found.verdict} {found.doubts} {reading}"
        as_json.explanation(found)
        scratch.run("drop policy p on t")
    assert wrong == {}


def test_no_policy_lets_no_row_through(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key")
    scratch.run("insert into t values (1)")
    assert "no policy applies" in scratch.agree("t").rows[0].sights[0].reason


def test_row_security_that_is_off_lets_every_row_through_whatever_policies_say(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (false)")
    scratch.run("alter table t disable row level security", "insert into t values (1)")
    assert scratch.agree("t").rows[0].visible


@pytest.mark.parametrize(
    ("policies", "visible"),
    [
        (("as restrictive using (true)",), [False, False, False]),
        (("using (true)", "as restrictive using (n > 1)"), [False, True, True]),
        (("using (n < 3)", "using (n = 3)", "as restrictive using (n <> 2)"), [True, False, True]),
        (("for all using (n > 1) with check (false)",), [False, True, True]),
        (("for all with check (n > 1)",), [False, False, False]),
        (("for insert with check (true)", "for update using (true)"), [False, False, False]),
        (("using (n / (n - 2) is not null and n > 2)",), [False, False, False]),
        (("for select to anon using (true)",), [False, False, False]),
        (
            ("for select to public using (n = 1)", "for select to anon, authenticated using (n = 2)"),
            [True, True, False],
        ),
        (("using (null)", "using (n = 3)"), [False, False, True]),
    ],
)
def test_policies_of_a_table_come_together_as_in_postgres(
    scratch: Scratch, policies: tuple[str, ...], visible: list[bool]
) -> None:
    scratch.secured("t", "k int primary key, n int", *policies)
    scratch.run("insert into t values (1, 1), (2, 2), (3, 3)")
    page = scratch.page("t")
    for seen in page.rows:
        assert scratch.why("t", seen.row.key).trusted or "/ " in policies[0]
    if "/ " not in policies[0]:
        assert [seen.visible for seen in scratch.agree("t").rows] == visible


@pytest.mark.parametrize("first", ["1 / (n - 2) > -9", "true"])
@pytest.mark.parametrize("restrictive", [True, False])
def test_what_raises_for_one_row_is_told_of_that_row_alone(scratch: Scratch, first: str, restrictive: bool) -> None:
    raising = "1 / (n - 2) > -9"
    second = raising if first == "true" else "true"
    scratch.secured(
        "t",
        "k int primary key, n int",
        f"{'as restrictive ' if restrictive else ''}using ({first})",
        f"using ({second})",
    )
    scratch.run("insert into t values (1, 1), (2, 2), (3, 3)")
    page = scratch.page("t")
    for seen in page.rows:
        alone = one_row(scratch, seen.row.key["k"])
        found = scratch.why("t", seen.row.key)
        assert found.trusted, found.doubts
        assert (found.verdict == "allowed") == alone == seen.visible
        assert seen.sights[0].trusted


def one_row(scratch: Scratch, key: str | None) -> bool:
    """Tell whether Postgres shows one row to somebody who asks for it, and raises nothing."""
    with scratch.desk.look(SOMEBODY.identity) as look:
        try:
            return bool(look.person.rows(f"select k from {scratch.schema}.t where k = {key}"))
        except Exception:
            return False


def test_a_policy_that_reads_its_own_table_is_named_as_the_cause(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (exists (select from t o where o.k > t.k))")
    scratch.run("insert into t values (1), (2)")
    page = scratch.page("t")
    assert [seen.visible for seen in page.rows] == [False, False]
    found = scratch.why("t", {"k": "1"})
    assert (found.verdict, found.oracle.verdict) == ("denied", "denied")
    assert "42P17" in found.cause
    assert found.trusted


def test_two_tables_that_read_one_another_are_named_as_the_cause(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key")
    scratch.secured("u", "k int primary key", "using (exists (select from t where t.k = u.k))")
    scratch.run("create policy p on t using (exists (select from u where u.k = t.k))", "insert into t values (1)")
    found = scratch.why("t", {"k": "1"})
    assert found.verdict == "denied"
    assert found.trusted
    assert "42P17" in found.cause


def test_a_function_that_raises_is_named_as_the_cause(scratch: Scratch) -> None:
    scratch.run(
        "create function picky(int) returns boolean stable language plpgsql as"
        " $$ begin if $1 = 2 then raise 'not this %', $1 using errcode = 'P0002'; end if; return true; end $$"
    )
    scratch.secured("t", "k int primary key", f"using ({scratch.schema}.picky(k))")
    scratch.run("insert into t values (1), (2)")
    assert [seen.visible for seen in scratch.page("t").rows] == [True, False]
    found = scratch.why("t", {"k": "2"})
    assert found.verdict == "denied"
    assert "not this 2 (P0002)" in found.cause
    # Postgres asks the policy before the key, or after it: as its planner likes. Either way it agrees on row 2.
    assert found.oracle.verdict == "denied"


def test_a_function_that_nobody_may_call_is_named_as_the_cause(scratch: Scratch) -> None:
    scratch.run(
        "create function private() returns boolean stable language sql as 'select true'",
        "revoke all on function private() from public",
    )
    scratch.secured("t", "k int primary key", f"using ({scratch.schema}.private())")
    scratch.run("insert into t values (1)")
    found = scratch.why("t", {"k": "1"})
    assert (found.verdict, found.trusted) == ("denied", True)
    assert "permission denied for function" in found.cause


def test_a_policy_may_use_a_schema_that_the_person_may_not(
    scratch: Scratch, make_scratch: Callable[..., Scratch]
) -> None:
    hidden = make_scratch()
    hidden.run(
        f"revoke usage on schema {hidden.schema} from authenticated",
        "create table allowed (n int)",
        "insert into allowed values (1)",
        "create function one() returns int stable security definer language sql as 'select 1'",
    )
    scratch.secured(
        "t",
        "k int primary key, n int",
        f"using (n = {hidden.schema}.one())",
        f"using (n = 2 and exists (select from {hidden.schema}.allowed))",
    )
    scratch.run("insert into t values (1, 1), (2, 2), (3, 3)")
    page, seen = scratch.page("t"), scratch.seen("t")
    assert len(seen) == 2
    for one in page.rows:
        assert one.visible == (one.row.text in seen)
        found = scratch.why("t", one.row.key)
        assert (found.verdict == "allowed") == one.visible
        assert found.trusted, found.doubts


@pytest.mark.parametrize("expression", ["tableoid::regclass::text like '%t'", "xmin::text <> '0'", "ctid = '(0,1)'"])
def test_a_policy_on_a_system_column_has_the_answer_of_postgres_and_is_not_trusted(
    scratch: Scratch, expression: str
) -> None:
    scratch.secured("t", "k int primary key", f"using ({expression} and k < 5)")
    scratch.run("insert into t values (1), (9)")
    page, seen = scratch.page("t"), scratch.seen("t")
    assert [one.visible for one in page.rows] == [one.row.text in seen for one in page.rows] == [True, False]
    found = scratch.why("t", {"k": "1"})
    assert (found.verdict, found.oracle.verdict, found.trusted) == ("allowed", "allowed", False)
    assert "raises" not in found.cause


def test_a_volatile_policy_is_not_trusted(scratch: Scratch) -> None:
    scratch.run("create view v as select random() as r")
    scratch.secured("t", "k int primary key", f"using ((select r from {scratch.schema}.v) < 2)")
    scratch.run("insert into t values (1)")
    found = scratch.why("t", {"k": "1"})
    assert not found.trusted
    assert "random" in shown(found.doubts)
    assert not scratch.page("t").rows[0].sights[0].trusted
