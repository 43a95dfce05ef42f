"""Applying: products are made and changed in one transaction, or none is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.blueprints.imports.conftest import Importer
from tests.fixtures.application import ClientFor
from tests.fixtures.database import Database
from tests.fixtures.servers import until
from webapp import rls
from webapp.blueprints.imports import staging, work
from webapp.blueprints.imports.staging import Batch, Key

THREE = "SKU,Name,Price\nNEW-1,Saw,12.80\nT-1,Renamed,1\nNEW-2,Plane,3\n"


def test_products_are_made_and_changed_by_their_skus(importer: Importer) -> None:
    path = importer.applied(
        "SKU;Name;Description;Price;Stock;Status\n"
        'NEW-1;Saw;"two\nlines";1.234,50;7;archived\n'
        "T-1;Renamed;;1,00;0;active\n",
        sku="0", name="1", description="2", price="3", stock="4", is_active="5",
    )  # fmt: skip
    products = importer.products()
    assert products["NEW-1"] == ("Saw", "two\nlines", Decimal("1234.50"), 7, False)
    assert products["T-1"] == ("Renamed", "", Decimal("1.00"), 0, True)
    assert len(products) == 3
    assert importer.done(path) == ["1", "1", "0", "0"]


def test_what_has_no_column_stays_and_a_new_product_begins_as_new_ones_do(importer: Importer) -> None:
    importer.applied(THREE)
    products = importer.products()
    assert products["T-1"] == ("Renamed", "Of steel", Decimal("1.00"), 25, True)
    assert products["NEW-1"] == ("Saw", "", Decimal("12.80"), 0, True)


def test_a_product_that_is_so_already_is_not_written(importer: Importer, database: Database) -> None:
    before = database.snapshot()["public.products"]
    path = importer.applied("SKU,Name,Price\nT-1,Hammer,9.90\n")
    assert importer.done(path) == ["0", "0", "1", "0"]
    assert database.snapshot()["public.products"] == before


def test_an_export_is_imported_again_unchanged(importer: Importer, database: Database) -> None:
    database.sql("update public.products set name = '=1+1', description = E'''-\n\"quoted\", too' where stock = 3")
    file = importer.client.get("/o/tools/products/export.csv").get_data()
    path = importer.upload(file)
    page = importer.page(path)
    chosen = {
        str(select.get("name")): str(option.get("value"))
        for select in page.all("select")
        for option in select.iter("option")
        if option.get("selected") is not None
    }
    importer.client.submit(f"{path}/check", chosen)
    assert importer.figures(path) == ["0", "0", "2", "0"]


def test_with_a_bad_line_all_or_nothing_is_nothing(importer: Importer) -> None:
    path, before = importer.checked(THREE + "NEW-3,,1\n"), importer.products()
    answer = importer.client.submit(f"{path}/apply", {"mode": "all"})
    assert answer.status_code == 422
    assert "One line is bad" in answer.get_data(as_text=True)
    assert importer.products() == before


def test_good_lines_only_leaves_the_bad_ones_out_and_reports_them(importer: Importer) -> None:
    path = importer.applied(THREE + "NEW-3,,1\n", mode="good")
    assert importer.done(path) == ["2", "1", "0", "1"]
    assert importer.faults(path) == [["5", "Name", "—", "There is no name."]]
    assert "NEW-3" not in importer.products()
    assert "NEW-3" not in importer.client.get(f"{path}/report.csv").get_data(as_text=True)


def test_of_a_sku_that_stands_twice_no_line_is_imported(importer: Importer) -> None:
    before = importer.products()
    path = importer.applied("SKU,Name,Price\nT-1,One,1\nNEW-1,One,1\nT-1,Two,2\nNEW-1,Two,2\nT-2,Pins,1\n", mode="good")
    assert importer.done(path) == ["0", "1", "0", "4"]
    assert importer.products()["T-1"] == before["T-1"]
    assert "NEW-1" not in importer.products()


def test_the_file_and_its_lines_are_let_go_of_and_the_report_stays(importer: Importer) -> None:
    importer.applied(THREE + "NEW-3,,1\n", mode="good")
    left = {table: importer.left(f"_{table}") for table in ("chunks", "lines", "errors")}
    assert left == {"chunks": 0, "lines": 0, "errors": 1}


def test_an_import_is_applied_once_and_shows_its_result_ever_after(importer: Importer) -> None:
    path = importer.applied(THREE)
    importer.database.sql("delete from public.products where sku = 'NEW-1'")
    assert importer.client.submit(f"{path}/apply", {"mode": "all"}).status_code == 303
    assert importer.client.submit(f"{path}/check", {"sku": "0", "name": "1"}).status_code == 303
    assert "NEW-1" not in importer.products()
    assert importer.done(path) == ["2", "1", "0", "0"]


def test_sent_twice_at_once_it_is_applied_once(
    importer: Importer, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = importer.checked(THREE)
    other, at_work = client_for(importer.person), threading.Event()
    assert other.token
    answers, applied = [], []
    original = staging.apply

    def slowly(*args: Any) -> Batch | None:
        applied.append(args)
        if not at_work.is_set():
            at_work.set()
            answers.append(other.submit(f"{path}/apply", {"mode": "all"}).status_code)
        return original(*args)

    monkeypatch.setattr(staging, "apply", slowly)
    answers.append(importer.client.submit(f"{path}/apply", {"mode": "all"}).status_code)
    assert answers == [303, 303]
    assert len(applied) == 2  # one batch, and the end
    assert importer.done(path) == ["2", "1", "0", "0"]


def test_before_it_is_checked_nothing_can_be_applied(importer: Importer) -> None:
    path, before = importer.upload(THREE), importer.products()
    importer.client.submit(f"{path}/apply", {"mode": "good"})
    assert (importer.products(), importer.row(path)["status"]) == (before, "uploaded")


def test_a_fault_anywhere_leaves_every_product_as_it_was(
    importer: Importer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault between each two steps: at the first product made, at the last one, and as the outcome is written."""
    path = importer.checked("SKU,Name,Price\nT-1,Renamed,1\n" + "".join(f"N-{n},Saw,1\n" for n in range(25)))
    monkeypatch.setattr(work, "BATCH", 10)
    database.admin_sql(
        "create function public.broken() returns trigger language plpgsql as"
        " $$ begin raise exception 'broken' using errcode = 'P0001'; end $$"
    )
    before = database.snapshot()["public.products"]
    try:
        for table, event, when in (
            ("products", "update", "new.name = 'Renamed'"),
            ("products", "insert", "new.sku = 'N-0'"),
            ("products", "insert", "new.sku = 'N-24'"),
            ("product_import_lines", "delete", "old.line = 2"),
            ("product_import_chunks", "delete", "true"),
            ("product_imports", "update", "new.status = 'done'"),
        ):
            database.admin_sql(
                f"create trigger broken before {event} on public.{table} for each row when ({when})"
                " execute function public.broken()"
            )
            try:
                assert importer.client.submit(f"{path}/apply", {"mode": "all"}).status_code == 500
            finally:
                database.admin_sql(f"drop trigger broken on public.{table}")
            assert database.snapshot()["public.products"] == before, f"{event} of {table}"
            assert (importer.row(path)["status"], importer.row(path)["trouble"]) == ("checked", work.BROKE)
    finally:
        database.admin_sql("drop function public.broken()")
    assert importer.client.submit(f"{path}/apply", {"mode": "all"}).status_code == 303
    assert importer.done(path) == ["25", "1", "0", "0"]


@pytest.mark.parametrize(("mode", "figures"), [("all", None), ("good", ["0", "1", "0", "1"])])
def test_a_sku_that_was_given_up_since_the_check_is_noticed(
    importer: Importer, database: Database, mode: str, figures: list[str] | None
) -> None:
    path = importer.checked("SKU,Stock\nT-1,7\nT-2,7\n", sku="0", stock="1")
    database.sql("update public.products set sku = 'ANOTHER' where sku = 'T-1'")
    before = database.snapshot()["public.products"]
    importer.client.submit(f"{path}/apply", {"mode": mode})
    if figures is None:
        page = importer.page(path)
        assert "somebody has given products of this file other SKUs" in page.text(page.root)
        assert database.snapshot()["public.products"] == before
    else:
        assert importer.done(path) == figures
        assert "T-1" not in importer.products()


def test_one_import_at_a_time_is_applied_in_an_organisation(importer: Importer, database: Database) -> None:
    path, before = importer.checked(THREE), importer.products()
    key = (str(importer.org.id),)
    database.admin_sql("select pg_advisory_lock(hashtext('product_imports'), hashtext(%s))", key)
    try:
        importer.client.submit(f"{path}/apply", {"mode": "all"})
    finally:
        database.admin_sql("select pg_advisory_unlock(hashtext('product_imports'), hashtext(%s))", key)
    assert (importer.row(path)["trouble"], importer.products()) == (work.ANOTHER, before)
    importer.client.submit(f"{path}/apply", {"mode": "all"})
    assert importer.done(path) == ["2", "1", "0", "0"]


def test_who_has_fallen_silent_and_lost_the_work_changes_nothing(
    importer: Importer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before = importer.checked(THREE), importer.products()
    original = staging.apply

    def then_lose(session: Any, key: Key, after: int, size: int) -> Batch | None:
        database.sql("update public.product_imports set run = gen_random_uuid() where id = %s", (key.import_id,))
        return original(session, key, after, size)

    monkeypatch.setattr(staging, "apply", then_lose)
    assert importer.client.submit(f"{path}/apply", {"mode": "all"}).status_code == 303
    assert importer.products() == before
    assert importer.row(path)["status"] == "applying"


def test_a_product_that_somebody_holds_for_too_long_stops_it_whole(
    importer: Importer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LIMITS", rls.Limits(lock=200))
    path, before = importer.checked(THREE), importer.products()
    with database.postgres.connect(database.name) as other, other.transaction():
        other.execute("select 1 from public.products where sku = 'T-1' for update")
        assert importer.client.submit(f"{path}/apply", {"mode": "all"}).status_code == 303
    assert (importer.row(path)["trouble"], importer.products()) == (work.AT_ONCE, before)


def test_products_are_locked_in_one_order_whatever_that_of_the_lines(
    importer: Importer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an import and a change of many would each hold what the other waits for."""
    monkeypatch.setattr(work, "BATCH", 1)
    path = importer.checked("SKU,Name,Price\nT-2,Pins,1\nT-1,Mallet,1\n")
    assert importer.client.token
    with (
        ThreadPoolExecutor(1) as sender,
        database.postgres.connect(database.name) as other,
        other.transaction(force_rollback=True),
    ):
        lock = "select 1 from public.products where sku = %s for update"
        other.execute(lock, ("T-1",))
        sent = sender.submit(importer.client.submit, f"{path}/apply", {"mode": "all"})
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        until(lambda: bool(database.admin_sql(waiting)), "the import to wait")
        other.execute("set local lock_timeout = '2s'")
        other.execute(lock, ("T-2",))
    assert sent.result(15).status_code == 303
    assert (importer.row(path)["status"], importer.row(path)["changed"]) == ("done", 2)


def test_what_it_did_stands_in_the_audit_trail(importer: Importer, database: Database) -> None:
    path = importer.applied(THREE)
    rows = database.sql(
        "select action::text, user_id, new_data ->> 'made' from public.audit_log"
        " where org_id = %s and table_name = 'product_imports' and record_id = %s order by at",
        (importer.org.id, path.rpartition("/")[2]),
    )
    assert rows == [("insert", importer.person.id, None), ("update", importer.person.id, "2")]
