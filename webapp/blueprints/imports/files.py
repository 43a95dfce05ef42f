"""What an upload is: text of which encoding, or something else that only bears the name of a CSV file."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from enum import StrEnum
from typing import IO, Final, NamedTuple

PIECE: Final = 256 * 1024  # bytes


class Encoding(StrEnum):
    """Name the encodings that are read."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    WINDOWS = "windows-1252"

    @property
    def codec(self) -> str:
        """Return Python's name for it; a byte order mark is no part of the text."""
        return {Encoding.UTF8: "utf-8-sig", Encoding.UTF16: "utf-16", Encoding.WINDOWS: "cp1252"}[self]


class BadFile(Exception):
    """Say, in sentences for the person who sent it, why a file can't be read."""


class Looked(NamedTuple):
    """Hold what a look at every byte found. ``encoding`` is None where the text is neither UTF-8 nor UTF-16."""

    encoding: Encoding | None
    size: int
    line_ends: int


_HOW: Final = "Open it there and save it as “CSV UTF-8 (comma delimited)”, then upload that file."
_EXCEL: Final = f"This is an Excel workbook, whatever its name ends in, and not a CSV file. {_HOW}"
# What files begin with that people take for a CSV file. A workbook of today is a zip archive.
_KINDS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _EXCEL),
    (b"%PDF-", "This is a PDF document. Export the table that it was made from as a CSV file."),
    (b"\x1f\x8b", "This file is compressed by gzip. Unpack it and upload the CSV file inside."),
    (b"7z\xbc\xaf\x27\x1c", "This is a 7-Zip archive. Unpack it and upload the CSV file inside."),
    (b"Rar!", "This is a RAR archive. Unpack it and upload the CSV file inside."),
    (b"\x89PNG", "This is a picture. Upload the table itself, as a CSV file."),
    (b"\xff\xd8\xff", "This is a picture. Upload the table itself, as a CSV file."),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")


def look(file: IO[bytes]) -> Looked:
    """Read a file to its end, piece by piece, and return what it is; it is left at its end. Raises BadFile."""
    head = file.read(PIECE)
    if not head:
        raise BadFile("The file is empty.")
    _refuse_other_kinds(head)
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding: Encoding | None = Encoding.UTF16 if is_utf16 else Encoding.UTF8
    decoder = codecs.getincrementaldecoder((Encoding.UTF16 if is_utf16 else Encoding.UTF8).codec)()
    size = line_ends = 0
    piece = head
    while True:
        size += len(piece)
        line_ends += max(piece.count(b"\n"), piece.count(b"\r"))
        try:
            text = decoder.decode(piece, final=not piece) if encoding else ""
        except UnicodeDecodeError:
            if is_utf16:
                raise BadFile(
                    "The file begins as UTF-16 text and goes on as something else. Save it as UTF-8 and upload it."
                ) from None
            encoding, text = None, ""
        if "\0" in text or (not is_utf16 and b"\0" in piece):
            raise BadFile(
                "The file has NUL bytes in it, so it is no text, or text in UTF-16 without the mark that says so. "
                "Save it as UTF-8 and upload it."
            )
        if not piece:
            return Looked(encoding, size, line_ends)
        piece = file.read(PIECE)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file from its beginning in pieces of which each but the last is as long as the others."""
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def _refuse_other_kinds(head: bytes) -> None:
    if head.startswith(_ZIP):
        if b"[Content_Types].xml" in head or b"xl/" in head:
            raise BadFile(_EXCEL)
        if b"opendocument.spreadsheet" in head[:256]:
            raise BadFile(f"This is a LibreOffice spreadsheet, and not a CSV file. {_HOW}")
        raise BadFile("This is a zip archive. Unpack it and upload the CSV file inside.")
    for beginning, message in _KINDS:
        if head.startswith(beginning):
            raise BadFile(message)
