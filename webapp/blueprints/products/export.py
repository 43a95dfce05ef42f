"""What the file of a product list holds. Its columns are those that an import can take back, and when things were."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, literal, select

from webapp.blueprints.products.listing import Listing
from webapp.blueprints.products.queries import in_order
from webapp.models import Product
from webapp.web.catalogue import matching
from webapp.web.csv_export import cell, moment


def rows(org_id: UUID, currency: str, listing: Listing) -> Select[Any]:
    """Return the query for all products that ``listing`` finds, in its order, from the first one on."""
    return (
        select(
            cell(Product.sku).label("SKU"),
            cell(Product.name).label("Name"),
            cell(Product.description).label("Description"),
            Product.price.label("Price"),
            literal(currency).label("Currency"),
            Product.stock.label("Stock"),
            case((Product.is_active, "active"), else_="archived").label("Status"),
            moment(Product.created_at).label("Created"),
            moment(Product.updated_at).label("Changed"),
        )
        .where(*matching(org_id, listing))
        .order_by(*in_order(listing.sort, descending=listing.descending))
    )
