"""What people write of a product, and what is wrong with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, HiddenField, StringField, TextAreaField
from wtforms.validators import ValidationError

from webapp.blueprints.products import amounts
from webapp.blueprints.products.queries import Record, Values

NAME: Final = 200  # characters, as the table checks them
SKU: Final = 64
DESCRIPTION: Final = 10_000

Filter = Callable[[str | None], str]


def _line(text: str | None) -> str:
    """Return a text on one line without spaces at its ends or twice in a row; controls stay, to be refused."""
    return " ".join(part for part in unicodedata.normalize("NFC", text or "").split(" ") if part).strip()


def _paragraphs(text: str | None) -> str:
    return unicodedata.normalize("NFC", text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


class Text:
    """Check a text: present if it must be, not too long, without characters that cannot be seen or stored."""

    def __init__(self, most: int, missing: str | None = None, allowed: str = "") -> None:
        self.most = most
        self.missing = missing
        self.allowed = allowed
        self.field_flags = {"required": True} if missing else {}

    def __call__(self, form: Any, field: Any) -> None:
        text: str = field.data
        if self.missing and not any(unicodedata.category(char)[0] not in "CZ" for char in text):
            raise ValidationError(self.missing)
        if len(text) > self.most:
            raise ValidationError(f"Use {self.most:,} characters at most; these are {len(text):,}.")
        if any(unicodedata.category(char) in ("Cc", "Cs") and char not in self.allowed for char in text):
            lines = "a line break or another control character" if not self.allowed else "a control character"
            raise ValidationError(f"There is {lines} in it, perhaps from copying. Type it anew.")


class ProductForm(Form):
    """Take a product as people write it; ``values`` gives it back once ``validate()`` has found nothing wrong.

    ``id`` is the id that a new product will have, made when its form is: sent twice, it makes one product. ``seen``
    is the state of the product that an edit began with.
    """

    id = HiddenField()
    seen = HiddenField()
    name = StringField("Name", [Text(NAME, "Give the product a name.")], [_line])
    description = TextAreaField("Description", [Text(DESCRIPTION, allowed="\n\t")], [_paragraphs])
    sku = StringField("SKU", [Text(SKU, "Give it a SKU that no other product has, such as AC-1310.")], [_line])
    price = StringField("Price")
    stock = StringField("Stock")
    is_active = BooleanField("On sale")

    def __init__(self, currency: str, formdata: MultiDict[str, str] | None = None, **data: Any) -> None:
        self._currency = currency
        self._read: dict[str, Any] = {}
        super().__init__(formdata, data=data)

    @classmethod
    def of(cls, record: Record, currency: str) -> ProductForm:
        """Return the form as an edit of ``record`` begins with it."""
        return cls(currency, seen=record.seen, **record.values._asdict())

    def validate_price(self, field: StringField) -> None:
        self._read["price"] = amounts.price(field.data or "", self._currency)

    def validate_stock(self, field: StringField) -> None:
        self._read["stock"] = amounts.pieces(field.data or "")

    @property
    def values(self) -> Values:
        """Return what was written, read. Only after ``validate()`` has returned True."""
        return Values(
            name=self.name.data or "",
            description=self.description.data or "",
            sku=self.sku.data or "",
            price=self._read["price"],
            stock=self._read["stock"],
            is_active=bool(self.is_active.data),
        )

    @property
    def product_id(self) -> UUID | None:
        """Return the id that the new product is to have, or None where the field holds none."""
        try:
            return UUID(self.id.data or "")
        except ValueError:
            return None

    def refuse(self, field: Any, message: str) -> None:
        """Add what only the database could know is wrong with a field."""
        field.errors = [*field.errors, message]


def differences(mine: Values, saved: Values) -> tuple[str, ...]:
    """Return the names of the fields in which two states of a product differ."""
    return tuple(name for name in Values._fields if getattr(mine, name) != getattr(saved, name))
