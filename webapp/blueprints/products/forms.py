"""What people write of a product, and what is wrong with it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, HiddenField, StringField, TextAreaField
from wtforms.validators import ValidationError

from webapp.blueprints.products.queries import Record, Values
from webapp.models.products import DESCRIPTION, NAME, SKU
from webapp.web import amounts
from webapp.web.typed import Text, line, paragraphs, printable


class ProductForm(Form):
    """Take a product as people write it; ``values`` gives it back once ``validate()`` has found nothing wrong.

    ``id`` is the id that a new product will have, made when its form is: sent twice, it makes one product. ``seen``
    is the state of the product that an edit began with.
    """

    id = HiddenField()
    seen = HiddenField()
    name = StringField("Name", [Text(NAME, "Give the product a name.")], [line])
    description = TextAreaField("Description", [Text(DESCRIPTION)], [paragraphs])
    sku = StringField("SKU", [Text(SKU, "Give it a SKU that no other product has.")], [line])
    price = StringField("Price", filters=[printable])
    stock = StringField("Stock", filters=[printable])
    is_active = BooleanField("On sale")

    _price: Decimal
    _stock: int

    def __init__(self, currency: str, formdata: MultiDict[str, str] | None = None, **data: Any) -> None:
        self._currency = currency
        super().__init__(formdata, data=data)

    @classmethod
    def of(cls, record: Record, currency: str) -> ProductForm:
        """Return the form as an edit of ``record`` begins with it."""
        written = record.values._asdict() | {"price": f"{record.values.price:.2f}", "stock": str(record.values.stock)}
        return cls(currency, seen=record.seen, **written)

    def validate_price(self, field: StringField) -> None:
        try:
            self._price = amounts.price(field.data or "", self._currency)
        except amounts.NotAnAmount as exc:
            raise ValidationError(str(exc)) from exc

    def validate_stock(self, field: StringField) -> None:
        try:
            self._stock = amounts.pieces(field.data or "")
        except amounts.NotAnAmount as exc:
            raise ValidationError(str(exc)) from exc

    @property
    def values(self) -> Values:
        """Return what was written, read. Only after ``validate()`` has returned True."""
        return Values(
            name=self.name.data or "",
            description=self.description.data or "",
            sku=self.sku.data or "",
            price=self._price,
            stock=self._stock,
            is_active=bool(self.is_active.data),
        )

    @property
    def product_id(self) -> UUID | None:
        """Return the id that the new product is to have, or None where the field holds none."""
        try:
            return UUID(self.id.data or "")
        except ValueError:
            return None

    def refuse(self, message: str, field: Any = None) -> None:
        """Add what only the database could know is wrong with a field, or with the form as a whole."""
        if field is None:
            self.form_errors.append(message)
        else:
            field.errors = [*field.errors, message]


def differences(mine: Values, saved: Values) -> tuple[str, ...]:
    """Return the names of the fields in which two states of a product differ."""
    return tuple(name for name in Values._fields if getattr(mine, name) != getattr(saved, name))
