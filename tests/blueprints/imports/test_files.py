"""What an upload is told to be, before anything of it is kept."""

from __future__ import annotations

import io
import zipfile

import pytest

from webapp.blueprints.imports.files import PIECE, BadFile, Encoding, look, pieces


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return made.getvalue()


def opendocument() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    return made.getvalue()


@pytest.mark.parametrize(
    ("file", "encoding"),
    [
        ("SKU,Name\n1,é\n".encode(), Encoding.UTF8),
        ("\ufeffSKU,Name\n1,é\n".encode(), Encoding.UTF8),
        ("SKU,Name\n1,é\n".encode("utf-16"), Encoding.UTF16),
        ("\ufeffSKU,Name\n1,é\n".encode("utf-16-be"), Encoding.UTF16),
        ("SKU,Name\n1,é\n".encode("cp1252"), None),
    ],
    ids=["utf-8", "with its mark", "utf-16", "big-endian", "neither"],
)
def test_the_encoding_is_found(file: bytes, encoding: Encoding | None) -> None:
    assert look(io.BytesIO(file)).encoding == encoding


def test_a_character_that_lies_across_two_pieces_is_one() -> None:
    file = b"a" * (PIECE - 1) + "é\n".encode()
    assert look(io.BytesIO(file)) == (Encoding.UTF8, len(file), 1)


def test_what_is_not_utf8_at_its_very_end_is_noticed() -> None:
    assert look(io.BytesIO(b"SKU,Name\n1,\xc3")).encoding is None


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_are_counted_by_whichever_end_they_have(ends: str) -> None:
    assert look(io.BytesIO(f"a{ends}b{ends}".encode())).line_ends == 2


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "The file is empty."),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel workbook"),
        (opendocument(), "LibreOffice spreadsheet"),
        (zipped("products.csv"), "zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "Excel workbook"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x89PNG\r\n", "picture"),
        (b"SKU,Name\n1,a\0b\n", "NUL bytes"),
        ("SKU,Name\n1,a\0b\n".encode("utf-16"), "NUL bytes"),
        ("SKU,Name\n".encode("utf-16-le"), "NUL bytes"),
        ("SKU,Name\n1,a\n".encode("utf-16")[:-1], "begins as UTF-16"),
        (b"SKU,N\xe9me\n" + b"a" * PIECE + b"\0", "NUL bytes"),
    ],
)
def test_what_is_no_csv_file_is_called_what_it_is(file: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        look(io.BytesIO(file))


def test_a_file_is_cut_into_pieces_from_its_beginning() -> None:
    file = io.BytesIO(bytes(PIECE) + b"rest")
    look_at = file.read(10)
    assert [len(piece) for piece in pieces(file)] == [PIECE, 4]
    assert len(look_at) == 10
