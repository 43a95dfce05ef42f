"""What the cells of a line mean for a product, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from webapp.blueprints.imports.columns import Part, called, plain
from webapp.blueprints.imports.records import Record
from webapp.models.products import DESCRIPTION, NAME, SKU
from webapp.web import amounts
from webapp.web.csv_export import unescaped
from webapp.web.typed import fault, line, paragraphs, printable

SHOWN: Final = 200  # characters of a value that a report repeats

_ON: Final = """
    active yes y true 1 on onsale aktiv ja wahr actif oui vrai activo si verdadero ativo sim attivo actief waar
    aktivt sand sant aktywny tak prawda aktivni ano igen kylla
"""
_OFF: Final = """
    archived inactive no n false 0 off archiviert inaktiv nein falsch archive inactif non faux archivado inactivo falso
    arquivado inativo nao archiviato inattivo gearchiveerd inactief nee onwaar arkiveret inaktivt nej nei arkiverad
    zarchiwizowany nieaktywny nie archivovany ne archivalt nem ei
"""
_STATUSES: Final = dict.fromkeys(_OFF.split(), False) | dict.fromkeys(_ON.split(), True)


class Line(NamedTuple):
    """Hold a line that was read; None for what has no column, and for everything but the SKU of a bad line."""

    line: int
    is_good: bool
    sku: str | None = None
    name: str | None = None
    description: str | None = None
    price: Decimal | None = None
    stock: int | None = None
    is_active: bool | None = None


class Fault(NamedTuple):
    """Hold what is wrong with a line; ``place`` counts columns from 1, and 0 is the line as a whole."""

    line: int
    place: int
    column: str
    value: str
    reason: str


class Wrong(ValueError):
    """Say what is wrong with a cell."""


class Reader:
    """Read the lines of one file: its columns, of which ``columns`` says which is which, and the currency."""

    def __init__(self, header: Sequence[str], columns: Mapping[str, int], currency: str) -> None:
        self._width = len(header)
        self._currency = currency
        self._columns = [(Part(part), place, called(header, place)) for part, place in columns.items()]

    def read(self, record: Record) -> tuple[Line, list[Fault]]:
        """Return what a line says, and what is wrong with it."""
        complaint = record.fault or self._too_wide(record.cells)
        if complaint:
            return Line(record.line, False), [Fault(record.line, 0, "", "", complaint)]
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        for part, place, name in self._columns:
            cell = record.cells[place] if place < len(record.cells) else ""
            text = unescaped(cell)
            try:
                found[part.value] = self._value(part, text)
            except ValueError as exc:
                faults.append(Fault(record.line, place + 1, name, _shown(cell), str(exc)))
        if faults:
            return Line(record.line, False, found.get(Part.SKU)), faults
        return Line(record.line, True, **found), faults

    def _too_wide(self, cells: Sequence[str]) -> str | None:
        beyond = [cell for cell in cells[self._width :] if cell.strip()]
        if not beyond:
            return None
        return (
            f"The line has {len(cells)} cells and the first line names {self._width} columns. "
            "A separator inside of a cell needs quotes around the cell."
        )

    def _value(self, part: Part, text: str) -> Any:
        if part is Part.PRICE:
            return amounts.price(text, self._currency)
        if part is Part.STOCK:
            return amounts.pieces(text)
        if part is Part.STATUS:
            return _status(text)
        if part is Part.DESCRIPTION:
            return _checked(paragraphs(text), DESCRIPTION)
        if part is Part.SKU:
            return _checked(line(text), SKU, "There is no SKU.")
        return _checked(line(text), NAME, "There is no name.")


def _checked(text: str, most: int, missing: str | None = None) -> str:
    found = fault(text, most, missing)
    if found:
        raise Wrong(found)
    return text


def _status(text: str) -> bool:
    found = _STATUSES.get(text)
    if found is None:
        found = _STATUSES.get(plain(text))
    if found is None:
        raise Wrong("Write active or archived.")
    return found


def _shown(cell: str) -> str:
    text = printable(cell, allowed="\t\n")
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
