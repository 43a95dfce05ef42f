"""A change in words that a person who has never seen a database can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from webapp.blueprints.audit.entries import Change, Counted, Data, Entry, Names, changes
from webapp.blueprints.audit.words import Told, tell
from webapp.models import Base
from webapp.models.audit import AuditAction
from webapp.models.audited import Audited, audited

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAYA, OMAR, ORDER, DRILL = (uuid4() for _ in range(4))
NAMES = Names({MAYA: "Maya Lindqvist", OMAR: "Omar Haddad"}, {ORDER: 1042}, {DRILL: "Cordless drill"})
PRODUCT: Data = {"name": "Padlock", "sku": "P-1", "price": Decimal("11.90"), "stock": 7, "is_active": True,
                 "description": "", "image_path": None}  # fmt: skip
AN_ORDER: Data = {"number": 1042, "customer": "", "reference": "", "deliver_to": "", "note": "", "status": "pending",
                  "item_count": 0, "subtotal": Decimal("0.00"), "tax_rate": Decimal("0.2100"), "tax": Decimal("0.00"),
                  "total": Decimal("0.00")}  # fmt: skip
ITEM: Data = {
    "product_id": str(DRILL),
    "sku": "D-1",
    "name": "Cordless drill",
    "quantity": 2,
    "unit_price": Decimal(149),
}
MOVED: Data = {"product_id": str(DRILL), "delta": -2, "reason": "order"}


def entry(table: str, old: Data | None, new: Data | None, **columns: Any) -> Entry:
    """Return an entry of Maya's; ``columns`` are any others of it."""
    action = AuditAction.INSERT if old is None else AuditAction.DELETE if new is None else AuditAction.UPDATE
    given: dict[str, Any] = {"at": NOW, "id": uuid4(), "written_at": NOW, "record_id": uuid4(), "parent_id": None,
                             "user_id": MAYA, **columns}  # fmt: skip
    return Entry(table=table, action=action, old=old, new=new, **given)


def told(*entries: Entry, alike: int = 0, more: bool = False) -> Told:
    """Return one transaction's entries in words."""
    (found,) = tell(changes(Counted(one, alike or 1, more) for one in entries), NAMES)
    return found


def said(*entries: Entry, alike: int = 0, more: bool = False) -> str:
    """Return the sentence as a reader sees it."""
    found = told(*entries, alike=alike, more=more)
    return " ".join([found.who, "".join(word if isinstance(word, str) else word.label for word in found.words)])


def product(**changed: Any) -> Data:
    return PRODUCT | changed


def order(**changed: Any) -> Data:
    return AN_ORDER | changed


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([entry("products", None, PRODUCT)], "added Padlock"),
        ([entry("products", PRODUCT, product(price=Decimal("12.80")))], "changed the price of Padlock"),
        ([entry("products", PRODUCT, product(price=Decimal(9), stock=3))], "changed the price and stock of Padlock"),
        ([entry("products", PRODUCT, product(name="P", price=Decimal(9), stock=3))],
         "changed the name, price and stock of P"),
        ([entry("products", PRODUCT, product(name="P", sku="q", price=Decimal(9), stock=3))], "changed P"),
        ([entry("products", PRODUCT, product(is_active=False))], "archived Padlock"),
        ([entry("products", product(is_active=False), PRODUCT)], "restored Padlock"),
        ([entry("products", PRODUCT, None)], "deleted Padlock"),
        ([entry("organizations", {"tax_rate": Decimal("0.2")}, {"tax_rate": Decimal("0.21")})],
         "changed the tax rate of the organisation"),
        ([entry("organizations", None, {"name": "A"}), entry("memberships", None, {"role": "owner"}, record_id=MAYA)],
         "created the organisation; became an owner"),
        ([entry("memberships", None, {"role": "viewer"}, record_id=OMAR)], "added Omar Haddad as a viewer"),
        ([entry("memberships", {"role": "viewer"}, {"role": "admin"}, record_id=OMAR)], "made Omar Haddad an admin"),
        ([entry("memberships", {"role": "viewer"}, None, record_id=OMAR)], "removed Omar Haddad"),
        ([entry("memberships", {"role": "viewer"}, None, record_id=MAYA)], "left"),
        ([entry("memberships", {"role": "viewer"}, None)], "removed someone whose account is deleted"),
        ([entry("orders", AN_ORDER, order(note="Ring"), record_id=ORDER)], "changed the note of order 1042"),
        ([entry("orders", AN_ORDER, order(status="shipped"), record_id=ORDER)], "marked order 1042 as shipped"),
        ([entry("order_items", None, ITEM, parent_id=ORDER)], "added 2 × Cordless drill to order 1042"),
        ([entry("order_items", ITEM, None, parent_id=ORDER)], "took 2 × Cordless drill out of order 1042"),
        ([entry("inventory_movements", None, MOVED, parent_id=ORDER)],
         "took 2 × Cordless drill from stock for order 1042"),
        ([entry("product_imports", None, {"file_name": "a.csv"})], "uploaded a.csv to import products from it"),
        ([entry("product_changes", None, {"kind": "price", "percent": Decimal("-5.00"), "changed": 408})],
         "lowered the price of 408 products by 5 %"),
        ([entry("product_changes", None, {"kind": "archive", "percent": None, "changed": 1})], "archived 1 product"),
        ([entry("shelf_labels", {"colour_name": "red"}, {"colour_name": "blue"})],
         "changed the colour name of a shelf label"),
    ],
)  # fmt: skip
def test_a_change_is_a_sentence(entries: list[Entry], sentence: str) -> None:
    assert said(*entries) == f"Maya Lindqvist {sentence}"


def test_what_belongs_together_is_one_sentence() -> None:
    later = NOW + timedelta(milliseconds=1)
    placed = [
        entry("orders", None, AN_ORDER, record_id=ORDER),
        entry("order_items", None, ITEM, parent_id=ORDER),
        entry("order_items", None, ITEM | {"name": "Saw"}, parent_id=ORDER),
        entry("orders", AN_ORDER, order(total=Decimal("298.00")), record_id=ORDER, written_at=later),
    ]
    assert said(*placed) == "Maya Lindqvist placed order 1042; added 2 items"
    totals = {line.label: line.new for detail in told(*placed).details for line in detail.differences}
    assert totals["Total"] == Decimal("298.00")
    processed = [
        entry("orders", AN_ORDER, order(status="processing"), record_id=ORDER),
        entry("inventory_movements", None, MOVED, parent_id=ORDER),
        entry("products", PRODUCT, product(stock=5)),
    ]
    assert said(*processed) == "Maya Lindqvist began processing order 1042; took 2 × Cordless drill from stock"
    lines = [(line.label, line.old, line.new) for detail in told(*processed).details for line in detail.differences]
    assert lines == [("Status", "pending", "processing"), ("Stock", 7, 5)]


def test_a_change_of_many_says_how_many() -> None:
    one = entry("products", PRODUCT, product(price=Decimal(12)))
    others = [entry("products", PRODUCT, product(price=Decimal(12))) for _ in range(4)]
    assert said(one, *others, alike=368) == "Maya Lindqvist changed the price of 368 products"
    assert told(one, *others, alike=368).rest == 363
    assert said(one, *others, alike=1000, more=True) == "Maya Lindqvist changed the price of more than 1,000 products"


def test_rows_that_came_and_went_in_one_transaction_are_not_told() -> None:
    record = uuid4()
    later = NOW + timedelta(seconds=1)
    came = entry("products", None, PRODUCT, record_id=record)
    went = entry("products", PRODUCT, None, record_id=record, written_at=later)
    other = entry("products", PRODUCT, product(stock=1))
    assert said(came, went, other) == "Maya Lindqvist changed the stock of Padlock"


def test_what_is_changed_and_changed_back_is_no_difference() -> None:
    record, later = uuid4(), NOW + timedelta(seconds=1)
    there = entry("products", PRODUCT, product(stock=1), record_id=record)
    back = entry("products", product(stock=1), PRODUCT, record_id=record, written_at=later)
    assert said(there, back) == "Maya Lindqvist changed something, and changed it back"


@pytest.mark.parametrize(
    ("user", "who", "initials"),
    [
        (MAYA, "Maya Lindqvist", "ML"),
        (None, "An operator", "AO"),
        (UUID(int=1), "Someone whose account is deleted", "SD"),
    ],
)
def test_whoever_it_was_has_a_name(user: UUID | None, who: str, initials: str) -> None:
    found = told(entry("products", None, PRODUCT, user_id=user))
    assert (found.who, found.initials) == (who, initials)


def test_two_people_in_the_same_microsecond_are_two_changes() -> None:
    mixed = [entry("products", None, PRODUCT, user_id=user) for user in (MAYA, OMAR, MAYA)]
    found: tuple[Change, ...] = changes(Counted(one, 1, False) for one in mixed)
    assert {change.user_id: len(change.parts[0].entries) for change in found} == {MAYA: 2, OMAR: 1}
    assert len(found) == 2


def test_values_are_called_what_people_call_them() -> None:
    before, after = product(is_active=True), product(is_active=False, stock=0)
    lines = {line.label: (line.old, line.new) for line in told(entry("products", before, after)).details[0].differences}
    assert lines == {"Stock": (7, 0), "On sale": ("yes", "no")}


def test_a_long_text_is_told_by_its_difference() -> None:
    long = "Made of steel, for people who work outdoors in all weathers and all the year round. " * 3
    (detail,) = told(entry("products", product(description=long), product(description=long + "New."))).details
    assert [piece.kind for piece in detail.differences[0].pieces] == ["same", "new"]


def test_every_audited_table_is_told_without_a_column_of_its_own_making() -> None:
    """Whatever is audited can be read, in general words where nobody has written any."""
    for table in Base.metadata.tables.values():
        declared = audited(table)
        if isinstance(declared, Audited):
            words = said(entry(table.name, None, {name: _value(table.c[name]) for name in declared.columns}))
            assert len(words) > len("Maya Lindqvist ")
            assert table.name == "products" or f"{table.name} " not in words or "_" not in table.name


def _value(column: Any) -> Any:
    kind = column.type.python_type
    return str(uuid4()) if kind is UUID else kind(1) if kind in (int, Decimal, bool) else "a word"
