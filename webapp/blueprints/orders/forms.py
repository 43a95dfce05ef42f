"""What people write of an order, and what is wrong with it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from wtforms import Form, HiddenField, StringField, TextAreaField

from webapp.blueprints.orders.queries import Words
from webapp.web.typed import Text, line, paragraphs, printable

CUSTOMER: Final = 200  # characters, as the table checks them
REFERENCE: Final = 100
DELIVER_TO: Final = 500
NOTE: Final = 2_000
LONGEST_SEARCH: Final = 100


class OrderForm(Form):
    """Take what people write of an order; its lines are read by ``lines.Draft``.

    ``request_key`` is made when the form is: sent twice, it places one order. ``order`` is the id of the order that
    is being changed, ``seen`` the state of it that the change began with.
    """

    request_key = HiddenField()
    order = HiddenField()
    seen = HiddenField()
    customer = StringField("Customer", [Text(CUSTOMER)], [line])
    reference = StringField("Reference", [Text(REFERENCE)], [line])
    deliver_to = TextAreaField("Deliver to", [Text(DELIVER_TO)], [paragraphs])
    note = TextAreaField("Note", [Text(NOTE)], [paragraphs])

    @property
    def words(self) -> Words:
        """Return what was written. Only after ``validate()`` has returned True."""
        return Words(*((self[name].data or "") for name in Words._fields))

    @property
    def key(self) -> UUID | None:
        """Return the request's key, or None where the field holds none."""
        return _uuid(self.request_key.data)

    @property
    def order_id(self) -> UUID | None:
        """Return the id of the order that is being changed, or None for a new one."""
        return _uuid(self.order.data)

    def refuse(self, message: str) -> None:
        """Add what is wrong with the form as a whole."""
        self.form_errors.append(message)


def searched(typed: Any) -> str:
    """Return what was typed into the search for products, on one line and not too long."""
    return line(printable(str(typed or "")[: 2 * LONGEST_SEARCH]))[:LONGEST_SEARCH]


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
