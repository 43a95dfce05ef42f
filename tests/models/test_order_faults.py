"""Something fails between any two steps of what an order's functions do: nothing of it is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from tests.factories import Factories
from tests.fixtures.database import Database
from tests.fixtures.world import World, build
from tests.models.desk import INSERT, SET_ITEMS, SET_STATUS, Books, Desk, items
from webapp import rls
from webapp.rls.errors import Refused, Unavailable

# Each of these fails, after the table was written, in a transaction that asks for it: by an error, or by a server
# process that dies. The last one fails at COMMIT.
FAULTS = """
create function public.fault() returns trigger language plpgsql security definer as $$
begin
  if current_setting('test.fault', true) = tg_argv[0] then
    if current_setting('test.kind', true) = 'death' then
      perform pg_terminate_backend(pg_backend_pid());
    end if;
    raise exception 'a fault' using errcode = 'P0001', constraint = 'fault';
  end if;
  return null;
end $$;
grant execute on function public.fault() to authenticated;
create trigger z_fault after insert or update or delete on public.orders
for each statement execute function public.fault('orders');
create trigger z_fault after insert or update or delete on public.order_items
for each statement execute function public.fault('order_items');
create trigger z_fault after insert or update or delete on public.order_events
for each statement execute function public.fault('order_events');
create trigger z_fault after insert or update or delete on public.products
for each statement execute function public.fault('products');
create trigger z_fault after insert or update or delete on public.inventory_movements
for each statement execute function public.fault('inventory_movements');
create constraint trigger z_fault_at_commit after insert or update on public.orders
deferrable initially deferred for each row execute function public.fault('commit');
"""
STEPS = {
    "place": ("orders", "order_events", "order_items", "commit"),
    "compose": ("order_items", "orders", "order_events", "commit"),
    "process": ("orders", "order_events", "products", "inventory_movements", "commit"),
    "cancel": ("orders", "order_events", "products", "inventory_movements", "commit"),
    "ship": ("orders", "order_events", "commit"),
}


@pytest.fixture
def faulty(spare_database: Callable[[], Database]) -> Iterator[tuple[Database, Engine]]:
    """Return a database that fails when it is asked to, and a way into it."""
    database = spare_database()
    database.admin_sql(FAULTS)
    engine = rls.create_engine(database.web_url)
    yield database, engine
    engine.dispose()


def statements(doing: str, desk: Desk, world: World, order: UUID) -> list[tuple[str, dict[str, object]]]:
    """Return what a page would run to do it."""
    hammer, nails, _ = world.acme.products
    if doing == "place":
        insert = INSERT.replace("(org_id, ", "(org_id, id, ").replace("(:org, ", "(:org, :new, ")
        new = UUID(int=7)
        return [
            (insert, {"new": new, "key": new, "customer": "Brick Lane"}),
            (SET_ITEMS, {"id": new, "items": items([(hammer, 1)])}),
        ]
    if doing == "compose":
        return [(SET_ITEMS, {"id": order, "items": items([(nails, 2)])})]
    status = {"process": "processing", "cancel": "cancelled", "ship": "shipped"}[doing]
    return [(SET_STATUS, {"id": order, "status": status})]


@pytest.mark.parametrize("kind", ["error", "death"])
@pytest.mark.parametrize("doing", STEPS)
def test_a_fault_after_any_step_leaves_nothing_half_done(
    doing: str, kind: str, faulty: tuple[Database, Engine]
) -> None:
    database, engine = faulty
    world = build(Factories(database.owner))
    desk, hammer = Desk(engine, world.acme.org, world.acme.admin), world.acme.products[0]
    order = desk.place([(hammer, 5)])
    if doing in ("cancel", "ship"):
        desk.set_status(order, "processing")
    before = database.snapshot()

    def do(fault: str) -> None:
        with desk.transaction() as connection:
            connection.execute(text("select set_config('test.fault', :fault, true)"), {"fault": fault})
            connection.execute(text("select set_config('test.kind', :kind, true)"), {"kind": kind})
            for sql, parameters in statements(doing, desk, world, order):
                desk.say(connection, sql, **parameters)

    for fault in STEPS[doing]:
        with pytest.raises((Refused, Unavailable)) as caught:
            do(fault)
        assert isinstance(caught.value, Unavailable) == (kind == "death"), fault
        assert caught.value.constraint == ("fault" if kind == "error" else None), fault
        assert database.snapshot() == before, fault
    do("none")
    after = database.snapshot()
    assert {name for name in before if before[name] != after[name]} >= {"public." + STEPS[doing][0]}
    assert Books(database).stock(hammer) == [20 if doing in ("process", "ship") else 25]
