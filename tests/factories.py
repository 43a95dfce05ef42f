"""One factory per model. They write as the owner with plain psycopg and commit, as another process would."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
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
Status = Literal["pending", "processing", "shipped", "delivered", "cancelled"]
_numbers = itertools.count(1)

# What happens to an order on its way to each status, after it was placed.
_HAPPENED: dict[Status, tuple[Status, ...]] = {
    "pending": (),
    "processing": ("processing",),
    "shipped": ("processing", "shipped"),
    "delivered": ("processing", "shipped", "delivered"),
    "cancelled": ("cancelled",),
}
# All of an order in one statement. What was sold has left the stock before: products stay as they are.
_ORDER = """
with line as (
  select p.*, given.quantity, given.position
  from unnest(%(products)s::uuid[], %(quantities)s::integer[]) with ordinality given (id, quantity, position)
  join public.products p on p.org_id = %(org)s and p.id = given.id
), price as (
  select coalesce(sum(l.quantity), 0) as item_count, coalesce(sum(l.quantity * l.price), 0) as subtotal from line l
), made as (
  insert into public.orders (org_id, id, placed_by, customer, reference, deliver_to, note, status, placed_at,
    item_count, subtotal, tax_rate, tax, total)
  select g.id, %(id)s, %(person)s, %(customer)s, %(reference)s, %(deliver_to)s, %(note)s, %(status)s, %(placed_at)s,
    s.item_count, s.subtotal, g.tax_rate, t.tax, s.subtotal + t.tax
  from public.organizations g, price s, rowhouse.tax_on(s.subtotal, g.tax_rate, g.currency) t (tax)
  where g.id = %(org)s
  returning number
), items as (
  insert into public.order_items (org_id, order_id, product_id, position, sku, name, quantity, unit_price)
  select %(org)s, %(id)s, l.id, l.position, l.sku, l.name, l.quantity, l.price from line l
), taken as (
  insert into public.inventory_movements (org_id, product_id, order_id, delta, reason)
  select %(org)s, l.id, %(id)s, -l.quantity, 'order' from line l where 'processing' = any (%(happened)s)
), happened as (
  insert into public.order_events (org_id, order_id, event, actor, at)
  select %(org)s, %(id)s, event::public.order_event, %(person)s, %(placed_at)s + position * interval '1 second'
  from unnest(%(happened)s::text[]) with ordinality given (event, position)
)
select number from made
"""


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


@dataclass(frozen=True, slots=True)
class Sale:
    """An order."""

    org_id: UUID
    id: UUID
    number: int


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

    def order(
        self,
        org: Org,
        person: Person,
        lines: Sequence[tuple[Item, int]] = (),
        *,
        status: Status = "pending",
        placed_at: datetime | None = None,
        customer: str = "",
        reference: str = "",
        deliver_to: str = "",
        note: str = "",
    ) -> Sale:
        """Make an order that ``person`` placed and brought to ``status``, of products and their quantities.

        Prices are the products'; their stock stays as it is, as what is left after the order. What happened is a second
        apart, from ``placed_at`` on, which is a minute ago.
        """
        when = placed_at or datetime.now(UTC) - timedelta(minutes=1)
        order_id = new_id()
        values = {
            "org": org.id,
            "id": order_id,
            "person": person.id,
            "products": [item.id for item, _ in lines],
            "quantities": [quantity for _, quantity in lines],
            "status": status,
            "placed_at": when,
            "happened": list(_HAPPENED[status]),
            "customer": customer,
            "reference": reference,
            "deliver_to": deliver_to,
            "note": note,
        }
        # As the person, so that triggers know who it was.
        claims = Jsonb({"sub": str(person.id), "role": "authenticated"})
        with self._connection.transaction():
            self._connection.execute("select set_config('request.jwt.claims', %s::text, true)", (claims,))
            found = self._connection.execute(_ORDER, values).fetchone()
        assert found is not None
        return Sale(org.id, order_id, found[0])

    def fold_sales(self, org: Org) -> None:
        """Add to the rollups of ``org`` what its orders have appended."""
        self._connection.execute("select rowhouse.fold_sales(%s, 1)", (org.id,))

    def noted_at(self, org: Org) -> datetime:
        """Return the moment of the newest entry of the audit trail of ``org``."""
        row = self._connection.execute("select max(at) from public.audit_log where org_id = %s", (org.id,)).fetchone()
        assert row
        moment: datetime = row[0]
        return moment

    def product_change(
        self, org: Org, person: Person, items: Iterable[Item], kind: Literal["archive", "restore"] = "archive"
    ) -> UUID:
        """Make the record of a change of many products, without changing them, and return its id."""
        change, products = new_id(), [item.id for item in items]
        self._connection.execute(
            "insert into public.product_changes (org_id, id, kind, changed, created_by) values (%s, %s, %s, %s, %s)",
            (org.id, change, kind, len(products), person.id),
        )
        self._connection.execute(
            "insert into public.product_change_items (org_id, change_id, product_id) select %s, %s, unnest(%s::uuid[])",
            (org.id, change, products),
        )
        return change

    def persona(self, person: Person, name: str = "A visitor", *, viewpoint: str = "anon") -> UUID:
        """Make a viewpoint that ``person`` has saved for all administrators, and return its id."""
        persona = new_id()
        self._connection.execute(
            "insert into rowhouse.personas (id, name, viewpoint, created_by) values (%s, %s, %s, %s)",
            (persona, name, viewpoint, person.id),
        )
        return persona

    def inspection(self, person: Person, action: str = "browse", *, viewpoint: str = "anon") -> UUID:
        """Make an entry of the log of inspections, and return its id."""
        entry = new_id()
        self._connection.execute(
            "insert into rowhouse.inspections (id, actor, actor_name, action, viewpoint, viewed_as, role)"
            " values (%s, %s, %s, %s, %s, %s, 'anon')",
            (entry, person.id, person.name, action, viewpoint, viewpoint),
        )
        return entry

    def upload(self, org: Org, person: Person, text: str, *, name: str = "products.csv") -> UUID:
        """Make an import of a file of ``person``, and return its id: line 2 is good and line 3 is not."""
        upload, header = new_id(), text.splitlines()[0].split(",")
        self._connection.execute(
            "with made as (insert into public.product_imports"
            " (org_id, id, created_by, file_name, size, encoding, delimiter, header, columns, lines)"
            " values (%(org)s, %(id)s, %(person)s, %(name)s, 1, 'utf-8', ',', %(header)s, %(columns)s, 3)"
            " returning org_id, id, created_by"
            "), chunk as (insert into public.product_import_chunks (org_id, import_id, created_by, position, piece)"
            " select made.*, 0, convert_to(%(text)s, 'UTF8') from made"
            "), line as (insert into public.product_import_lines (org_id, import_id, created_by, line, is_good, sku)"
            " select made.*, 2, true, 'A-1' from made"
            ") insert into public.product_import_errors"
            " (org_id, import_id, created_by, line, place, column_name, value, reason)"
            " select made.*, 3, 1, %(wrong)s, '', 'There is no SKU.' from made",
            {
                "org": org.id,
                "id": upload,
                "person": person.id,
                "name": name,
                "text": text,
                "header": header,
                "columns": Jsonb({"sku": 0, "name": 1, "price": 2}),
                "wrong": header[0],
            },
        )
        return upload
