"""The people of the demonstration. Everybody knows their password, so they exist on the embedded database alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

PASSWORD: Final = "rowhouse-demo"  # noqa: S105 - shown on the first page; it opens nothing but the demonstration


@dataclass(frozen=True, slots=True)
class House:
    """Hold an organisation of the demonstration."""

    slug: str
    name: str
    currency: str
    tax_rate: Decimal

    @property
    def short(self) -> str:
        """Return the first word of the name, such as "Acme"."""
        return self.name.split()[0]


@dataclass(frozen=True, slots=True)
class Account:
    """Hold a person: ``says`` is what they may do, in a sentence; ``orgs`` are their organisations and roles."""

    email: str
    name: str
    says: str
    orgs: tuple[tuple[str, str], ...] = ()
    platform_admin: bool = False

    @property
    def houses(self) -> tuple[str, ...]:
        """Return the slugs of their organisations."""
        return tuple(slug for slug, _ in self.orgs)

    @property
    def role(self) -> str:
        """Return what they are, such as "owner of Acme"."""
        if self.platform_admin:
            return "platform administrator"
        return ", ".join(f"{role} of {_SHORT[slug]}" for slug, role in self.orgs)


HOUSES: Final = (
    House("acme", "Acme Hardware", "EUR", Decimal("0.2100")),
    House("globex", "Globex Garden", "USD", Decimal("0.0725")),
)
_SHORT: Final = {house.slug: house.short for house in HOUSES}

ACCOUNTS: Final = (
    Account("owner@acme.test", "Omar Haddad", "Runs Acme, and sees nothing of Globex.", (("acme", "owner"),)),
    Account("admin@acme.test", "Maya Lindqvist", "Keeps Acme's catalogue.", (("acme", "admin"),)),
    Account("member@acme.test", "Jonas Weber", "Adds and changes Acme's products.", (("acme", "member"),)),
    Account("viewer@acme.test", "Vera Kranz", "Reads at Acme, and can change nothing.", (("acme", "viewer"),)),
    Account("owner@globex.test", "Ines Duarte", "Runs Globex, and sees nothing of Acme.", (("globex", "owner"),)),
    Account("member@globex.test", "Tariq Bell", "Adds and changes Globex's products.", (("globex", "member"),)),
    Account(
        "both@example.test", "Lena Fischer", "Works in both, one at a time.", (("acme", "member"), ("globex", "admin"))
    ),
    Account(
        "admin@rowhouse.test",
        "Priya Raman",
        "Administers the platform, and belongs to no organisation.",
        platform_admin=True,
    ),
)
