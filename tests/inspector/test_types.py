"""Values of any type go to the policies as they are, and come to the page as text that is not too long."""

from __future__ import annotations

import pytest

from tests.inspector.scratch import ME, SOMEBODY, Scratch, quote, shown
from webapp.inspector import as_json, browse, explain
from webapp.inspector.filters import BadFilter, Filter, Order
from webapp.inspector.whatif import Wanted

VALUES = {
    "text": ("text", ["E'\"quoted\", back\\\\slash, (comma), {brace}, \\n line \\t'", "''", "null", "'null'", "' '"]),
    "an array of texts": ("text[]", ["array['{', '}', '\"', E'\\\\', ',', '', null, 'NULL', ' ']", "'{}'", "null"]),
    "a composite": ("pair", ["row(1, '\"a\", (b)')", "row(null, null)", "null", "row(null, '')"]),
    "a nested composite": (
        "nest",
        ["row(row(1, 'x,\"y')::pair, array[row(2, E'\\\\')::pair, null])", "row(null, null)"],
    ),
    "an array of composites": ("pair[]", ["array[row(1, ',')::pair, row(null, null)::pair]"]),
    "jsonb": ("jsonb", ['\'{"a": [1, {"b": null}], "c": "\\"x\\\\y"}\'', "'null'", "'1e400'"]),
    "json": ("json", ['\'{"a": 1, "a": 2}\'', "' [ ] '"]),
    "xml": ("text", ["'<a b=\"c\">&amp;</a>'"]),
    "times": ("timestamptz", ["'infinity'", "'-infinity'", "'2026-03-29 02:30:00.000001+01'", "'0044-03-15 12:00 BC'"]),
    "intervals": ("interval", ["'1 year -2 mons 3 days -04:05:06.7'", "'0'"]),
    "numbers": ("numeric", ["'NaN'", "1e308", "-0.000000000000000000000001", "'Infinity'"]),
    "floats": ("float8", ["'NaN'", "1e308", "5e-324", "'-0'", "0.1"]),
    "reals": ("real", ["'NaN'", "1e38", "0.1"]),
    "bytes": ("bytea", [r"'\x00'", r"'\x'", r"'\x005c2722ff'"]),
    "ranges": ("tstzrange", ["'empty'", "'[2026-01-01 00:00+00,)'", "'(,infinity]'"]),
    "money": ("money", ["1234.5", "-0.01"]),
    "bits": ("bit varying", ["''", "'0101'"]),
    "shapes": ("point", ["'(1,2)'", "'(NaN,Infinity)'"]),
    "addresses": ("inet", ["'::1'", "'10.0.0.0/8'"]),
    "search": ("tsvector", ["'''a b'':1A ''c''''d'':2'", "''"]),
    "names of things": ("regclass", ["'pg_class'", "null"]),
    "domains": ("code", ["'AB'", "null"]),
    "domains of composites": ("pair_domain", ["row(1, 'x')", "null"]),
    "enums": ("mood", ["'it''s \"ok\"'", "'%s'"]),
    "hstore": ("hstore", ['\'a=>1, "b c"=>"\\""\'', "''"]),
    "characters": ("char(6)", ["'a'", "'a     '", "''"]),
}
TYPES = (
    "create type pair as (n int, t text)",
    "create type nest as (one pair, many pair[])",
    "create domain code as char(2) check (value ~ '^[A-Z]{2}$')",
    "create domain pair_domain as pair check ((value).n is null or (value).n > 0)",
    "create type mood as enum ('it''s \"ok\"', '%s')",
    "create extension hstore",
)


def test_a_row_goes_to_its_policies_as_it_is(scratch: Scratch) -> None:
    scratch.run(*TYPES)
    columns = ", ".join(f"{quote(name)} {type_}" for name, (type_, _) in VALUES.items())
    # The row that a policy sees is the one that is stored: compared as text, by a function that may read the table.
    scratch.secured("t", f"k int primary key, {columns}")
    scratch.run(
        "create function same(t) returns boolean stable security definer language sql as"
        f" 'select exists (select from {scratch.schema}.t where k = $1.k and t::text = $1::text)'"
    )
    key = 0
    for name, (_, values) in VALUES.items():
        for value in values:
            key += 1
            scratch.run(f"insert into t (k, {quote(name)}) values ({key}, {value})")
    checks = " and ".join(f"num_nulls({quote(name)}) < 2" for name in VALUES)
    scratch.run(f"create policy p on t using ({scratch.schema}.same(t) and {checks} and k <> 7)")
    page = scratch.page("t", browse.View(limit=200))
    assert [seen.row.key["k"] for seen in page.rows if not seen.visible] == ["7"]
    assert all(seen.sights[0].trusted for seen in page.rows)
    assert len(page.rows) == key > 60
    as_json.page(page)


def test_every_type_is_filtered_and_ordered_or_refused_with_a_reason(scratch: Scratch) -> None:
    scratch.run(*TYPES)
    columns = ", ".join(f"{quote(name)} {type_}" for name, (type_, _) in VALUES.items())
    scratch.secured("t", f"k int primary key, {columns}", "using (true)")
    names = ", ".join(quote(name) for name in VALUES)
    scratch.run(f"insert into t (k, {names}) values (1, {', '.join(values[0] for _, values in VALUES.values())})")
    row = scratch.page("t").rows[0].row
    refused: set[tuple[str, bool]] = set()
    for name in VALUES:
        value = str(row.values[name])
        assert len(scratch.page("t", browse.View(filters=(Filter(name, "is not null"),))).rows) == 1
        assert len(scratch.page("t", browse.View(filters=(Filter(name, "~", value),))).rows) == 1
        try:
            assert len(scratch.page("t", browse.View(filters=(Filter(name, "=", value),))).rows) == 1
            assert len(scratch.page("t", browse.View(order=Order(name, descending=True))).rows) == 1
        except BadFilter as exc:
            refused.add((name, "cannot be compared" in str(exc)))
    assert refused == {("json", True), ("shapes", True)}


def test_a_number_is_not_rounded_when_it_is_typed(scratch: Scratch) -> None:
    scratch.run("create domain price as numeric(12,2)")
    scratch.secured("t", "k int primary key, p numeric(12,2), d price, c char(3), at timestamp(0)", "using (true)")
    scratch.run("insert into t values (1, 1.5, 1.5, 'ab', '2026-01-01')")
    for column, typed, found in (
        ("p", "1.501", 0),
        ("p", "1.5", 1),
        ("d", "1.4999", 0),
        ("d", "1.50", 1),
        ("c", "ab", 1),
        ("c", "abcd", 0),
        ("at", "2026-01-01 00:00:00.4", 0),
    ):
        assert len(scratch.page("t", browse.View(filters=(Filter(column, "=", typed),))).rows) == found, typed


def test_what_is_no_value_of_the_type_is_refused_with_a_reason(scratch: Scratch) -> None:
    scratch.run("create type mood as enum ('ok')")
    scratch.secured("t", "k int primary key, m mood, at date", "using (true)")
    for one in (Filter("k", ">", "many"), Filter("m", "=", "bad"), Filter("at", "<", "2026-02-30"), Filter("k", "=")):
        with pytest.raises(BadFilter, match="cannot read a value"):
            scratch.page("t", browse.View(filters=(one,)))


def test_a_long_text_is_cut_and_judged_whole(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, body text", "using (length(body) = 100000 and right(body, 1) = 'x')")
    scratch.run("insert into t values (1, repeat('€x', 50000)), (2, repeat('x', 99999))")
    page = scratch.agree("t")
    assert [seen.visible for seen in page.rows] == [True, False]
    assert len(shown(as_json.page(page))) < 3_000
    assert len(shown(as_json.explanation(scratch.why("t", {"k": "2"})))) < 10_000


def test_a_page_is_not_continued_after_a_value_that_no_address_holds(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, body text", "using (true)")
    scratch.run("insert into t select n, repeat(n::text, 5000) from generate_series(1, 3) n")
    assert len(scratch.page("t", browse.View(order=Order("body"))).rows) == 3
    with pytest.raises(BadFilter, match="too long"):
        scratch.page("t", browse.View(order=Order("body"), limit=1))


def test_generated_and_identity_columns_are_known_as_such(scratch: Scratch) -> None:
    scratch.secured(
        "t",
        "k int generated always as identity primary key, s serial, n int not null,"
        " twice int generated always as (n * 2) stored, by_me uuid default auth.uid()",
        "using (twice > 2)",
    )
    scratch.run("insert into t (n) values (1), (2)")
    table = scratch.agree("t").table
    assert [(c.name, c.generated, c.identity, c.draws_from_sequence) for c in table.columns] == [
        ("k", False, True, True),
        ("s", False, False, True),
        ("n", False, False, False),
        ("twice", True, False, False),
        ("by_me", False, False, False),
    ]


def test_virtual_columns_are_judged_and_predicted(scratch: Scratch) -> None:
    if int(scratch.database.version.partition(".")[0]) < 18:
        pytest.skip("virtual generated columns came with PostgreSQL 18")
    scratch.secured(
        "t",
        "k int primary key, n int, twice int generated always as (n * 2) virtual",
        "using (twice > 2)",
    )
    scratch.run("insert into t values (1, 1), (2, 2)")
    page = scratch.agree("t")
    assert [seen.row.values["twice"] for seen in page.rows] == ["2", "4"]
    for n, verdict in ((1, "denied"), (3, "allowed")):
        found = scratch.why("t", {"k": "2"}, "update", Wanted({"n": n}), trial=True)
        assert (found.verdict, found.trusted) == (verdict, True)


def test_defaults_are_those_of_the_person(scratch: Scratch) -> None:
    scratch.secured(
        "t",
        "k int primary key, owner_id uuid default auth.uid(), who text default current_user,"
        " at timestamptz default 'infinity', tags text[] default '{a,\"b,c\"}', data jsonb default '{\"a\": [1]}',"
        " raw bytea default '\\x00', price numeric(6,2) default 1.5, c char(4) default 'x'",
        f"with check (owner_id = '{ME}' and who = 'authenticated' and tags[2] = 'b,c' and data @> '{{\"a\": [1]}}'"
        " and at = 'infinity' and raw = '\\x00' and price = 1.5 and c = 'x')",
    )
    found = scratch.why("t", command="insert", wanted=Wanted({"k": 1}), trial=True)
    assert (found.verdict, found.trusted) == ("allowed", True), found.cause
    found = scratch.why("t", command="insert", wanted=Wanted({"k": 1, "owner_id": None}), trial=True)
    assert (found.verdict, found.trusted) == ("denied", True)


def test_a_default_of_a_type_that_is_no_json_is_kept(scratch: Scratch) -> None:
    scratch.run("create extension hstore", "create type pair as (n int, t text)")
    scratch.secured(
        "t",
        "k int primary key, h hstore default 'a=>\"x y\"', p pair default row(1, 'a,b'), r int4range default '[1,3)',"
        " ps pair[] default array[row(2, '\"')::pair]",
        f"with check (h operator({scratch.schema}.->) 'a' = 'x y' and (p).t = 'a,b' and r @> 2 and (ps[1]).t = '\"')",
    )
    found = scratch.why("t", command="insert", wanted=Wanted({"k": 1}), trial=True)
    assert (found.verdict, found.trusted) == ("allowed", True), (found.cause, found.notes)


def test_a_key_is_read_as_it_is_typed(scratch: Scratch) -> None:
    scratch.secured("t", "a int, b boolean, v text, primary key (a, b)", "using (true)")
    scratch.run("insert into t values (1, true, 'x')")
    table = scratch.table("t")
    key = explain.key_of(table, '{"a": 1, "b": true}', {"a": 1, "b": True})
    assert scratch.why("t", key).verdict == "allowed"
    with pytest.raises(explain.NoSuchRow, match="JSON object"):
        explain.key_of(table, "1", None)
    assert SOMEBODY.identity.user_id is not None
