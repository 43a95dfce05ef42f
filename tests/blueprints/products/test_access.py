"""Who may change the catalogue: asked of Postgres itself, and by which buttons the pages show."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.fixtures.application import ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import World
from webapp.rls import Identity, create_engine, errors, unit_of_work


@pytest.mark.parametrize("who", ["viewer", "globex"])
def test_who_may_not_write_is_refused_by_postgres_itself(database: Database, world: World, who: str) -> None:
    person = world.acme.viewer if who == "viewer" else world.globex.member
    engine = create_engine(database.web_url)
    item = world.acme.products[0]
    with pytest.raises(errors.NotPermitted), unit_of_work(engine, person.identity) as connection:
        connection.exec_driver_sql(
            "insert into products (org_id, id, name, sku, price) values (%s, %s, 'x', 'x', 1)", (item.org_id, uuid4())
        )
    with unit_of_work(engine, person.identity) as connection:
        changed = connection.exec_driver_sql("update products set stock = 0 where id = %s", (item.id,))
        assert changed.rowcount == 0
    with pytest.raises(errors.NotPermitted), unit_of_work(engine, person.identity) as connection:
        connection.exec_driver_sql("delete from products where id = %s", (item.id,))
    with pytest.raises(errors.NotPermitted), unit_of_work(engine, Identity.anonymous()) as connection:
        connection.exec_driver_sql("select * from products")


@pytest.mark.parametrize(("who", "shown"), [("viewer", False), ("member", True), ("owner", True)])
def test_buttons_are_shown_to_those_who_may_press_them(
    client_for: ClientFor, world: World, who: str, shown: bool
) -> None:
    client = client_for(getattr(world.acme, who))
    item = world.acme.products[0]
    for path in ("/o/acme/products/", f"/o/acme/products/{item.id}"):
        page = client.page(path)
        targets = {
            element.get(name) or ""
            for tag, name in (("form", "action"), ("button", "formaction"), ("a", "href"))
            for element in page.all(tag)
        }
        assert any("/archive" in target for target in targets) is shown
    archived = client.get(f"/o/acme/products/{world.acme.products[2].id}").get_data(as_text=True)
    assert ("/restore" in archived) is shown
    assert ("/o/acme/products/new" in client.get("/o/acme/products/").get_data(as_text=True)) is shown
    assert (
        f"/o/acme/products/{item.id}/edit" in client.get(f"/o/acme/products/{item.id}").get_data(as_text=True)
    ) is shown
