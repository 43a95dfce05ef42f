"""The file of a product list: what stands in it, whose it is, and how it ends when something goes wrong."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from tests.factories import Factories
from tests.fixtures.application import Client, ClientFor, MakeApp
from tests.fixtures.database import Database
from tests.fixtures.live import MakeLive, calling
from tests.fixtures.servers import until
from tests.fixtures.world import World, build
from webapp.web import streaming

FILE = "/o/acme/products/export.csv"
HEADER = ["SKU", "Name", "Description", "Price", "Currency", "Stock", "Status", "Created", "Changed"]


def rows(client: Client, query: str = "") -> list[list[str]]:
    """Return the rows of the file, its header among them."""
    response = client.get(FILE + query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return list(csv.reader(io.StringIO(response.get_data().decode("utf-8-sig"))))


def running(database: Database) -> list[str]:
    """Return the beginnings of what the web login has under way: one transaction for each export, and no other."""
    query = "select left(query, 6) from pg_stat_activity where usename = 'rowhouse_web' and xact_start is not null"
    return [str(row[0]) for row in database.admin_sql(query)]


def test_the_file_holds_every_product_with_its_columns(world: World, client_for: ClientFor) -> None:
    header, *found = rows(client_for(world.acme.viewer), "?sort=sku")
    assert header == HEADER
    assert [row[0] for row in found] == ["ACME-ONLY-1", "ACME-ONLY-2", "ACME-ONLY-3"]
    assert found[2][1:7] == ["ACME-ONLY ladder", "ACME-ONLY ash", "9.90", "EUR", "0", "archived"]
    assert all(datetime.fromisoformat(row[8]).tzinfo == UTC for row in found)


def test_it_is_a_download_that_nobody_keeps(world: World, client_for: ClientFor) -> None:
    response = client_for(world.acme.viewer).get(FILE)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="acme-products-{datetime.now(UTC):%Y-%m-%d}.csv"'
    )
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_data().startswith(b"\xef\xbb\xbfSKU,Name,")


def test_the_list_narrows_and_orders_the_file(world: World, client_for: ClientFor, factories: Factories) -> None:
    for number in range(60):
        factories.product(world.acme.org, f"Bolt {number:02}", price=number)
    client = client_for(world.acme.viewer)
    found = rows(client, "?q=bolt&min=10&max=58.00&sort=-price&after=never-made-here")[1:]
    assert [row[1] for row in found] == [f"Bolt {number:02}" for number in range(58, 9, -1)]
    assert rows(client, "?show=archived")[1:] == rows(client, "?q=ladder")[1:]
    assert rows(client, "?q=zzz") == [HEADER]


def test_cells_are_safe_in_a_spreadsheet_and_quotes_and_line_ends_survive(
    world: World, client_for: ClientFor, factories: Factories
) -> None:
    named = '=HYPERLINK("http://evil.example";"x")'
    factories.product(world.acme.org, named, sku="-1", description='two\nlines, "quoted" % :x %s', price="1234567.5")
    found = rows(client_for(world.acme.viewer), "?q=hyperlink")[1]
    assert found[:4] == ["'-1", f"'{named}", 'two\nlines, "quoted" % :x %s', "1234567.50"]


def test_a_search_for_quotes_and_percent_signs_is_no_sql(world: World, client_for: ClientFor) -> None:
    assert rows(client_for(world.acme.viewer), "?q=%27%29+to+stdout%3B--+%25s&min=1") == [HEADER]


def test_nobody_outside_gets_a_row(world: World, client_for: ClientFor, client: Client) -> None:
    assert client.get(FILE).status_code == 303
    for person in (world.globex.owner, world.stranger, world.removed):
        response = client_for(person).get(FILE)
        assert response.status_code == 404
        assert world.acme.marker not in response.get_data(as_text=True)
    assert world.globex.marker not in str(rows(client_for(world.both)))


def test_a_head_request_reads_nothing(world: World, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_for(world.acme.viewer)
    monkeypatch.delattr(streaming, "CopyStream")
    response = client.head(FILE)
    assert response.status_code == 200
    assert "attachment" in response.headers["Content-Disposition"]


def test_what_fails_before_the_first_row_is_an_error_page(
    spare_database: Callable[[], Database], make_app: MakeApp
) -> None:
    spare = spare_database()
    world = build(Factories(spare.owner))
    client = make_app(spare).test_client()
    assert isinstance(client, Client)
    client.sign_in(world.acme.owner)
    spare.sql("revoke select on products from authenticated")
    for _ in range(2 * streaming.MOST):  # each gives its place back
        response = client.get(FILE)
        assert response.status_code == 403
        assert response.mimetype == "text/html"


def test_a_request_holds_one_of_the_poolers_servers_and_not_two(
    world: World, client_for: ClientFor, database: Database
) -> None:
    client = client_for(world.acme.viewer)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(client.get(FILE).status_code))
    with database.owner().transaction():
        database.owner().execute("lock table products in access exclusive mode")
        asking.start()
        until(lambda: "copy (" in running(database), "the export to wait")
        assert running(database) == ["copy ("]
    asking.join()
    assert answers == [200]


def test_too_many_at_once_are_told_to_wait(world: World, client_for: ClientFor) -> None:
    client = client_for(world.acme.viewer)
    held = [streaming._free.acquire(blocking=False) for _ in range(streaming.MOST)]
    try:
        response = client.get(FILE)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == str(streaming.RETRY_AFTER)
        assert "Several exports are under way" in response.get_data(as_text=True)
    finally:
        for _ in held:
            streaming._free.release()
    for _ in range(2 * streaming.MOST):  # each gives its place back
        assert rows(client)[0] == HEADER


def many(database: Database, world: World) -> None:
    """Make 80 MB of products: more than all sockets between Postgres and a client hold."""
    database.sql(
        "insert into products (org_id, name, sku, price, description)"
        " select %s, 'Many ' || n, 'MANY-' || n, 1, repeat('x', 10000) from generate_series(1, 8000) n",
        (world.acme.org.id,),
    )


def test_a_client_that_goes_away_ends_the_query_and_one_that_stays_gets_it_all(
    world: World, database: Database, make_live: MakeLive
) -> None:
    many(database, world)
    live = make_live(workers=1)
    with calling(live.url, world.acme.viewer) as caller:
        for _ in range(streaming.MOST + 1):
            with caller.http.stream("GET", FILE) as response:
                assert response.status_code == 200
                pieces = response.iter_raw()  # kept: without it httpx closes the connection
                assert next(pieces).startswith(b"\xef\xbb\xbfSKU")
                assert running(database) == ["copy ("]
            until(lambda: running(database) == [], "the export to end")
        with caller.http.stream("GET", FILE) as response:
            assert sum(len(piece) for piece in response.iter_bytes()) > 80_000_000


def test_a_file_that_breaks_off_is_not_taken_for_the_whole(
    world: World, database: Database, make_live: MakeLive
) -> None:
    many(database, world)
    live = make_live(workers=1)
    with calling(live.url, world.acme.viewer) as caller, caller.http.stream("GET", FILE) as response:
        pieces = response.iter_raw()
        next(pieces)
        database.admin_sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy (%'")
        with pytest.raises(httpx.TransportError):
            list(pieces)
