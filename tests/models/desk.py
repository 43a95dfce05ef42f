"""Somebody at the order desk: what a page asks of the database, each in a transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, text

from tests.factories import Item, Org, Person
from tests.fixtures.database import Database
from webapp import rls

INSERT = "insert into orders (org_id, request_key, customer) values (:org, :key, :customer) returning id"
SET_ITEMS = "select set_order_items(:org, :id, :items)"
SET_STATUS = "select set_order_status(:org, :id, cast(:status as public.order_status))"
TAKE = "select update_inventory_for_order(:org, :id)"
TOTAL = "select * from calculate_order_total(:org, :id)"

Lines = Iterable[tuple[Item | UUID, int]]


class Total(NamedTuple):
    """Hold the row of ``calculate_order_total``."""

    item_count: int
    subtotal: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal


def items(lines: Lines) -> Jsonb:
    """Return what ``set_order_items`` is given for ``lines``."""
    return Jsonb(
        [
            {"product_id": str(item.id if isinstance(item, Item) else item), "quantity": quantity}
            for item, quantity in lines
        ]
    )


@dataclass(frozen=True)
class Desk:
    """One person who works for one organisation. What is refused raises an error of ``webapp.rls.errors``."""

    engine: Engine
    org: Org
    person: Person
    limits: rls.Limits = rls.Limits()

    def run(self, sql: str, **parameters: Any) -> Sequence[Any]:
        """Run one statement in a transaction of its own and return its rows."""
        with self.transaction() as connection:
            return self.say(connection, sql, **parameters)

    def transaction(self) -> Any:
        """Begin a transaction that is committed at the end."""
        return rls.unit_of_work(self.engine, self.person.identity, limits=self.limits)

    def say(self, connection: Connection, sql: str, **parameters: Any) -> Sequence[Any]:
        """Run one statement in a transaction that is there."""
        result = connection.execute(text(sql), {"org": self.org.id, **parameters} if ":org" in sql else parameters)
        return result.all() if result.returns_rows else []

    def insert(self, connection: Connection, *, customer: str = "", key: UUID | None = None) -> UUID:
        """Insert an order without items in a transaction that is there."""
        found: UUID = self.say(connection, INSERT, key=key or uuid4(), customer=customer)[0][0]
        return found

    def place(self, lines: Lines = (), **details: Any) -> UUID:
        """Place an order as the page does: the order and its items in one transaction."""
        wanted = list(lines)
        with self.transaction() as connection:
            order = self.insert(connection, **details)
            if wanted:
                self.say(connection, SET_ITEMS, id=order, items=items(wanted))
        return order

    def set_items(self, order: UUID, lines: Lines) -> None:
        self.run(SET_ITEMS, id=order, items=items(lines))

    def set_status(self, order: UUID, status: str | None) -> None:
        self.run(SET_STATUS, id=order, status=status)

    def take(self, order: UUID) -> int:
        taken: int = self.run(TAKE, id=order)[0][0]
        return taken

    def total(self, order: UUID) -> Total | None:
        rows = self.run(TOTAL, id=order)
        return Total(*rows[0]) if rows else None


@dataclass(frozen=True)
class Books:
    """What stands in the tables, as their owner sees it."""

    database: Database

    def stock(self, *products: Item) -> list[int]:
        rows = self.database.sql(
            "select id, stock from products where id = any (%s)", ([item.id for item in products],)
        )
        found = dict(rows)
        return [found[item.id] for item in products]

    def moved(self, order: UUID) -> list[tuple[Any, ...]]:
        """Return product, delta and reason of each movement of ``order``."""
        return self.database.sql(
            "select product_id, delta, reason::text from inventory_movements m where order_id = %s"
            " order by m.reason, delta",
            (order,),
        )

    def items(self, order: UUID) -> list[tuple[Any, ...]]:
        """Return product, SKU, name, quantity, price and amount of each item of ``order``, in their order."""
        return self.database.sql(
            "select product_id, sku, name, quantity, unit_price, amount from order_items where order_id = %s"
            " order by position",
            (order,),
        )

    def events(self, order: UUID) -> list[tuple[Any, ...]]:
        """Return what happened to ``order`` and who did it."""
        return self.database.sql(
            "select event::text, actor from order_events where order_id = %s order by at, id", (order,)
        )

    def order(self, order: UUID) -> Mapping[str, Any]:
        """Return the row of ``order``."""
        cursor = self.database.owner().execute("select * from orders where id = %s", (order,))
        row = cursor.fetchone()
        assert row is not None
        assert cursor.description is not None
        return {column.name: value for column, value in zip(cursor.description, row, strict=True)}

    def status(self, order: UUID) -> str:
        return str(self.order(order)["status"])


def together(*doings: Callable[[], Any]) -> list[Any]:
    """Do everything at once, each in a thread of its own, and return what each returned or raised, in their order."""
    barrier = threading.Barrier(len(doings))
    outcomes: list[Any] = [None] * len(doings)

    def do(place: int) -> None:
        barrier.wait()
        try:
            outcomes[place] = doings[place]()
        except Exception as exc:
            outcomes[place] = exc

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(doings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
