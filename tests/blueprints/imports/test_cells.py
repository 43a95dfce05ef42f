"""What columns are guessed to be, and what their cells mean."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.blueprints.imports.cells import Line, Reader
from webapp.blueprints.imports.columns import Part, guess
from webapp.blueprints.imports.files import Encoding
from webapp.blueprints.imports.records import Record, records
from webapp.web.csv_export import escaped
from webapp.web.typed import line, paragraphs

HEADER = [part.value for part in Part]
READER = Reader(HEADER, {part.value: place for place, part in enumerate(Part)}, "EUR")
GOOD: dict[str, str] = {Part.SKU: "A-1", Part.NAME: "Saw", Part.PRICE: "12.80", Part.STOCK: "3", Part.STATUS: "active"}


def cells(**changed: str) -> list[str]:
    return [{**GOOD, Part.DESCRIPTION: "", **changed}[part] for part in Part]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "SKU,Name,Description,Price,Currency,Stock,Status,Created,Changed",
            {"sku": 0, "name": 1, "description": 2, "price": 3, "stock": 5, "is_active": 6},
        ),
        (
            "Artikelnummer,Bezeichnung,Preis (EUR),Lagerbestand,Beschreibung",
            dict(zip(HEADER[:5], range(5), strict=True)),
        ),
        ("référence,Désignation,Prix unitaire,Quantité", {"sku": 0, "name": 1, "price": 2, "stock": 3}),
        ("Código,Nombre,Precio €,Existencias,Descripción,Estado", dict(zip(HEADER, range(6), strict=True))),
        ("商品コード,商品名,価格,在庫", {"sku": 0, "name": 1, "price": 2, "stock": 3}),
        ("Kod,Nazwa,Cena PLN,Ilość", {"sku": 0, "name": 1, "price": 2, "stock": 3}),
        ("Product,Code,SKU,PRICE", {"sku": 2, "name": 0, "price": 3}),
        ("unit_price,item-no,Title", {"price": 0, "sku": 1, "name": 2}),
        ("one,two,three", {}),
    ],
)
def test_columns_are_guessed_by_their_names(header: str, expected: dict[str, int]) -> None:
    assert guess(header.split(",")) == expected


def test_a_column_is_guessed_to_be_one_thing() -> None:
    assert guess(["Artikel", "Produkt"]) == {"sku": 0, "name": 1}
    assert guess(["SKU", "SKU"]) == {"sku": 0}


def test_a_line_is_read_as_the_product_form_reads() -> None:
    record = Record(
        7, cells(name="  Rip   saw ", price="€ 1.234,5", stock="1 000", description="one\r\ntwo ", is_active="Ja")
    )
    assert READER.read(record) == (
        Line(7, True, "A-1", "Rip saw", "one\ntwo", Decimal("1234.50"), 1000, True),
        [],
    )


@pytest.mark.parametrize(
    ("part", "cell", "reason"),
    [
        ("sku", " ", "There is no SKU."),
        ("sku", "x" * 65, "Use 64 characters at most; these are 65."),
        ("name", "", "There is no name."),
        ("name", "x" * 201, "Use 200 characters at most; these are 201."),
        ("name", "a\x07b", "control character"),
        ("description", "x" * 10_001, "Use 10,000 characters at most"),
        ("price", "", "Give a price"),
        ("price", "1,234", "could mean"),
        ("price", "-1", "below zero"),
        ("price", "12 USD", "Prices here are in EUR"),
        ("price", "99999999999", "The highest price"),
        ("stock", "", "Say how many"),
        ("stock", "2.5", "whole pieces"),
        ("stock", "3000000000", "The highest stock"),
        ("is_active", "perhaps", "Write active or archived."),
    ],
)
def test_a_bad_cell_is_named_with_its_column_value_and_reason(part: str, cell: str, reason: str) -> None:
    read, (fault,) = READER.read(Record(3, cells(**{part: cell})))
    assert not read.is_good
    assert (fault.line, fault.place, fault.column) == (3, HEADER.index(part) + 1, part)
    assert cell.startswith(fault.value.rstrip("…").split("�")[0])
    assert len(fault.value) <= 200
    assert reason in fault.reason


def test_every_bad_cell_of_a_line_is_named() -> None:
    _, faults = READER.read(Record(3, cells(name="", price="x", stock="-1")))
    assert [fault.column for fault in faults] == ["name", "price", "stock"]


def test_of_a_bad_line_the_sku_is_kept_so_that_its_double_is_found() -> None:
    read, _ = READER.read(Record(3, cells(price="x")))
    assert read == Line(3, False, "A-1")


def test_more_cells_than_columns_are_a_fault_unless_they_are_blank() -> None:
    assert READER.read(Record(3, [*cells(), "", " "]))[0].is_good
    read, (fault,) = READER.read(Record(3, [*cells(), "more"]))
    assert not read.is_good
    assert (fault.place, fault.column) == (0, "")
    assert "7 cells" in fault.reason
    assert "6 columns" in fault.reason


def test_cells_that_a_spreadsheet_left_out_at_the_end_are_blank() -> None:
    reader = Reader(["sku", "name", "description"], {"sku": 0, "name": 1, "description": 2}, "EUR")
    assert reader.read(Record(2, ["A-1", "Saw"]))[0] == Line(2, True, "A-1", "Saw", "")


def test_what_has_no_column_is_left_open() -> None:
    reader = Reader(["sku", "price"], {"sku": 0, "price": 1}, "EUR")
    assert reader.read(Record(2, ["A-1", "3"]))[0] == Line(2, True, "A-1", price=Decimal("3.00"))


_WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn")), max_size=30)
_VISIBLE = _WORDS.filter(lambda text: any(char.isalnum() for char in text))


@settings(max_examples=150, deadline=None)
@given(
    sku=_VISIBLE,
    name=st.one_of(
        _VISIBLE, st.sampled_from(["=1+1", "'=x", "''-x", "@x", "-", "+1", 'a"b', "a,b", "'a"]).map(lambda x: x + "1")
    ),
    description=st.lists(_WORDS, max_size=3).map("\n".join),
    price=st.decimals(0, Decimal("9999999999.99"), places=2),
    stock=st.integers(0, 2_147_483_647),
    is_active=st.booleans(),
)
def test_what_an_export_writes_is_read_as_it_was(
    sku: str, name: str, description: str, price: Decimal, stock: int, is_active: bool
) -> None:
    sku, name, description = line(sku), line(name), paragraphs(description)
    file = io.StringIO()
    status = "active" if is_active else "archived"
    written = {"sku": escaped(sku), "name": escaped(name), "description": escaped(description), "is_active": status}
    csv.writer(file, lineterminator="\n").writerow(
        [{**written, "price": f"{price:.2f}", "stock": str(stock)}[part] for part in HEADER]
    )
    (record,) = records(io.BytesIO(file.getvalue().encode()), Encoding.UTF8, ",")
    assert READER.read(record) == (Line(1, True, sku, name, description, price, stock, is_active), [])
