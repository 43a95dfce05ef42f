"""The tenants and people of the leak run."""

from __future__ import annotations

from uuid import UUID

from tests.factories import Factories, Org, Person
from tests.rls.outcome import Someone
from webapp.rls import Identity

TENANTS = 4
PRODUCTS = 4


def people(factories: Factories) -> tuple[Someone, ...]:
    """Make four tenants, eight people among them, and return those with the two kinds of nobody."""
    orgs = [factories.organization(f"Tenant {number}", slug=f"tenant-{number}") for number in range(TENANTS)]
    keys = {
        org.id: [(org.id, factories.product(org, f"TENANT-{org.slug} {number}").id) for number in range(PRODUCTS)]
        for org in orgs
    }

    def someone(name: str, read: list[Org], write: list[Org]) -> Someone:
        person: Person = factories.person(name)
        for org in read:
            factories.membership(org, person, "member" if org in write else "viewer")
        return Someone(
            person.identity,
            frozenset(org.id for org in read),
            frozenset(_ids(keys, read)),
            tuple(key for org in write for key in keys[org.id]),
        )

    one, two, three, four = orgs
    nobody = frozenset[UUID]()
    return (
        someone("Member of one", [one], [one]),
        someone("Member of two", [two], [two]),
        someone("Member of three", [three], [three]),
        someone("Member of four", [four], [four]),
        someone("Viewer of one", [one], []),
        someone("Viewer of two", [two], []),
        someone("In one and two", [one, two], [two]),
        someone("In none", [], []),
        Someone(Identity.anonymous(), nobody, nobody),
        Someone(Identity.sign_in(), nobody, nobody),
    )


def _ids(keys: dict[UUID, list[tuple[UUID, UUID]]], orgs: list[Org]) -> list[UUID]:
    return [key[1] for org in orgs for key in keys[org.id]]
