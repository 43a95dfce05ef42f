"""The mapped classes, as the web login may use them."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Engine

from tests.fixtures.world import World
from webapp import rls
from webapp.models import Product


def test_a_member_adds_a_product_by_the_orm_and_naming_no_more_than_granted(web_engine: Engine, world: World) -> None:
    with rls.session_of_work(web_engine, world.acme.member.identity) as session:
        made = Product(org_id=world.acme.org.id, name="Rip saw", sku="RS-1", price=Decimal("21.50"))
        session.add(made)
        session.flush()
        assert (made.stock, made.is_active, made.image_path) == (0, True, None)
