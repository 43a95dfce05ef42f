"""What people say of a file: which one it is, how it is written, which column is what, and what to do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import FileField, Form, RadioField, SelectField
from wtforms.validators import ValidationError

from webapp.blueprints.imports.columns import Part, called
from webapp.blueprints.imports.files import Encoding
from webapp.blueprints.imports.records import DELIMITERS
from webapp.models.imports import ImportMode

NONE: Final = ""
SAMPLE: Final = 30  # characters of a value beside the name of its column

_DELIMITERS: Final = dict(zip(DELIMITERS, ("Comma", "Semicolon", "Tab", "Vertical bar"), strict=True))
_ENCODINGS: Final = {
    Encoding.UTF8: "UTF-8",
    Encoding.UTF16: "UTF-16",
    Encoding.WINDOWS: "Windows-1252, Western European",
}


class UploadForm(Form):
    """Take a file; ``formdata`` are the files of the request."""

    file = FileField("CSV file")

    def validate_file(self, field: FileField) -> None:
        if not isinstance(field.data, FileStorage) or not field.data.filename:
            raise ValidationError("Choose a file.")

    def refuse(self, message: str) -> None:
        """Say what a look into the file has found."""
        self.file.errors = [*self.file.errors, message]


class ReadingForm(Form):
    """Take how a file is written."""

    delimiter = SelectField("Columns are set apart by", choices=_DELIMITERS)
    encoding = SelectField("Characters are written in")

    def __init__(self, encoding: Encoding | None, formdata: MultiDict[str, str] | None = None, **data: Any) -> None:
        super().__init__(formdata, data={"encoding": encoding or Encoding.WINDOWS, **data})
        # What begins with the mark of UTF-16 is nothing else; what is no UTF-8 is for the person to tell.
        can_be = (Encoding.UTF16,) if encoding is Encoding.UTF16 else (Encoding.UTF8, Encoding.WINDOWS)
        self.encoding.choices = {choice.value: _ENCODINGS[choice] for choice in can_be}

    def refuse(self, message: str) -> None:
        """Say why the file can't be read so."""
        self.delimiter.errors = [*self.delimiter.errors, message]


class ColumnsForm(Form):
    """Take which column of the file is which part of a product."""

    sku = SelectField(Part.SKU.label, description="Tells which product a line is about.")
    name = SelectField(Part.NAME.label)
    price = SelectField(Part.PRICE.label)
    stock = SelectField(Part.STOCK.label)
    description = SelectField(Part.DESCRIPTION.label)
    is_active = SelectField(Part.STATUS.label, description="“active” or “archived”; yes and no will do.")

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        columns: Mapping[str, int],
        formdata: MultiDict[str, str] | None = None,
    ) -> None:
        super().__init__(formdata, data={} if formdata else {part: str(place) for part, place in columns.items()})
        names = {str(place): _beside(header, rows, place) for place in range(len(header))}
        for part in Part:
            field = self[part]
            assert isinstance(field, SelectField)
            field.choices = {NONE: "Choose a column" if part is Part.SKU else "Not in the file"} | names
            field.data = field.data or NONE

    def validate_sku(self, field: SelectField) -> None:
        if not field.data:
            raise ValidationError("Choose the column that holds the SKU: without it no line can be told from another.")

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Tell whether each column is taken once, and whether there is anything to import beside the SKU."""
        valid = super().validate(extra_validators)
        taken: dict[str, str] = {}
        for field in self:
            if field.data and field.data in taken:
                field.errors = [*field.errors, f"This column is {taken[field.data]} already."]
                valid = False
            elif field.data:
                taken[field.data] = field.label.text
        if valid and len(taken) == 1:
            self.form_errors.append("Choose a column besides the SKU: there is nothing to import yet.")
            valid = False
        return valid

    @property
    def columns(self) -> dict[str, int]:
        """Return the column of each part that has one. Only after ``validate()`` has returned True."""
        return {field.name: int(field.data) for field in self if field.data}


class ApplyForm(Form):
    """Take what becomes of the good lines where there are bad ones."""

    mode = RadioField(
        "What to import", choices={ImportMode.ALL.value: "All or nothing", ImportMode.GOOD.value: "Good lines only"}
    )

    def __init__(self, bad: int, formdata: MultiDict[str, str] | None = None) -> None:
        super().__init__(formdata)
        self._bad = bad

    def validate_mode(self, field: RadioField) -> None:
        if field.data == ImportMode.ALL and self._bad:
            lines = "One line is bad" if self._bad == 1 else f"{self._bad:,} lines are bad"
            raise ValidationError(f"{lines}, so all or nothing would be nothing. Mend the file, or choose otherwise.")


def _beside(header: Sequence[str], rows: Sequence[Sequence[str]], place: int) -> str:
    """Return the name of a column with its first value, so that a column of unclear name can be told."""
    value = next((row[place].strip() for row in rows if place < len(row) and row[place].strip()), "")
    shown = value if len(value) <= SAMPLE else value[: SAMPLE - 1] + "…"
    return f"{called(header, place)} ({shown})" if shown else called(header, place)
