"""What the file of an order list holds: one line for each order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, literal, select

from webapp.blueprints.orders.listing import Listing
from webapp.blueprints.orders.rows import matching
from webapp.models import Order, Profile
from webapp.web.csv_export import cell, moment


def rows(org_id: UUID, currency: str, listing: Listing) -> Select[Any]:
    """Return the query for all orders that ``listing`` finds, newest first, from the first one on."""
    columns: list[Any] = [
        Order.number.label("Number"),
        moment(Order.placed_at).label("Placed"),
        cast(Order.status, Text).label("Status"),
        cell(Order.customer).label("Customer"),
        cell(Order.reference).label("Reference"),
        cell(Order.deliver_to).label("Deliver to"),
        cell(Order.note).label("Note"),
        Order.item_count.label("Items"),
        Order.subtotal.label("Subtotal"),
        Order.tax_rate.label("Tax rate"),
        Order.tax.label("Tax"),
        Order.total.label("Total"),
        literal(currency).label("Currency"),
        cell(func.coalesce(func.nullif(Profile.full_name, ""), Profile.email)).label("Placed by"),
    ]
    return (
        select(*columns)
        .select_from(Order)
        .outerjoin(Profile, Profile.id == Order.placed_by)
        .where(*matching(org_id, listing))
        .order_by(Order.placed_at.desc(), Order.id.desc())
    )
