"""An organisation for one test, so that no test depends on another one's data."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from tests.factories import Factories, Item, Org, Person

_numbers = itertools.count(1)


@dataclass(frozen=True)
class House:
    """An organisation with one member, and a viewer who may change nothing."""

    org: Org
    member: Person
    viewer: Person
    items: tuple[Item, ...]

    @property
    def products(self) -> str:
        """Return the path of its list of products."""
        return f"/o/{self.org.slug}/products/"


def build(factories: Factories, *products: str) -> House:
    """Make an organisation with products of these names; each costs and has in stock as many as its place says."""
    number = next(_numbers)
    org = factories.organization(f"House {number}", slug=f"house-{number}")
    member = factories.person("Mia Member", email=f"mia{number}@example.test")
    viewer = factories.person("Vic Viewer", email=f"vic{number}@example.test")
    factories.membership(org, member, "member")
    factories.membership(org, viewer, "viewer")
    items = tuple(
        factories.product(org, name, sku=f"SKU-{place:03}", price=place, stock=place)
        for place, name in enumerate(products, 1)
    )
    return House(org, member, viewer, items)
