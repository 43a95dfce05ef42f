"""Uploading a file: what is kept, what is refused, and how large it may be."""

from __future__ import annotations

from io import BytesIO, RawIOBase

import pytest

from tests.blueprints.imports.conftest import START, Importer
from tests.blueprints.imports.test_files import zipped
from tests.factories import Factories, Person
from tests.fixtures.application import Client, MakeApp
from tests.fixtures.database import Database
from webapp.blueprints.imports import files

GOOD = "SKU,Name,Price\nA-1,Saw,12.80\n"


def test_a_file_is_kept_whole_in_the_database(
    importer: Importer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE", 1_000)
    file = ("SKU,Name,Price\n" + "".join(f"A-{number},Sägeblatt {number},1\n" for number in range(100))).encode()
    path = importer.upload(file)
    pieces = database.sql(
        "select piece from public.product_import_chunks where import_id = %s order by position",
        (path.rpartition("/")[2],),
    )
    assert len(pieces) > 2
    assert b"".join(piece for (piece,) in pieces) == file


def test_the_page_shows_how_the_file_begins_and_what_its_columns_seem_to_be(importer: Importer) -> None:
    page = importer.page(importer.upload("Artikelnummer;Bezeichnung;Preis;Farbe\nA-1;Säge;12,80;rot\n"))
    chosen = {
        select.get("name"): page.text(option)
        for select in page.all("select")
        for option in select.iter("option")
        if option.get("selected") is not None
    }
    assert chosen["sku"] == "Artikelnummer (A-1)"
    assert chosen["name"] == "Bezeichnung (Säge)"
    assert chosen["price"] == "Preis (12,80)"
    assert chosen["stock"] == "Not in the file"
    assert chosen["delimiter"] == "Semicolon"
    assert "rot" in [page.text(cell) for cell in page.all("td")]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "The file is empty."),
        (b" \n\n", "There is no text in the file."),
        (b"SKU,Name,Price\n", "nothing below it"),
        (b"SKU\nA-1\n", "Only one column was found, “SKU”"),
        (zipped("[Content_Types].xml"), "This is an Excel workbook"),
        (b"SKU,Name\n1,a\0\n", "NUL bytes"),
        (b'SKU,Name\n1,"a\n', "A quote that opens on line 2 is not closed"),
        (b"SKU,Name\n1,\x81\n", "means nothing in WINDOWS-1252"),
    ],
)
def test_what_can_not_be_read_is_refused_and_nothing_of_it_is_kept(importer: Importer, file: bytes, said: str) -> None:
    assert said in importer.refused(file)
    assert importer.left("s") == 0


def test_a_form_without_a_file_is_refused(importer: Importer) -> None:
    answer = importer.client.submit(START, {})
    assert answer.status_code == 422
    assert "Choose a file." in answer.get_data(as_text=True)


def test_the_name_of_a_file_is_shown_and_never_markup(importer: Importer) -> None:
    path = importer.upload(GOOD, name="<b>x</b> \u2028.csv")
    assert importer.page(path).text(importer.page(path).first("h1")) == "Import of <b>x</b> .csv"


def test_the_next_upload_removes_what_was_left_unfinished(importer: Importer) -> None:
    first, done = importer.upload(GOOD), importer.applied(GOOD)
    second = importer.upload(GOOD)
    assert importer.client.get(first).status_code == 404
    assert importer.client.get(done).status_code == importer.client.get(second).status_code == 200
    assert importer.left("_chunks") == 1


def test_the_next_upload_waits_for_an_import_that_is_at_work(importer: Importer, database: Database) -> None:
    path = importer.upload(GOOD)
    database.sql(
        "update public.product_imports set status = 'checking', heartbeat = now(), run = gen_random_uuid()"
        " where id = %s",
        (path.rpartition("/")[2],),
    )
    answer = importer.send(GOOD)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert importer.left("s") == 1


def test_a_colleagues_upload_is_left_alone(importer: Importer, factories: Factories) -> None:
    colleague = factories.person()
    factories.membership(importer.org, colleague)
    theirs = factories.upload(importer.org, colleague, GOOD)
    importer.upload(GOOD)
    assert importer.database.sql("select 1 from public.product_imports where id = %s", (theirs,))


def test_a_file_in_windows_1252_is_read_so_once_somebody_says_so(importer: Importer) -> None:
    path = importer.upload("SKU;Name;Price\nL-1;Käse größer €;1,50\n".encode("cp1252"))
    page = importer.page(path)
    assert "The characters of this file are not UTF-8." in page.text(page.root)
    assert "Käse größer €" in [page.text(cell) for cell in page.all("td")]
    assert importer.client.submit(f"{path}/check", {"sku": "0", "name": "1", "price": "2"}).status_code == 422
    answer = importer.client.submit(f"{path}/read", {"delimiter": ";", "encoding": "windows-1252"})
    assert answer.status_code == 303
    importer.client.submit(f"{path}/check", {"sku": "0", "name": "1", "price": "2"})
    importer.client.submit(f"{path}/apply", {"mode": "all"})
    assert importer.products()["L-1"][0] == "Käse größer €"


def test_a_file_can_be_cut_otherwise_than_was_guessed(importer: Importer) -> None:
    path = importer.upload("SKU;Name,Price\nA-1;Saw,12\n")
    importer.client.submit(f"{path}/read", {"delimiter": ";", "encoding": "utf-8"})
    page = importer.page(path)
    assert [page.text(cell) for cell in page.all("th")] == ["SKU", "Name,Price"]


def test_a_cut_that_leaves_one_column_is_refused_and_the_old_one_stays(importer: Importer) -> None:
    path = importer.upload(GOOD)
    answer = importer.client.submit(f"{path}/read", {"delimiter": "|", "encoding": "utf-8"})
    assert answer.status_code == 422
    assert "Only one column was found" in answer.get_data(as_text=True)
    assert [importer.page(path).text(cell) for cell in importer.page(path).all("th")] == ["SKU", "Name", "Price"]


class Untouched(RawIOBase):
    """A body of some size that must not be read."""

    def __init__(self, size: int) -> None:
        self._size, self._place = size, 0

    def readinto(self, buffer: object) -> int:
        raise AssertionError("the body was read")

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = 0) -> int:
        self._place = self._size if whence == 2 else place
        return self._place


def signed_in(make_app: MakeApp, person: Person, **settings: int) -> Client:
    client = make_app(**settings).test_client()
    assert isinstance(client, Client)
    client.sign_in(person)
    return client


def test_a_file_of_3_gb_is_refused_before_a_byte_of_it_is_read(importer: Importer) -> None:
    answer = importer.client.post(
        START,
        input_stream=Untouched(3 * 2**30),
        content_type="multipart/form-data; boundary=x",
        headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    )
    text = answer.get_data(as_text=True)
    assert answer.status_code == 413
    assert "That file is too large" in text
    assert "up to 64 MB" in text
    assert "To Tools" in text


def test_an_import_takes_more_than_other_pages_and_no_more_than_it_should(
    make_app: MakeApp, importer: Importer
) -> None:
    client = signed_in(make_app, importer.person, max_request_bytes=10_000, import_max_bytes=100_000)
    file = GOOD + "A-2,Saw,12.80\n" * 2_000
    answer = client.submit(START, {"file": (BytesIO(file.encode()), "x.csv")}, content_type="multipart/form-data")
    assert answer.status_code == 303
    assert client.submit("/o/tools/products/", {"description": file}).status_code == 413
    answer = client.submit(START, {"file": (BytesIO(file.encode() * 4), "x.csv")}, content_type="multipart/form-data")
    assert answer.status_code == 413
    assert "up to 97 KB" in answer.get_data(as_text=True)


def test_a_visitor_without_an_account_can_not_send_as_much(client: Client) -> None:
    answer = client.post(
        START,
        input_stream=Untouched(3 * 2**20),
        content_type="multipart/form-data; boundary=x",
        headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 413


def test_an_import_can_be_given_up(importer: Importer) -> None:
    path = importer.checked(GOOD)
    assert importer.client.submit(f"{path}/discard").status_code == 303
    assert importer.client.get(path).status_code == 404
    assert all(importer.left(f"_{table}") == 0 for table in ("chunks", "lines", "errors"))
    assert "A-1" not in importer.products()
