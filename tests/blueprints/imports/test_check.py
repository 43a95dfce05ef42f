"""The dry run: what each line would do, what is wrong with it, and that nothing is done."""

from __future__ import annotations

import csv
import io

import pytest

from tests.blueprints.imports.conftest import Importer
from tests.factories import Factories
from tests.fixtures.database import Database
from webapp.blueprints.imports import queries, work


def test_lines_are_counted_by_what_they_would_do_and_nothing_is_done(importer: Importer) -> None:
    before = importer.products()
    path = importer.checked("SKU,Name,Price\nNEW-1,Saw,12.80\nT-1,Hammer,1.00\nT-2,Nails,9.90\nNEW-2,,1\n")
    assert importer.figures(path) == ["1", "1", "1", "1"]
    assert importer.products() == before


def test_each_bad_line_is_listed_with_line_column_value_and_reason(importer: Importer) -> None:
    path = importer.checked(
        'Art.,Title,Preis\nA-1,Saw,"1,234"\n,Nobody,1\nA-3,"two\nlines",x\n\nA-4,Saw,1,more\nA-5,"x" y,1\n'
    )
    *cells, wide, quoted = importer.faults(path)
    assert cells == [
        ["2", "Preis", "1,234", "1,234 could mean 1234.00 or 1.23. Write it with two decimals."],
        ["3", "Art.", "—", "There is no SKU."],
        ["4", "Preis", "x", "Write an amount, such as 12.80."],
    ]
    assert (wide[:3], quoted[:3]) == (["7", "—", "—"], ["8", "—", "—"])
    assert "4 cells and the first line names 3 columns" in wide[3]
    assert "Write a quote inside of a cell twice" in quoted[3]


def test_a_sku_that_stands_twice_is_an_error_on_each_line_that_names_another(importer: Importer) -> None:
    skus = ("A-1", "B-1", "A-1", "B-1", " A-1 ", "C-1", "D-1", "D-1", "D-1", "D-1")
    lines = (f"{sku},Saw,{'wrong' if number == 3 else 1}\n" for number, sku in enumerate(skus))
    path = importer.checked("SKU,Name,Price\n" + "".join(lines))
    said = {int(row[0]): row[3] for row in importer.faults(path) if row[1] == "SKU"}
    assert said == {
        2: "The same SKU stands on line 4 and on 1 more.",
        4: "The same SKU stands on line 2 and on 1 more.",
        6: "The same SKU stands on line 2 and on 1 more.",
        3: "The same SKU stands on line 5.",
        5: "The same SKU stands on line 3.",
        8: "The same SKU stands on line 9 and on 2 more.",
        **dict.fromkeys((9, 10, 11), "The same SKU stands on line 8 and on 2 more."),
    }
    assert importer.figures(path) == ["1", "0", "0", "9"]


def test_a_new_product_needs_the_columns_that_a_known_one_can_do_without(importer: Importer) -> None:
    path = importer.checked("SKU,Stock\nT-1,7\nNEW-1,7\n", sku="0", stock="1")
    assert importer.figures(path) == ["0", "1", "0", "1"]
    (fault,) = importer.faults(path)
    assert fault == [
        *("3", "—", "NEW-1"),
        "No product has this SKU, and the file has no column for the name and the price of a new one.",
    ]


def test_the_sku_of_another_organisation_is_new_here(importer: Importer, factories: Factories) -> None:
    taken = factories.product(factories.organization(), sku="THEIRS")
    path = importer.checked(f"SKU,Name,Price\n{taken.sku},x,1\n")
    assert importer.figures(path) == ["1", "0", "0", "0"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"name": "1"}, "Choose the column that holds the SKU"),
        ({"sku": "0"}, "there is nothing to import yet"),
        ({"sku": "0", "name": "0"}, "This column is SKU already."),
        ({"sku": "0", "name": "9"}, "Not a valid choice"),
    ],
)
def test_columns_that_make_no_sense_are_refused(importer: Importer, columns: dict[str, str], said: str) -> None:
    path = importer.upload("Number,Words,Price\nA-1,Saw,1\n")
    answer = importer.client.submit(f"{path}/check", columns)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert importer.row(path)["status"] == "uploaded"


def test_a_file_that_turns_out_to_be_broken_says_where_and_nothing_is_kept_of_it(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 10)
    lines = "".join(f"A-{number},Saw,1\n" for number in range(30))
    path = importer.checked(f'SKU,Name,Price\n{lines}B-1,"never closed,1\nB-2,Saw,1\n')
    page = importer.page(path)
    assert "A quote that opens on line 32 is not closed" in page.text(page.root)
    assert (importer.row(path)["status"], importer.left("_lines")) == ("uploaded", 0)


def test_more_lines_than_an_import_takes_are_refused(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST_LINES", 3)
    path = importer.checked("SKU,Name,Price\n" + "".join(f"A-{number},Saw,1\n" for number in range(4)))
    assert importer.row(path)["trouble"] == "The file has more than 3 lines. Split it, and import one part at a time."


def test_as_many_lines_as_an_import_takes_are_taken(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST_LINES", 3)
    path = importer.checked("SKU,Name,Price\n" + "".join(f"A-{number},Saw,1\n" for number in range(3)))
    assert importer.figures(path) == ["3", "0", "0", "0"]


def test_another_check_forgets_the_first_one(importer: Importer) -> None:
    path = importer.checked("SKU,Name,Price,Stock\nA-1,Saw,x,2\n")
    assert importer.figures(path) == ["0", "0", "0", "1"]
    importer.client.submit(f"{path}/check", {"sku": "0", "name": "1", "price": "3"})
    assert importer.figures(path) == ["1", "0", "0", "0"]
    assert importer.faults(path) == []


def test_many_faults_come_in_pages_and_all_of_them_in_the_report(importer: Importer) -> None:
    path = importer.checked("SKU,Name,Price\n" + "".join(f"A-{number},=x,-{number}\n" for number in range(1, 71)))
    page = importer.page(path)
    following = next(link.get("href") or "" for link in page.all("a") if link.get("rel") == "next")
    first, second = importer.faults(path), importer.faults(following)
    assert (len(first), len(second)) == (queries.PAGE, 20)
    assert [int(row[0]) for row in first + second] == list(range(2, 72))
    answer = importer.client.get(f"{path}/report.csv")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[:2] == [["Line", "Column", "Value", "Reason"], ["2", "Price", "'-1", "A price can't be below zero."]]
    assert len(rows) == 71


def test_what_the_report_repeats_is_never_markup(importer: Importer) -> None:
    path = importer.checked("SKU,Name,<i>Price</i>\nA-1,Saw,<script>alert(1)</script>\n")
    assert importer.faults(path)[0][1:3] == ["<i>Price</i>", "<script>alert(1)</script>"]


def test_a_price_is_in_the_currency_of_the_organisation(importer: Importer, factories: Factories) -> None:
    path = importer.checked("SKU,Name,Price\nA-1,Saw,€ 3\nA-2,Saw,$ 3\n")
    assert [row[0] for row in importer.faults(path)] == ["3"]


def test_a_check_that_breaks_leaves_nothing_and_can_be_repeated(importer: Importer, database: Database) -> None:
    path = importer.upload("SKU,Name,Price\nBAD,Saw,1\n")
    database.admin_sql("alter table public.product_import_lines add constraint broken check (sku <> 'BAD')")
    try:
        assert importer.client.submit(f"{path}/check", {"sku": "0", "name": "1"}).status_code == 500
    finally:
        database.admin_sql("alter table public.product_import_lines drop constraint broken")
    assert (importer.row(path)["status"], importer.row(path)["trouble"]) == ("uploaded", work.BROKE)
    importer.client.submit(f"{path}/check", {"sku": "0", "name": "1", "price": "2"})
    assert importer.figures(path) == ["1", "0", "0", "0"]
