"""Views, partitions, children, foreign tables: what is no plain table is read as far as that is honest."""

from __future__ import annotations

import pytest

from tests.inspector.scratch import ANON, ME, SOMEBODY, Scratch
from webapp.inspector import browse, catalog, explain, oracle
from webapp.inspector.filters import Order


def base(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, n int, owner_id uuid", "for select to authenticated using (n > 1)")
    scratch.run(f"insert into t values (1, 1, '{ME}'), (2, 2, '{ME}'), (3, 3, null)")


@pytest.mark.parametrize(
    ("view", "visible"),
    [
        ("create view v as select k, n from t", [True, True, True]),
        ("create view v with (security_invoker = on) as select k, n from t", [False, True, True]),
        ("create view v with (security_invoker) as select * from (select * from t) x", [False, True, True]),
        (
            "create view w with (security_invoker) as table t; create view v as table w",
            [False, True, True],
        ),
        ("create view v with (security_invoker, security_barrier) as select k, 'a' as a from t", [False, True, True]),
    ],
)
def test_a_view_has_the_answer_of_postgres_and_is_not_trusted(scratch: Scratch, view: str, visible: list[bool]) -> None:
    base(scratch)
    scratch.run(*view.split("; "))
    page = scratch.agree("v", trusted=False)
    assert sorted(seen.visible for seen in page.rows) == visible
    assert page.table.kind == "view"


def test_a_view_whose_rows_are_alike_is_shown_and_explained(scratch: Scratch) -> None:
    base(scratch)
    scratch.run("create view v with (security_invoker) as select 'x' as a from t")
    page = scratch.page("v")
    assert [seen.visible for seen in page.rows] == [True, True, True]  # alike, so that none is told from another
    assert scratch.why("v", page.rows[0].row.key).verdict == "allowed"


def test_a_view_that_asks_who_looks_shows_what_the_person_sees(scratch: Scratch) -> None:
    base(scratch)
    scratch.run("create view v as select k, owner_id from t where owner_id = auth.uid()")
    page = scratch.page("v", browse.View(which="visible"))
    assert [seen.row.values["k"] for seen in page.rows] == ["1", "2"]
    assert scratch.why("v", page.rows[0].row.key).verdict == "allowed"


def test_a_view_that_raises_for_who_sees_all_has_no_count(scratch: Scratch) -> None:
    scratch.run("create view v as select 1 as a where 1 / (case when auth.uid() is null then 0 else 1 end) = 1")
    count = oracle.count(scratch.desk, SOMEBODY.identity, scratch.table("v"))
    assert (count.total, count.visible) == (None, 1)


def test_pages_of_a_view_are_in_the_order_that_was_asked(scratch: Scratch) -> None:
    scratch.run("create view v as select n % 3 as a, n as b from generate_series(1, 7) n")
    found = scratch.walk("v", browse.View(order=Order("b", descending=True), limit=3))
    assert [seen.row.values["b"] for seen in found] == ["7", "6", "5", "4", "3", "2", "1"]


def test_a_materialised_view_has_no_row_security(scratch: Scratch) -> None:
    base(scratch)
    scratch.run("create materialized view m as select k, n from t")
    page = scratch.agree("m")
    assert [seen.visible for seen in page.rows] == [True] * 3
    assert page.table.key_kind == "place"
    scratch.run("create unique index on m (k)")
    assert scratch.agree("m").table.key_kind == "place"  # its columns may be NULL, for all that the catalog says


def test_a_foreign_table_is_read_like_a_table_without_a_key(scratch: Scratch) -> None:
    scratch.run(
        "create extension file_fdw",
        "create server files foreign data wrapper file_fdw",
        "create foreign table f (a text, b text) server files"
        r" options (program $$printf 'x,1\ny,2\n'$$, format 'csv')",
    )
    scratch.run("grant usage on foreign server files to service_role, authenticated")
    page = scratch.page("f")
    assert [(seen.row.values["a"], seen.visible) for seen in page.rows] == [("x", True), ("y", True)]
    assert page.table.kind == "foreign"


@pytest.mark.parametrize("key", ["", ", primary key (k, n)"])
def test_a_partitioned_table_has_its_own_policies_and_a_partition_its_own(scratch: Scratch, key: str) -> None:
    scratch.run(
        f"create table pt (k int, n int{key}) partition by list (n)",
        "create table p1 partition of pt for values in (1)",
        "create table p2 (n int not null, k int not null)",
        "alter table pt attach partition p2 for values in (2)",
        "alter table pt enable row level security",
        "create policy a on pt using (k > 1)",
        "alter table p1 enable row level security",
        "create policy b on p1 using (k = 1)",
        "insert into pt values (1, 1), (2, 1), (1, 2), (2, 2)",
    )
    page = scratch.agree("pt")
    assert page.table.kind == "partitioned"
    assert sorted((s.row.values["k"], s.row.values["n"]) for s in page.rows if s.visible) == [("2", "1"), ("2", "2")]
    assert [seen.row.values["k"] for seen in scratch.agree("p1").rows if seen.visible] == ["1"]
    assert len([seen for seen in scratch.agree("p2").rows if seen.visible]) == 2
    found = []
    place = scratch.page("pt", browse.View(limit=1))
    while place.after:
        found.append(place.rows[0].row.text)
        place = scratch.page("pt", browse.View(limit=1, after=place.after))
    assert len({*found, place.rows[0].row.text}) == 4


def test_children_are_rows_of_the_parent_by_the_parents_policies(scratch: Scratch) -> None:
    scratch.secured("parent", "k int primary key, n int", "using (n > 1)")
    scratch.run(
        "create table child (more text) inherits (parent)",
        "alter table child enable row level security",
        "create policy c on child using (more = 'x')",
        "insert into parent values (1, 1), (2, 2)",
        "insert into child values (1, 5, 'x'), (1, 1, 'y'), (2, 2, null)",
    )
    page = scratch.page("parent")
    assert len(page.rows) == 5
    assert sorted((s.row.values["k"], s.row.values["n"], s.visible) for s in page.rows) == [
        ("1", "1", False),
        ("1", "1", False),
        ("1", "5", True),
        ("2", "2", True),
        ("2", "2", True),
    ]
    for seen in page.rows:
        assert set(seen.row.key) == {"tableoid", "ctid"}
        found = scratch.why("parent", seen.row.key)
        assert ((found.verdict == "allowed"), found.trusted) == (seen.visible, True)
    assert [seen.row.values["more"] for seen in scratch.agree("child").rows if seen.visible] == ["x"]


def test_an_unlogged_table_is_a_table(scratch: Scratch) -> None:
    base(scratch)
    scratch.run("alter table t set unlogged")
    assert [seen.visible for seen in scratch.agree("t").rows] == [False, True, True]


def test_the_list_has_everything_and_what_the_role_may_read(scratch: Scratch) -> None:
    base(scratch)
    scratch.run(
        "create view v as select 1 as a",
        "create materialized view m as select 1 as a",
        'create table "a %s" (n int) partition by list (n)',
        'create table "a %s 1" partition of "a %s" for values in (1)',
        "create sequence s",
        "revoke all on t from anon",
        "grant select (k) on t to anon",
        "revoke all on v from anon",
    )
    with scratch.desk.look(ANON.identity) as look:
        entries = {e.name: e for e in catalog.tables(look.any_eye, "anon") if e.schema == scratch.schema}
    assert {name: (e.kind, e.may_select, e.is_partition, e.policies) for name, e in entries.items()} == {
        "t": ("table", True, False, 1),
        "v": ("view", False, False, 0),
        "m": ("matview", True, False, 0),
        "a %s": ("partitioned", True, False, 0),
        "a %s 1": ("table", True, True, 0),
    }
    counts = oracle.counts(scratch.desk, ANON.identity, list(entries.values()))
    assert {name: (counts[e.oid].total, counts[e.oid].visible) for name, e in entries.items()} == {
        "t": (3, 0),
        "v": (1, 0),
        "m": (1, 1),
        "a %s": (0, 0),
        "a %s 1": (0, 0),
    }


def test_a_table_that_only_the_person_may_read_is_said_to_be_unreadable(scratch: Scratch) -> None:
    base(scratch)
    scratch.run("revoke all on t from service_role")
    with pytest.raises(explain.NoSuchRow, match="cannot be read"):
        scratch.why("t", {"k": "1"})
    count = oracle.count(scratch.desk, SOMEBODY.identity, scratch.table("t"))
    assert count.visible == 2
