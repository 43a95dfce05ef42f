"""The lines of a file: where each begins, what it holds, and what can't be read."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import IO, Any, cast

import pytest

from webapp.blueprints.imports.files import BadFile, Encoding
from webapp.blueprints.imports.records import LONGEST_LINE, MOST_COLUMNS, Record, begin, records


def read(text: str | bytes, delimiter: str = ",", encoding: Encoding = Encoding.UTF8) -> list[Record]:
    body = text if isinstance(text, bytes) else text.encode()
    return list(records(io.BytesIO(body), encoding, delimiter))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_has_the_number_at_which_it_begins(end: str) -> None:
    text = end.join(["a,b", '1,"two', 'lines"', "", ",,", "2,x", ""])
    assert [(record.line, len(record.cells)) for record in read(text)] == [(1, 2), (2, 2), (6, 2)]


def test_a_line_break_inside_of_quotes_stays() -> None:
    assert read('a,"one\ntwo"\n')[0].cells == ["a", "one\ntwo"]


def test_a_last_line_without_an_end_is_read() -> None:
    assert read("a,b\n1,2")[1].cells == ["1", "2"]


def test_a_quote_in_the_wrong_place_spoils_its_line_alone() -> None:
    first, second, third = read('a,b\n1,"x" y\n2,z\n')
    assert (first.fault, third.cells) == (None, ["2", "z"])
    assert second.line == 2
    assert second.fault is not None
    assert "After a quote" in second.fault


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,"never closed\n2,x\n', 2),
        ('a,b\n1,"never closed', 2),
        ('a,b\n1,"closed by\n2,"the next one\n3,x\n', 2),
        ('a,b\n1,x\n2,"' + "far\n" * 50_000, 3),
    ],
)
def test_a_quote_that_is_not_closed_is_named_by_its_line(text: str, line: int) -> None:
    with pytest.raises(BadFile, match=f"quote that opens on line {line} is not closed"):
        read(text)


def test_a_cell_that_is_too_long_spoils_its_line_alone() -> None:
    found = read("a,b\n1," + "x" * 200_000 + "\n2,y\n")
    assert [record.fault is None for record in found] == [True, False, True]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    with pytest.raises(BadFile, match=r"Line 2 has more than 1,000,000 characters"):
        read("a,b\n" + "x" * (LONGEST_LINE + 10))


def test_a_byte_that_means_nothing_is_shown() -> None:
    with pytest.raises(BadFile, match=r"0x81.*WINDOWS-1252"):
        read(b"a,b\n1,\x81\n", encoding=Encoding.WINDOWS)


@pytest.mark.parametrize("encoding", Encoding)
def test_every_encoding_is_read_and_its_mark_is_no_part_of_the_text(encoding: Encoding) -> None:
    text = "Größe,Café\n"
    body = ("\ufeff" + text).encode() if encoding is Encoding.UTF8 else text.encode(encoding.codec)
    assert read(body, encoding=encoding)[0].cells == ["Größe", "Café"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    other = ";" if delimiter == "," else ","
    rows = [("SKU", "Name", "Price"), ("1", f"a{other} b", "1"), ("2", "x", "2")]
    file = io.BytesIO("\n".join(delimiter.join(row) for row in rows).encode())
    found = begin(file, Encoding.UTF8)
    assert (found.delimiter, found.header) == (delimiter, ["SKU", "Name", "Price"])
    assert found.rows[0] == ["1", f"a{other} b", "1"]


def test_a_decimal_comma_is_no_delimiter() -> None:
    assert begin(io.BytesIO(b"SKU;Name;Price\n1;a;1,50\n2;b;2,50\n"), Encoding.UTF8).delimiter == ";"


def test_the_line_by_which_excel_says_its_delimiter_is_no_header() -> None:
    file = io.BytesIO(b"sep=|\r\nSKU|Name\r\n1|a;b\r\n")
    assert begin(file, Encoding.UTF8).header == ["SKU", "Name"]
    file.seek(0)
    assert [record.line for record in records(file, Encoding.UTF8, "|")] == [2, 3]


def test_columns_without_a_name_at_the_end_are_none() -> None:
    assert begin(io.BytesIO(b"SKU,,Name,,\n1,2,3\n"), Encoding.UTF8).header == ["SKU", "", "Name"]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"\n\n \n", "no text"),
        (b",".join(b"c" for _ in range(MOST_COLUMNS + 1)), "names 101 columns"),
        (b'"a" b,c\n', "Line 1, which should name the columns"),
    ],
)
def test_a_beginning_that_is_none_is_refused(file: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        begin(io.BytesIO(file), Encoding.UTF8)


class Endless(io.RawIOBase):
    """A file of 10 MB that is nowhere."""

    def __init__(self) -> None:
        self._lines = self._make()

    def _make(self) -> Iterator[bytes]:
        for number in range(100):
            yield b"".join(b"SKU-%d-%d,%s,12.80\n" % (number, line, b"x" * 80) for line in range(1_000))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = next(self._lines, b"")[: len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)


def test_no_more_than_a_little_of_a_file_is_in_memory() -> None:
    tracemalloc.start()
    try:
        file = cast("IO[bytes]", io.BufferedReader(Endless()))
        count = sum(1 for _ in records(file, Encoding.UTF8, ","))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count > 5_000
    assert peak < 1_000_000, f"{peak:,} bytes for {count:,} lines"
