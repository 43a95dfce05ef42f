"""Pages of rows: every one once, forwards and backwards, whichever are asked for, and honest where they are cut."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.inspector.scratch import ANON, SOMEBODY, Scratch
from webapp.inspector import as_json, browse, catalog, oracle, reasons
from webapp.inspector.browse import Page, View, Which
from webapp.inspector.filters import BadFilter, Filter, Order

COUNT = 17


@pytest.fixture
def t(scratch: Scratch) -> Scratch:
    scratch.secured("t", "k int primary key, n int, v text", "to authenticated using (n = 1)", "to anon using (n <> 0)")
    scratch.run(f"insert into t select k, k % 3, nullif(k % 5, 0) from generate_series(1, {COUNT}) k")
    return scratch


def compared(scratch: Scratch, view: View) -> Page:
    """Return a page with two people's sights."""
    with scratch.desk.look(SOMEBODY.identity, ANON.identity) as look:
        tables = [catalog.table(look.any_eye, scratch.schema, "t", one.identity.role) for one in (SOMEBODY, ANON)]
        return browse.browse(scratch.desk, look, tables[0], tables[1:], view)


WANTED = {
    "all": "true",
    "visible": "n = 1",
    "hidden": "n <> 1",
    "differ": "n = 2",
    "first": "false",
    "second": "n = 2",
}


@pytest.mark.parametrize("which", get_args(Which))
def test_which_rows_are_shown_is_which_are_asked_for(t: Scratch, which: Which) -> None:
    for order, by in ((None, "k"), (Order("v", descending=True), "v desc, k desc"), (Order("n"), "n, k")):
        expected = [str(row[0]) for row in t.all(f"select k from t where {WANTED[which]} order by {by}")]
        found = t.walk("t", View(which=which, order=order, limit=4), SOMEBODY, ANON)
        assert [seen.row.key["k"] for seen in found] == expected


def test_a_page_that_would_take_too_many_rows_is_cut_and_goes_on(t: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "MOST_READ", 6)
    found: list[str | None] = []
    page = compared(t, View(which="first", limit=2))
    assert (page.rows, page.cut) == ((), True)
    page = compared(t, View(which="visible", limit=3))
    for _ in range(40):
        found += [seen.row.key["k"] for seen in page.rows]
        assert page.looked_at < 12
        if page.after is None:
            break
        page = compared(t, View(which="visible", limit=3, after=page.after))
    assert found == [str(k) for k in range(1, COUNT + 1) if k % 3 == 1]
    backwards: list[str | None] = []
    for _ in range(40):
        if page.before is None:
            break
        page = compared(t, View(which="visible", limit=3, before=page.before))
        backwards = [*(seen.row.key["k"] for seen in page.rows), *backwards]
    assert backwards == found[: len(backwards)]
    assert len(backwards) >= len(found) - 3


def test_a_page_begins_where_a_deleted_row_was(t: Scratch) -> None:
    page = t.page("t", View(limit=5))
    t.run("delete from t where k = 5")
    assert [seen.row.key["k"] for seen in t.page("t", View(limit=2, after=page.after)).rows] == ["6", "7"]


@pytest.mark.parametrize("place", [("x",), (), ("1", "2"), (None,), ("99999999999999999999",)])
def test_a_place_that_is_none_is_refused_or_empty(t: Scratch, place: tuple[str | None, ...]) -> None:
    for view in (View(after=place), View(before=place)):
        try:
            assert t.page("t", view).rows == () or place == (None,)
        except BadFilter:
            continue


def test_filters_narrow_and_are_counted(t: Scratch) -> None:
    for filters, where in (
        ((Filter("n", ">=", "1"), Filter("v", "is not null")), "n >= 1 and v is not null"),
        ((Filter("v", "is null"),), "v is null"),
        ((Filter("v", "!=", "3"),), "v <> '3'"),
        ((Filter("k", "~", "1"),), "k::text like '%1%'"),
        ((Filter("v", "~", "%"),), "false"),
    ):
        expected = [str(row[0]) for row in t.all(f"select k from t where {where} order by k")]
        assert [seen.row.key["k"] for seen in t.page("t", View(filters=filters)).rows] == expected
        count = oracle.count(t.desk, SOMEBODY.identity, t.table("t"), filters)
        visible = t.all(f"select count(*) from t where {where} and n = 1")[0][0]
        assert (count.total, count.visible) == (len(expected), visible)


def test_more_filters_than_allowed_are_refused(t: Scratch) -> None:
    with pytest.raises(BadFilter, match="more than"):
        t.page("t", View(filters=(Filter("k", "=", "1"),) * 11))


def test_counting_stops_at_ten_thousand(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (k > 5)")
    scratch.run("insert into t select generate_series(1, 10002)", "analyze t")
    count = oracle.count(scratch.desk, SOMEBODY.identity, scratch.table("t"))
    assert (count.total, count.is_more, count.visible, count.is_more_visible) == (10_000, True, 9_997, False)
    assert count.estimate == 10_002


def test_rows_that_the_service_role_may_not_read_are_not_counted_as_none(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (true)")
    scratch.run("insert into t values (1)", "revoke select on t from authenticated, service_role")
    count = oracle.count(scratch.desk, SOMEBODY.identity, scratch.table("t"))
    assert (count.total, count.visible) == (None, 0)


def test_a_foreign_key_is_told_by_what_people_call_its_row(scratch: Scratch) -> None:
    scratch.run('create table "o %s" (id int primary key, name text)', """insert into "o %s" values (7, 'Seven')""")
    scratch.secured("t", 'k int primary key, o_id int references "o %s"', "using (o_id = 8)")
    scratch.run("insert into t values (1, 7), (2, null)")
    page = scratch.page("t")
    assert page.names == {"o_id": {"7": "Seven"}}
    assert as_json.page(page)["rows"][0]["key"] == {"k": "1"}
    assert "Seven" in scratch.why("t", {"k": "1"}).cause


def test_a_table_without_rows_is_a_page_without_rows(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (true)")
    page = scratch.page("t")
    assert (page.rows, page.after, page.before, page.cut) == ((), None, None, False)


def test_a_row_that_is_too_large_is_shown_as_postgres_does_and_judged_by_itself(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, body text", "using (k <> 2)")
    scratch.run(
        "insert into t select n, case when n = 3 then 'short' else repeat('x', 300000) end from generate_series(1, 3) n"
    )
    rows = scratch.page("t").rows
    assert [(seen.visible, seen.sights[0].trusted) for seen in rows] == [(True, False), (False, False), (True, True)]
    assert {seen.sights[0].reason for seen in rows[:2]} == {reasons.TOO_LARGE}
    assert max(len(seen.row.text) for seen in rows) < 1_000
    found = scratch.why("t", {"k": "2"})
    assert (found.verdict, found.trusted) == ("denied", True)
