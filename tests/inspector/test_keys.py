"""What names a row: any key that Postgres can have, however its table, its columns and its values are called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.inspector.scratch import Scratch, quote
from webapp.inspector import browse
from webapp.inspector.filters import Filter, Order

# Types of keys, with values that sort, print or compare in a way of their own.
KEYS = {
    "text": (
        "text",
        ["''", "'it''s'", "'100%'", "'%s'", "'%(key0)s'", "'a\"b'", r"'a\b'", "'ünï ☃'", "'{a,b}'", "' '"],
    ),
    "timestamptz": (
        "timestamptz",
        ["'2026-01-01 00:00:00.123456+00'", "'2026-01-01 00:00:00.123457+00'", "'infinity'"],
    ),
    "timestamp3": ("timestamp(3)", ["'2026-01-01 00:00:00.123'", "'2026-01-01 00:00:00.124'"]),
    "numeric": ("numeric(12,2)", ["1.50", "1.51", "-3", "'NaN'"]),
    "bare numeric": ("numeric", ["1.500000000000000000001", "1e30", "-0.1"]),
    "float": ("float8", ["1e308", "'NaN'", "'-Infinity'", "0.1", "0.30000000000000004"]),
    "citext": ("citext", ["'Abc'", "'abd'", "'ABE'"]),
    "uuid": ("uuid", [f"'{n}0000000-0000-4000-8000-000000000000'" for n in (1, 2, 3)]),
    "char": ("char(5)", ["'ab'", "'abc'", "''"]),
    "one char": ('"char"', ["'a'", "'b'"]),
    "varchar": ("varchar(4)", ["'ab'", "'abcd'", "''"]),
    "bytea": ("bytea", [r"'\x00ff00'", r"'\x'", r"'\x5c27'"]),
    "range": ("int4range", ["'[1,5)'", "'empty'", "'(,)'", "'[7,)'"]),
    "multirange": ("int4multirange", ["'{[1,5),[7,9)}'", "'{}'"]),
    "array": ("text[]", ["'{}'", "array['a','b,c']", "array['{', null, 'NULL', '\"']"]),
    "nested array": ("int[]", ["'{{1,2},{3,4}}'", "'{1}'"]),
    "enum": ("mood", ["'sad'", "'it''s ok'", "'%s'"]),
    "domain": ("short_code", ["'AB'", "'CD'"]),
    "rounding domain": ("price", ["1.25", "1.26"]),
    "composite": ("pair", ["row(1, 'a,b')::pair", "row(2, '\"')::pair", "row(null, '')::pair"]),
    "boolean": ("boolean", ["true", "false"]),
    "date": ("date", ["'2026-01-01'", "'infinity'", "'0044-03-15 BC'"]),
    "interval": ("interval", ["'1 mon -3 days 00:00:01.5'", "'-1 year'"]),
    "bits": ("bit(4)", ["'0101'", "'1111'"]),
    "varbits": ("bit varying(8)", ["'0101'", "'1'"]),
    "inet": ("inet", ["'10.0.0.1'", "'10.0.0.0/8'"]),
    "money": ("money", ["1.5", "-2"]),
    "jsonb": ("jsonb", ["'{\"a\": 1}'", "'null'", "'\"x\"'", "'[]'"]),
    "name": ("name", ["'a'", "'b'"]),
}
TYPES = (
    "create type mood as enum ('sad', 'it''s ok', '%s')",
    "create domain short_code as char(2) check (value ~ '^[A-Z]{2}$')",
    "create domain price as numeric(6,2) check (value > 0)",
    "create type pair as (n int, t text)",
)


@pytest.mark.parametrize("kind", KEYS)
def test_a_row_is_named_by_a_key_of_any_type(scratch: Scratch, kind: str) -> None:
    type_, values = KEYS[kind]
    if kind in ("enum", "domain", "rounding domain", "composite"):
        scratch.run(*TYPES)
    if kind == "citext":
        scratch.run("create extension citext")  # its operators are not in the search path, as with Supabase
    scratch.secured("t", f"k {type_} primary key, n int", "using (n % 2 = 0)")
    scratch.run("insert into t values " + ", ".join(f"({value}, {n})" for n, value in enumerate(values)))
    page = scratch.agree("t")
    assert len(page.rows) == len(values)
    assert pages_of(scratch, "t", limit=1) == [seen.row.text for seen in page.rows]


def pages_of(scratch: Scratch, name: str, order: Order | None = None, limit: int = 2) -> list[str]:
    """Return the rows of all pages, as text."""
    return [seen.row.text for seen in scratch.walk(name, browse.View(order=order, limit=limit))]


COLUMNS = [
    "select",
    '"',
    "%s",
    "%(x)s",
    ":name",
    "r",
    "{}",
    "%",
    "ключ",
    "n" * 63,
    "a.b",
    "'",
    "\\",
    "order",
    "k0",
    "A b",
]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_key_is_called_anything(scratch: Scratch, column: str) -> None:
    quoted = quote(column)
    scratch.secured("order", f"{quoted} text primary key, owner_ int", f"using ({quoted} <> 'b' and owner_ = 7)")
    scratch.run("""insert into "order" values ('a', 7), ('b', 7), ('c', 8)""")
    page = scratch.agree("order")
    assert [seen.visible for seen in page.rows] == [True, False, False]
    assert pages_of(scratch, "order", Order(column, descending=True), limit=1)[0] == "(c,8)"
    view = browse.View(filters=(Filter(column, "=", "b"),))
    assert [seen.row.key for seen in scratch.page("order", view).rows] == [{column: "b"}]


@pytest.mark.parametrize("name", ["order", 'weird "table" %', "%s", "r", "k", "t.t", "таблица", "select", "x" * 63])
def test_a_table_and_its_schema_are_called_anything(make_scratch: Callable[..., Scratch], name: str) -> None:
    scratch = make_scratch(f'a "schema" %s.{name[:40]}')
    quoted = quote(name)
    scratch.secured(
        name,
        "k int primary key, " + quote("k " + name[:50]) + " int",
        f"using (exists (select from {quoted} as other where other.k = {quoted}.k and {quoted}.k > 1))",
    )
    scratch.run(f"drop policy p0 on {quoted}", f"create policy p on {quoted} using (k > 1)")
    scratch.run(f"insert into {quoted} values (1, 1), (2, 2)")
    assert [seen.visible for seen in scratch.agree(name).rows] == [False, True]


def test_a_table_and_its_column_have_one_name(scratch: Scratch) -> None:
    scratch.secured("thing", "thing int primary key, r text, r_ int", "using (thing > 1 and r = 'x')")
    scratch.run("insert into thing values (1, 'x', 1), (2, 'x', 1), (3, 'y', 1)")
    assert [seen.visible for seen in scratch.agree("thing").rows] == [False, True, False]


def test_dropped_columns_are_not_there(scratch: Scratch) -> None:
    scratch.secured("t", "gone text, k int primary key, gone_too int, n int", "using (n > 1)")
    scratch.run("alter table t drop gone, drop gone_too", "insert into t values (1, 1), (2, 2)")
    scratch.run("alter table t add added text default 'x'")
    assert [seen.row.text for seen in scratch.agree("t").rows] == ["(1,1,x)", "(2,2,x)"]


def test_a_key_of_three_columns_needs_them_in_no_order(scratch: Scratch) -> None:
    scratch.secured("t", "a text, b int, c timestamptz, v int, primary key (c, a, b)", "using (v = 1)")
    scratch.run("insert into t select 'x' || (n % 2), n % 3, 'epoch', n % 2 from generate_series(1, 6) n")
    page = scratch.agree("t")
    assert page.table.key == ("c", "a", "b")
    assert len(pages_of(scratch, "t")) == 6
    key = page.rows[0].row.key
    assert scratch.why("t", dict(reversed(key.items()))).key == key


def test_without_a_primary_key_a_unique_index_on_columns_that_are_not_null_names_rows(scratch: Scratch) -> None:
    scratch.secured("t", "a int, b text not null, c int not null unique, d int", "using (c > 1)")
    scratch.run("create unique index on t (a)", "create unique index on t (b, c) where c > 0")
    scratch.run("create unique index on t (lower(b))", "insert into t values (1, 'x', 1), (2, 'y', 2)")
    table = scratch.agree("t").table
    assert (table.key, table.key_kind) == (("c",), "unique")


@pytest.mark.parametrize(
    "index",
    ["(a)", "(b) where b > 0", "((b + 1))", "(b, a) include (b)", "(b, a)"],
)
def test_an_index_that_does_not_name_every_row_is_no_key(scratch: Scratch, index: str) -> None:
    scratch.secured("t", "a int, b int not null", "using (b > 1)")
    scratch.run(f"create unique index on t {index}", "insert into t values (1, 1), (2, 2)")
    assert scratch.agree("t").table.key_kind == "place"


def test_a_deferred_key_names_no_row(scratch: Scratch) -> None:
    scratch.secured("t", "a int primary key deferrable", "using (a > 1)")
    scratch.run("insert into t values (1), (2)")
    assert scratch.agree("t").table.key == ()


def test_rows_without_a_key_are_named_by_their_place_with_a_warning(scratch: Scratch) -> None:
    scratch.secured("t", "a int, b text", "using (a > 1)")
    scratch.run("insert into t values (1, 'x'), (2, 'x'), (2, 'x'), (null, null)")
    page = scratch.page("t")
    assert [seen.visible for seen in page.rows] == [False, True, True, False]
    found = scratch.why("t", page.rows[2].row.key)
    assert (found.verdict, found.trusted) == ("allowed", True)
    assert any("ctid" in note for note in found.notes)
    assert len(pages_of(scratch, "t", limit=1)) == 4


def test_a_table_without_columns_has_rows(scratch: Scratch) -> None:
    scratch.secured("t", "", "using (true)")
    scratch.run("insert into t default values", "insert into t default values")
    page = scratch.page("t")
    assert [seen.visible for seen in page.rows] == [True, True]
    assert scratch.why("t", page.rows[0].row.key).trusted


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["v", "k", "w", "tag"])
def test_pages_hold_every_row_once_in_the_order_of_postgres(scratch: Scratch, column: str, descending: bool) -> None:
    scratch.run("create extension citext")
    scratch.secured("t", 'k int primary key, v int, w text collate "C" not null, tag citext', "using (true)")
    scratch.run(
        "insert into t select n, nullif(n % 4, 0), chr(65 + n % 3),"
        " (array['a', 'A', 'b', 'B', null])[1 + n % 5] from generate_series(1, 13) n"
    )
    way = "desc" if descending else "asc"
    expected = [row[0] for row in scratch.all(f"select t::text from t order by {column} {way}, k {way}")]
    for limit in (3, 13, 50):
        assert pages_of(scratch, "t", Order(column, descending), limit) == expected


def test_an_order_by_a_part_of_the_key_is_total(scratch: Scratch) -> None:
    scratch.secured("t", "a int, b int, primary key (a, b)", "using (true)")
    scratch.run("insert into t select n % 3, n from generate_series(1, 9) n")
    expected = [row[0] for row in scratch.all("select t::text from t order by b desc, a desc")]
    assert pages_of(scratch, "t", Order("b", descending=True)) == expected
