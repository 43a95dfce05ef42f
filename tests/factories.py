"""One factory per model. They write as the owner with plain psycopg and commit, as another process would."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal
from uuid import UUID, uuid4

import bcrypt
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from webapp.models import new_id
from webapp.rls import Identity

PASSWORD = "correct horse battery staple"
ISSUER = "http://127.0.0.1:8000"
Role = Literal["viewer", "member", "admin", "owner"]
_numbers = itertools.count(1)


@cache
def _hashed(password: str) -> str:
    # The cheapest cost that bcrypt has: a stored hash carries its own, so signing in takes a millisecond.
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()


@dataclass(frozen=True, slots=True)
class Person:
    """An account with one live session."""

    id: UUID
    session_id: UUID
    email: str
    name: str
    password: str = PASSWORD
    platform_admin: bool = False

    @property
    def claims(self) -> dict[str, Any]:
        """Return the claims of a token as the sign-in writes them."""
        now = datetime.now(UTC)
        return {
            "iss": ISSUER,
            "sub": str(self.id),
            "aud": "authenticated",
            "role": "authenticated",
            "email": self.email,
            "app_metadata": {"rowhouse_admin": True} if self.platform_admin else {},
            "session_id": str(self.session_id),
            "aal": "aal1",
            "is_anonymous": False,
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(hours=1)).timestamp()),
        }

    @property
    def identity(self) -> Identity:
        """Return who a transaction acts as for this person."""
        return Identity.user(self.claims)


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation."""

    id: UUID
    slug: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class Item:
    """A product."""

    org_id: UUID
    id: UUID
    name: str
    sku: str


class Factories:
    """Make rows on the owner's connection, asked for each time: a test may have killed the server in between."""

    def __init__(self, owner: Callable[[], psycopg.Connection]) -> None:
        self._owner = owner

    @property
    def _connection(self) -> psycopg.Connection:
        return self._owner()

    def person(
        self,
        name: str = "Ada Example",
        *,
        email: str | None = None,
        password: str = PASSWORD,
        platform_admin: bool = False,
        banned: bool = False,
    ) -> Person:
        """Make an account as sign-up does, with a session; its profile is made by the trigger."""
        address = email or f"person{next(_numbers)}@example.test"
        person = Person(uuid4(), uuid4(), address, name, password, platform_admin)
        metadata = {"provider": "email", "providers": ["email"]} | ({"rowhouse_admin": True} if platform_admin else {})
        self._connection.execute(
            "insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,"
            " raw_app_meta_data, raw_user_meta_data, created_at, updated_at, banned_until)"
            " values ('00000000-0000-0000-0000-000000000000', %s, 'authenticated', 'authenticated', %s, %s, now(),"
            " %s, %s, now(), now(), case when %s then now() + interval '1 day' end)",
            (person.id, person.email, _hashed(password), Jsonb(metadata), Jsonb({"full_name": name}), banned),
        )
        self._connection.execute(
            "insert into auth.identities (provider_id, user_id, identity_data, provider, created_at, updated_at)"
            " values (%s, %s, %s, 'email', now(), now())",
            (str(person.id), person.id, Jsonb({"sub": str(person.id), "email": person.email})),
        )
        self.session(person, session_id=person.session_id)
        return person

    def session(self, person: Person, *, session_id: UUID | None = None) -> UUID:
        """Open a session for ``person`` and return its id."""
        opened = session_id or uuid4()
        self._connection.execute(
            "insert into auth.sessions (id, user_id, created_at, updated_at, aal)"
            " values (%s, %s, now(), now(), 'aal1')",
            (opened, person.id),
        )
        return opened

    def end_session(self, person: Person) -> None:
        """Sign ``person`` out behind their back."""
        self._connection.execute("delete from auth.sessions where id = %s", (person.session_id,))

    def end_sessions(self, person: Person) -> None:
        """End every session of ``person``, those opened through the page included."""
        self._connection.execute("delete from auth.sessions where user_id = %s", (person.id,))

    def organization(self, name: str = "", *, slug: str | None = None, currency: str = "EUR") -> Org:
        number = next(_numbers)
        org = Org(new_id(), slug or f"organisation-{number}", name or f"Organisation {number}", currency)
        self._connection.execute(
            "insert into public.organizations (id, slug, name, currency) values (%s, %s, %s, %s)",
            (org.id, org.slug, org.name, org.currency),
        )
        return org

    def membership(self, org: Org, person: Person, role: Role = "member") -> None:
        self._connection.execute(
            "insert into public.memberships (org_id, user_id, role) values (%s, %s, %s)", (org.id, person.id, role)
        )

    def remove(self, org: Org, person: Person) -> None:
        """Take ``person`` out of ``org``."""
        self._connection.execute(
            "delete from public.memberships where org_id = %s and user_id = %s", (org.id, person.id)
        )

    def product(self, org: Org, name: str = "", *, sku: str | None = None, **columns: Any) -> Item:
        """Make a product; ``columns`` are any others of the table, such as ``stock=3`` or ``is_active=False``."""
        number = next(_numbers)
        item = Item(org.id, new_id(), name or f"Product {number}", sku or f"SKU-{number}")
        values = {"org_id": item.org_id, "id": item.id, "name": item.name, "sku": item.sku, "price": Decimal("9.90")}
        values |= columns
        self._connection.execute(
            sql.SQL("insert into public.products ({}) values ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.Placeholder() * len(values))
            ),
            list(values.values()),
        )
        return item
