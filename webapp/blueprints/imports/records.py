"""The lines of a CSV file, one after the other: no more of it is in memory than the line that is being read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final, NamedTuple

from webapp.blueprints.imports.files import BadFile, Encoding
from webapp.web.typed import line

MOST_LINES: Final = 250_000
MOST_COLUMNS: Final = 100
LONGEST_LINE: Final = 1_000_000  # characters
LONGEST_NAME: Final = 100  # of a column
DELIMITERS: Final = (",", ";", "\t", "|")
PREVIEW: Final = 4  # lines

_SAMPLE: Final = 65_536  # characters
_SAID: Final = re.compile(r"sep=(.)\r?\n?")  # Excel's own first line


class Record(NamedTuple):
    """Hold one line: the number at which it begins, its cells, and what is wrong with it as a whole."""

    line: int
    cells: list[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """Hold how a file begins."""

    delimiter: str
    header: list[str]
    rows: tuple[list[str], ...]


def begin(file: IO[bytes], encoding: Encoding, delimiter: str | None = None) -> Beginning:
    """Return how a file begins, cut by ``delimiter`` or by the best of the usual ones. Raises BadFile."""
    chosen = delimiter or _guess(_sample(file, encoding))
    file.seek(0)
    first = list(islice(records(file, encoding, chosen), PREVIEW + 1))
    if not first:
        raise BadFile("There is no text in the file.")
    if first[0].fault:
        raise BadFile(f"Line {first[0].line}, which should name the columns, can't be read. {first[0].fault}")
    header = [line(cell)[:LONGEST_NAME] for cell in first[0].cells]
    while header and not header[-1]:
        header.pop()
    if len(header) > MOST_COLUMNS:
        raise BadFile(f"The first line names {len(header):,} columns; up to {MOST_COLUMNS} are read.")
    return Beginning(chosen, header, tuple(record.cells for record in first[1:]))


def records(file: IO[bytes], encoding: Encoding, delimiter: str) -> Iterator[Record]:
    """Yield the lines of a file from where it stands, the header among them; empty lines are passed over.

    A quote in the wrong place spoils its line alone. One that is never closed would swallow the lines after it, or
    with the next quote turn text into cells and cells into text, so that is a BadFile.
    """
    text = io.TextIOWrapper(file, encoding.codec, newline="")
    try:
        lines = _lines(text, encoding)
        opening = next(lines, "")
        passed = 1 if _SAID.fullmatch(opening) else 0
        reader = csv.reader(lines if passed else _again(opening, lines), delimiter=delimiter, strict=True)
        while True:
            start = reader.line_num + passed + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as exc:
                if reader.line_num + passed > start or "unexpected end" in str(exc):
                    raise BadFile(
                        f"A quote that opens on line {start:,} is not closed where it should be, so nothing after it "
                        "can be relied upon. Close it, or take it out."
                    ) from None
                yield Record(start, [], _fault(exc))
            else:
                if any(cell and not cell.isspace() for cell in cells):
                    yield Record(start, cells)
    finally:
        text.detach()


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _lines(text: io.TextIOWrapper, encoding: Encoding) -> Iterator[str]:
    number = 0
    while True:
        try:
            read = text.readline(LONGEST_LINE)
        except UnicodeDecodeError as exc:
            raise BadFile(
                f"After line {number:,} stands a byte, 0x{exc.object[exc.start]:02X}, that means nothing in "
                f"{encoding.upper()}. Save the file as UTF-8 and upload it."
            ) from None
        if not read:
            return
        number += 1
        if len(read) == LONGEST_LINE:
            raise BadFile(f"Line {number:,} has more than {LONGEST_LINE:,} characters. Is this a table?")
        yield read


def _fault(exc: csv.Error) -> str:
    if "field limit" in str(exc):
        return f"A cell of this line has more than {csv.field_size_limit():,} characters."
    return "After a quote that closes, the cell goes on. Write a quote inside of a cell twice, or take it out."


def _sample(file: IO[bytes], encoding: Encoding) -> str:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding.codec, newline="")
    try:
        return text.read(_SAMPLE)
    except UnicodeDecodeError:
        return ""
    finally:
        text.detach()


def _guess(sample: str) -> str:
    """Return the delimiter that cuts most lines into as many cells as the first one, and that into the most."""
    said = _SAID.match(sample)
    if said is not None and said[1] in DELIMITERS:
        return said[1]
    best, highest = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), 30) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        score = (sum(len(row) == width for row in rows) / len(rows), width) if width > 1 else (0.0, 0)
        if score > highest:
            best, highest = delimiter, score
    return best
