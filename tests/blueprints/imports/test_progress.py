"""What a page shows while an import is at work, and when that work has ended without a word."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.blueprints.imports.conftest import COLUMNS, START, Importer
from tests.fixtures.database import Database
from tests.fixtures.live import MakeLive, calling
from tests.fixtures.pages import parse
from tests.fixtures.servers import until
from webapp.blueprints.imports import work

HEADER = "SKU,Name,Price\n"
FILE = HEADER + "".join(f"P-{number},Saw {number},1\n" for number in range(50))
MANY = HEADER + "".join(f"P-{number},Saw {number},1\n" for number in range(2_500))  # more than one batch
HTMX = {"HX-Request": "true", "HX-Target": "div#import-progress"}

_WAITING = (
    "select 1 from pg_stat_activity"
    " where wait_event_type = 'Lock' and query like '%insert into public.products%' and datname = current_database()"
)


def at_work(database: Database, path: str, status: str, seconds: int) -> None:
    """Have an import be at work since it was last heard of ``seconds`` ago."""
    database.sql(
        "update public.product_imports set status = %s, run = gen_random_uuid(), progress = 12,"
        " heartbeat = now() - %s * interval '1 second' where id = %s",
        (status, seconds, path.rpartition("/")[2]),
    )


@pytest.mark.parametrize(("status", "word"), [("checking", "Checked"), ("applying", "Imported")])
def test_the_progress_is_shown_and_asked_for_again(
    importer: Importer, database: Database, status: str, word: str
) -> None:
    path = importer.checked(FILE)
    at_work(database, path, status, 3)
    page = importer.page(path)
    assert re.search(rf"{word} 12 of (about )?50 lines", page.text(page.root))
    assert not any(form.get("id") == "import-work" for form in page.all("form"))
    fragment = importer.client.get(f"{path}/status?before=-", headers=HTMX)
    assert f"{word} 12" in fragment.get_data(as_text=True)
    assert "every 1s" in fragment.get_data(as_text=True)


def test_the_progress_is_written_while_the_work_goes_on(
    importer: Importer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BEAT", 0.0)
    monkeypatch.setattr(work, "BATCH", 20)
    path = importer.upload(FILE)
    seen: list[int] = []
    original = work.Job.tell

    def tell(job: work.Job, progress: int) -> None:
        original(job, progress)
        seen.append(importer.row(path)["progress"])

    monkeypatch.setattr(work.Job, "tell", tell)
    importer.client.submit(f"{path}/check", COLUMNS)
    importer.client.submit(f"{path}/apply", {"mode": "all"})
    assert seen[:3] == [20, 40, 50]
    assert seen[-3:] == [20, 40, 50]


def test_when_it_has_ended_the_fragment_leads_to_the_page(importer: Importer) -> None:
    path = importer.checked(FILE)
    answer = importer.client.get(f"{path}/status?before=-", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, path)


def test_before_it_has_begun_the_fragment_waits(importer: Importer, database: Database) -> None:
    path = importer.checked(FILE)
    (before,) = database.sql("select run from public.product_imports where id = %s", (path.rpartition("/")[2],))[0]
    answer = importer.client.get(f"{path}/status?before={before}", headers=HTMX)
    assert answer.status_code == 200
    assert "Beginning" in answer.get_data(as_text=True)


def test_without_a_script_the_status_is_the_page(importer: Importer) -> None:
    path = importer.upload(FILE)
    answer = importer.client.get(f"{path}/status")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)


@pytest.mark.parametrize(("status", "next_step"), [("checking", "check"), ("applying", "apply")])
def test_what_has_fallen_silent_was_interrupted_and_can_be_begun_again(
    importer: Importer, database: Database, status: str, next_step: str
) -> None:
    path = importer.checked(FILE)
    at_work(database, path, status, 16)
    page = importer.page(path)
    assert "It was interrupted, and nothing was changed." in page.text(page.root)
    (form,) = [form for form in page.all("form") if form.get("id") == "import-work"]
    assert form.get("action") == f"{path}/{next_step}"
    importer.client.submit(f"{path}/{next_step}", {**COLUMNS, "mode": "all"})
    assert importer.row(path)["status"] == {"check": "checked", "apply": "done"}[next_step]


@pytest.mark.parametrize("deed", ["check", "apply", "read", "discard"])
def test_while_it_is_at_work_nothing_else_is_begun(importer: Importer, database: Database, deed: str) -> None:
    path = importer.checked(FILE)
    at_work(database, path, "applying", 3)
    before = importer.row(path)
    importer.client.submit(f"{path}/{deed}", {**COLUMNS, "mode": "all", "delimiter": ",", "encoding": "utf-8"})
    assert importer.row(path) == before


def test_a_worker_that_is_killed_in_the_middle_leaves_everything_as_it_was(
    importer: Importer, database: Database, make_live: MakeLive
) -> None:
    live = make_live(workers=1, threads=4)
    with calling(live.url, importer.person) as caller, ThreadPoolExecutor(1) as sender:
        token = parse(caller.get(START).text).token() or ""
        files = {"file": ("x.csv", MANY.encode())}
        path = caller.http.post(START, data={"csrf_token": token}, files=files).headers["Location"]
        assert caller.submit(f"{path}/check", COLUMNS).status_code == 303
        before = database.snapshot()["public.products"]
        with database.postgres.connect(database.name) as other, other.transaction(force_rollback=True):
            # The first batches are done, and the last one has to wait: another makes a product of the same SKU.
            other.execute(
                "insert into public.products (org_id, name, sku, price) values (%s, 'x', 'P-2400', 1)",
                (importer.org.id,),
            )
            (worker,) = live.workers()
            sent = sender.submit(caller.submit, f"{path}/apply", {"mode": "all"})
            until(lambda: bool(database.admin_sql(_WAITING)), "the last batch to wait")
            assert database.sql("select count(*) from public.products where sku like 'P-%'") == [(0,)]
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                sent.result(15)
        until(lambda: not database.admin_sql(_WAITING), "the server to notice")
        assert database.snapshot()["public.products"] == before
        database.sql("update public.product_imports set heartbeat = heartbeat - interval '15 seconds'")
        until(lambda: live.workers() not in (set(), {worker}), "another worker")
        until(lambda: "It was interrupted, and nothing was changed." in caller.get(path).text, "the page to say so")
        assert caller.submit(f"{path}/apply", {"mode": "all"}).status_code == 303
    assert database.sql("select count(*) from public.products where sku like 'P-%'") == [(2_500,)]
