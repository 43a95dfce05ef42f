"""What a new organisation needs."""

from __future__ import annotations

from typing import Any

from babel.numbers import list_currencies
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length, Regexp, ValidationError

from webapp.web.typed import Text, line

RESERVED = frozenset({"new", "enter"})  # they stand where an organisation's slug would


class OrganizationForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Take the name that people see, and the slug that addresses are made of."""

    name = StringField(
        "Name",
        filters=[line],
        validators=[Text(120, "Give the organisation a name.")],
    )
    slug = StringField(
        "Address",
        filters=[line],
        description="Small letters, digits and hyphens. It stands in the address of every page.",
        validators=[
            DataRequired("Choose an address."),
            Length(min=2, max=48, message="Use between 2 and 48 characters."),
            Regexp(
                r"[a-z0-9]+(-[a-z0-9]+)*\Z",
                message="Use small letters, digits and single hyphens between them, such as acme-tools.",
            ),
        ],
    )
    currency = StringField(
        "Currency",
        default="EUR",
        filters=[line, str.upper],
        description="The three letters of ISO 4217, such as EUR or USD. Prices are in it.",
        validators=[DataRequired("Write the three letters of a currency, such as EUR.")],
    )

    def validate_slug(self, field: Any) -> None:
        if field.data in RESERVED:
            raise ValidationError(f"“{field.data}” is an address of Rowhouse's own. Choose another.")

    def validate_currency(self, field: Any) -> None:
        if field.data not in list_currencies():
            raise ValidationError("Write the three letters of a currency, such as EUR.")
