"""Whatever is done to orders and items, by however many transactions at a time, the figures are those of the rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.factories import Factories, Item, Org, Person
from tests.fixtures.database import Database
from tests.models.sales import differences

HANDS = 3  # transactions that are open at the same time
STATUSES = ("pending", "processing", "shipped", "delivered", "cancelled")
# What a test that is alone may not wait for: a row that one of its own other transactions holds.
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
# What a move may run into and a person too; each leaves nothing behind.
REFUSED = (psycopg.errors.RaiseException, psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation)

_SOME = "select id from public.orders where org_id = %(org)s order by id offset %(skip)s limit %(count)s"
_WHEN = "now() - %(hours)s * interval '1 hour'"

# Each move is one statement of the owner, who may do anything to the tables.
MOVES = {
    "insert": f"""
      insert into public.orders (org_id, number, status, total, subtotal, item_count, placed_at)
      select %(org)s, %(number)s + n, (%(statuses)s::text[])[1 + n %% 2]::public.order_status, n, n, n, {_WHEN}
      from generate_series(1, %(count)s) n""",
    "insert with items": f"""
      with made as (
        insert into public.orders (org_id, number, status, placed_at)
        values (%(org)s, %(number)s, %(status)s, {_WHEN}) returning org_id, id
      )
      insert into public.order_items (org_id, order_id, product_id, position, sku, name, quantity, unit_price)
      select m.org_id, m.id, p, 1, '', '', %(count)s, 1.25 from made m, unnest(%(products)s::uuid[]) p""",
    "add items": f"""
      insert into public.order_items (org_id, order_id, product_id, position, sku, name, quantity, unit_price)
      select %(org)s, o.id, p, 1, '', '', %(count)s, 3.10 from ({_SOME}) o, unnest(%(products)s::uuid[]) p
      on conflict (org_id, order_id, product_id) do update set quantity = excluded.quantity""",
    "change items": f"""
      update public.order_items set quantity = quantity + %(count)s, unit_price = unit_price * 2
      where org_id = %(org)s and order_id in ({_SOME})""",
    "exchange products": f"""
      update public.order_items i set product_id = (%(products)s::uuid[])[1]
      where org_id = %(org)s and order_id in ({_SOME}) and not exists (
        select from public.order_items o where o.org_id = i.org_id and o.order_id = i.order_id and o.id <> i.id
      )""",
    "move items": f"""
      update public.order_items i set order_id = o.id from ({_SOME}) o
      where i.org_id = %(org)s and not exists (
        select from public.order_items x where x.org_id = %(org)s and x.order_id = o.id
      ) and i.id in (select id from public.order_items where org_id = %(org)s order by id limit 1)""",
    "delete items": f"delete from public.order_items where org_id = %(org)s and order_id in ({_SOME})",
    "set status": f"""
      update public.orders set status = %(status)s where org_id = %(org)s and id in ({_SOME})""",
    "swap statuses": f"""
      update public.orders
      set status = case status when 'pending' then 'delivered' else 'pending' end::public.order_status
      where org_id = %(org)s and id in ({_SOME})""",
    "set total": f"""
      update public.orders set total = total + 7.5, subtotal = subtotal + 7.5, item_count = item_count + 1
      where org_id = %(org)s and id in ({_SOME})""",
    "set day": f"update public.orders set placed_at = {_WHEN} where org_id = %(org)s and id in ({_SOME})",
    "write a note": f"update public.orders set note = note || '.' where org_id = %(org)s and id in ({_SOME})",
    "delete": f"delete from public.orders where org_id = %(org)s and id in ({_SOME})",
    "fold": "select rowhouse.fold_sales(%(org)s, 1)",
    "rebuild": "select rowhouse.rebuild_sales(%(org)s)",
}
DEEDS = ("place", "compose", "advance", "cancel")
ENDS = ("commit", "rollback", "commit")

_step = st.tuples(
    st.integers(0, HANDS - 1),
    st.sampled_from([*MOVES, *DEEDS, *DEEDS, *ENDS]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)


class Shop:
    """One organisation and several hands at it, each with a transaction of its own that may be open."""

    def __init__(self, database: Database, factories: Factories, hands: list[psycopg.Connection]) -> None:
        self.org: Org = factories.organization()
        self.items: list[Item] = [factories.product(self.org, stock=50) for _ in range(4)]
        self.people: list[Person] = [factories.person(), factories.person()]
        factories.membership(self.org, self.people[0], "member")
        factories.membership(self.org, self.people[1], "admin")
        self.hands = hands
        self.reader = database.owner()
        self._number = 0

    def do(self, hand: psycopg.Connection, move: str, chance: random.Random, taken_back: bool) -> None:
        """Do one thing in a savepoint, which is taken back if it fails, or if the chance says so."""
        try:
            with hand.transaction(force_rollback=taken_back):
                if move in MOVES:
                    hand.execute(MOVES[move], self._values(chance))
                else:
                    with acting(hand, chance.choice(self.people)):
                        self._deed(hand, move, chance)
        except (*BUSY, *REFUSED):
            pass

    def _values(self, chance: random.Random) -> dict[str, object]:
        self._number += 20
        return {
            "org": self.org.id,
            "number": self._number,
            "status": chance.choice(STATUSES),
            "statuses": chance.sample(STATUSES, 2),
            "count": chance.randint(1, 4),
            "skip": chance.randint(0, 6),
            "hours": chance.randint(0, 24 * 70),
            "products": [item.id for item in chance.sample(self.items, chance.randint(1, 3))],
        }

    def _deed(self, hand: psycopg.Connection, deed: str, chance: random.Random) -> None:
        """Do what the pages do, by the functions that they call."""
        if deed == "place":
            row = hand.execute(
                "insert into public.orders (org_id, customer) values (%s, 'C') returning id", (self.org.id,)
            ).fetchone()
            assert row is not None
            self._compose(hand, row[0], chance)
            return
        found = hand.execute(_SOME, self._values(chance)).fetchone()
        if found is None:
            return
        if deed == "compose":
            self._compose(hand, found[0], chance)
        else:
            status = "cancelled" if deed == "cancel" else chance.choice(("processing", "shipped", "delivered"))
            hand.execute("select public.set_order_status(%s, %s, %s)", (self.org.id, found[0], status))

    def _compose(self, hand: psycopg.Connection, order_id: UUID, chance: random.Random) -> None:
        lines = [
            {"product_id": str(item.id), "quantity": chance.randint(1, 9)}
            for item in chance.sample(self.items, chance.randint(1, 4))
        ]
        hand.execute("select public.set_order_items(%s, %s, %s)", (self.org.id, order_id, Jsonb(lines)))


@contextmanager
def acting(hand: psycopg.Connection, person: Person) -> Iterator[None]:
    """Act as a signed-in person until the block ends."""
    claims = Jsonb(person.claims)
    hand.execute(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s::text, true)", (claims,)
    )
    yield
    hand.execute("reset role; select set_config('request.jwt.claims', '', true)")


@pytest.fixture
def open_hands(database: Database) -> Iterator[Callable[[], list[psycopg.Connection]]]:
    """Return what gives the same few connections of the owner, each with no transaction open."""
    with ExitStack() as stack:
        hands = [stack.enter_context(psycopg.connect(database.direct_url)) for _ in range(HANDS)]

        def opened() -> list[psycopg.Connection]:
            for hand in hands:
                hand.rollback()
                hand.execute("set lock_timeout = '10ms'")
                hand.commit()
            return hands

        yield opened


def check(
    database: Database,
    factories: Factories,
    hands: list[psycopg.Connection],
    steps: list[tuple[int, str, int, bool]],
) -> None:
    """Take the steps; after each of them the figures are those of the rows, for everybody who looks."""
    shop = Shop(database, factories, hands)
    for number, move, seed, taken_back in steps:
        hand = hands[number]
        if move == "commit":
            hand.commit()
        elif move == "rollback":
            hand.rollback()
        else:
            shop.do(hand, move, random.Random(seed), taken_back and seed % 4 == 0)
        assert differences(hand, shop.org.id) == {}, f"as the transaction sees it, after {move}"
        assert differences(shop.reader, shop.org.id) == {}, f"as everybody sees it, after {move}"
    for hand in hands:
        hand.commit()
    assert differences(shop.reader, shop.org.id) == {}


# Making a failing list of steps shorter takes minutes, more than a test may: that is left to the long suite.
_fixed = settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_many = settings(_fixed, max_examples=300, phases=tuple(Phase))


@_fixed
@given(steps=st.lists(_step, min_size=20, max_size=60))
def test_figures_are_those_of_the_rows_whatever_is_done_to_them(
    steps: list[tuple[int, str, int, bool]],
    database: Database,
    factories: Factories,
    open_hands: Callable[[], list[psycopg.Connection]],
) -> None:
    check(database, factories, open_hands(), steps)


@pytest.mark.long
@pytest.mark.timeout(900)
@_many
@given(steps=st.lists(_step, min_size=20, max_size=120))
def test_figures_are_those_of_the_rows_whatever_is_done_to_them_at_length(
    steps: list[tuple[int, str, int, bool]],
    database: Database,
    factories: Factories,
    open_hands: Callable[[], list[psycopg.Connection]],
) -> None:
    check(database, factories, open_hands(), steps)
