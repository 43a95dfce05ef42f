"""What each audited table is called, and what is said of a change of one of its rows.

A table that is not described here is told in general words, so that whatever is audited can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from webapp.blueprints.audit.entries import Change, Entry, Names
from webapp.models.audit import AuditAction

Form = Literal["text", "money", "number", "percent", "times"]  # times: a quantity and the price of one
GONE: Final = "someone whose account is deleted"


class Record(NamedTuple):
    """Name a record in a sentence; ``page`` is the kind of its page, where it has one."""

    label: str
    page: Literal["", "product", "order"] = ""
    id: UUID | None = None


# A sentence without its subject. None stands for the records that it is about.
Words = tuple[str | Record | None, ...]


class Field(NamedTuple):
    """Describe a column: what people call it, how its values are written, and what some of them are called."""

    label: str
    form: Form = "text"
    values: Mapping[Any, str] = {}


class Line(NamedTuple):
    """Tell an entry in one line: its label, and its value before and after."""

    label: str
    form: Form
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Kind:
    """Describe a table.

    ``label`` names a record. ``say`` gives the words for an entry, None where general ones will do, and no words at all
    where another part of the same change says it. ``line`` tells an entry in one line instead of one for each column.
    ``computed`` are columns that follow from others and are left out of the words, ``told`` those of which the words
    say all that there is to say.
    """

    title: str
    one: str
    many: str
    fields: Mapping[str, Field]
    label: Callable[[Entry, Names], Record]
    say: Callable[[Entry, Change, Names], Words | None] = lambda entry, change, names: None
    line: Callable[[Entry, Names], Line] | None = None
    computed: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()


def kind_of(table: str) -> Kind:
    """Return the description of a table, or a general one."""
    found = KINDS.get(table)
    if found is not None:
        return found
    many = table.replace("_", " ")
    one = many.removesuffix("s")
    return Kind(many.capitalize(), one, many, {}, lambda entry, names: Record(f"a {one}"))


def field_of(kind: Kind, column: str) -> Field:
    """Return the description of a column, or a general one."""
    return kind.fields.get(column) or Field(column.replace("_", " "))


def has(change: Change, table: str) -> bool:
    """Tell whether a change touched a table."""
    return any(part.table == table for part in change.parts)


def _order(entry: Entry, names: Names) -> Record:
    number = names.orders.get(entry.parent_id) if entry.parent_id else None
    return Record(f"order {number}" if number else "an order", "order" if number else "", entry.parent_id)


def _of_order(entry: Entry, change: Change, names: Names, *words: str | Record | None) -> Words:
    """Return the words with what joins them to the order, unless the change has spoken of it already."""
    return () if has(change, "orders") else (*words, _order(entry, names))


def _article(role: str) -> str:
    return f"an {role}" if role in ("admin", "owner") else f"a {role}"


def _say_organization(entry: Entry, change: Change, names: Names) -> Words | None:
    if entry.action is AuditAction.INSERT:
        return ("created the organisation",)
    return ("deleted the organisation",) if entry.action is AuditAction.DELETE else None


def _say_membership(entry: Entry, change: Change, names: Names) -> Words | None:
    role = str(entry.data.get("role", "member"))
    themselves = entry.record_id == change.user_id
    if entry.action is AuditAction.INSERT:
        return (f"became {_article(role)}",) if themselves else ("added ", None, f" as {_article(role)}")
    if entry.action is AuditAction.DELETE:
        return ("left",) if themselves else ("removed ", None)
    return (f"became {_article(role)}",) if themselves else ("made ", None, f" {_article(role)}")


def _say_product(entry: Entry, change: Change, names: Names) -> Words | None:
    if entry.changed == ("is_active",):
        if has(change, "product_changes"):
            return ()
        return ("restored ", None) if entry.data.get("is_active") else ("archived ", None)
    if entry.changed == ("stock",) and has(change, "inventory_movements"):
        return ()
    return () if entry.changed == ("price",) and has(change, "product_changes") else None


_STATUS: Final[Mapping[str, Words]] = {
    "pending": ("set ", None, " back to pending"),
    "processing": ("began processing ", None),
    "shipped": ("marked ", None, " as shipped"),
    "delivered": ("marked ", None, " as delivered"),
    "cancelled": ("cancelled ", None),
}


def _say_order(entry: Entry, change: Change, names: Names) -> Words | None:
    if entry.action is AuditAction.INSERT:
        return ("placed ", None)
    if "status" in entry.changed:
        return _STATUS.get(str(entry.data.get("status")))
    if set(entry.changed) <= _COMPUTED:
        return ("changed the items of ", None) if has(change, "order_items") else ("worked out the total of ", None)
    return None


def _say_item(entry: Entry, change: Change, names: Names) -> Words | None:
    if entry.action is AuditAction.INSERT:
        return ("added ", None) if has(change, "orders") else ("added ", None, " to ", _order(entry, names))
    if entry.action is AuditAction.DELETE:
        return ("took out ", None) if has(change, "orders") else ("took ", None, " out of ", _order(entry, names))
    within = () if has(change, "orders") else (" in ", _order(entry, names))
    return ("changed how many of ", None, *within) if entry.changed == ("quantity",) else ("changed ", None, *within)


def _say_movement(entry: Entry, change: Change, names: Names) -> Words | None:
    for_order: Words = () if has(change, "orders") else (" for ", _order(entry, names))
    if _delta(entry) < 0:
        return ("took ", None, " from stock", *for_order)
    return ("put ", None, " back into stock", *for_order)


def _product(entry: Entry, names: Names) -> str:
    return (
        names.products.get(UUID(entry.data["product_id"]), "a product") if "product_id" in entry.data else "a product"
    )


def _delta(entry: Entry) -> int:
    return int(entry.data.get("delta", 0))


def _movement(entry: Entry, names: Names) -> Line:
    delta = _delta(entry)
    return Line(f"Stock of {_product(entry, names)}", "number", -delta if delta < 0 else None, max(delta, 0) or None)


def _item(entry: Entry, names: Names) -> Line:
    old, new = ((row.get("quantity", 0), row.get("unit_price", 0)) if row else None for row in (entry.old, entry.new))
    return Line(str(entry.data.get("name", "a product")), "times", old, new)


def _say_import(entry: Entry, change: Change, names: Names) -> Words | None:
    if entry.action is AuditAction.INSERT:
        return ("uploaded ", None, " to import products from it")
    if entry.action is AuditAction.DELETE:
        return ("cleared away the upload ", None)
    return ("imported products from ", None)


def _say_bulk(entry: Entry, change: Change, names: Names) -> Words | None:
    if entry.action is AuditAction.INSERT:
        percent = Decimal(entry.data.get("percent") or 0)
        by = f" by {abs(percent).normalize():f} %"
        price: Words = ("raised the price of " if percent > 0 else "lowered the price of ", None, by)
        how = {"price": price, "archive": ("archived ", None), "restore": ("restored ", None)}
        return how.get(str(entry.data.get("kind")))
    return ("took back a change of ", None) if entry.action is AuditAction.UPDATE else None


def _bulk_label(entry: Entry, names: Names) -> Record:
    count = entry.data.get("changed")
    return Record("1 product" if count == 1 else f"{count:,} products" if isinstance(count, int) else "products")


_COMPUTED: Final = frozenset({"item_count", "subtotal", "tax_rate", "tax", "total"})
KINDS: Final[Mapping[str, Kind]] = {
    "product_changes": Kind(
        "Changes of many products", "change", "changes of many products",
        {"kind": Field("what"), "percent": Field("percent", "number"), "changed": Field("products", "number"),
         "restored": Field("taken back", "number")},
        _bulk_label, _say_bulk,
    ),
    "product_imports": Kind(
        "Imports", "import", "imports",
        {"file_name": Field("file"), "mode": Field("lines", values={"all": "all or none", "good": "good ones only"}),
         "made": Field("products added", "number"), "changed": Field("products changed", "number"),
         "unchanged": Field("products unchanged", "number"), "left_out": Field("lines left out", "number")},
        lambda entry, names: Record(str(entry.data.get("file_name") or "a file")), _say_import,
    ),
    "organizations": Kind(
        "Organisation", "organisation", "organisations",
        {"slug": Field("address"), "name": Field("name"), "tax_rate": Field("tax rate", "percent"),
         "currency": Field("currency")},
        lambda entry, names: Record("the organisation"), _say_organization,
    ),
    "memberships": Kind(
        "Members", "person", "people", {"role": Field("role")},
        lambda entry, names: Record(names.people.get(entry.record_id, GONE)), _say_membership,
    ),
    "orders": Kind(
        "Orders", "order", "orders",
        {"number": Field("number"), "customer": Field("customer"), "reference": Field("reference"),
         "deliver_to": Field("deliver to"), "note": Field("note"), "status": Field("status"),
         "item_count": Field("pieces", "number"), "subtotal": Field("subtotal", "money"),
         "tax_rate": Field("tax rate", "percent"), "tax": Field("tax", "money"), "total": Field("total", "money")},
        lambda entry, names: Record(f"order {entry.data.get('number', '')}".strip(), "order", entry.record_id),
        _say_order, computed=_COMPUTED,
    ),
    "order_items": Kind(
        "Items of orders", "item", "items",
        {"product_id": Field("product"), "sku": Field("SKU"), "name": Field("name"),
         "quantity": Field("quantity", "number"), "unit_price": Field("price of one", "money")},
        lambda entry, names: Record(f"{entry.data.get('quantity', 1):,} × {entry.data.get('name', 'a product')}"),
        _say_item, _item,
    ),
    "inventory_movements": Kind(
        "Stock taken and given back", "product", "products",
        {"delta": Field("pieces", "number"), "reason": Field("why")},
        lambda entry, names: Record(f"{abs(_delta(entry)):,} × {_product(entry, names)}"),
        _say_movement, _movement,
    ),
    "products": Kind(
        "Products", "product", "products",
        {"sku": Field("SKU"), "name": Field("name"), "description": Field("description"),
         "price": Field("price", "money"), "stock": Field("stock", "number"),
         "is_active": Field("on sale", values={True: "yes", False: "no"}), "image_path": Field("image")},
        lambda entry, names: Record(str(entry.data.get("name", "a product")), "product", entry.record_id), _say_product,
        told=frozenset({"is_active"}),
    ),
}  # fmt: skip
