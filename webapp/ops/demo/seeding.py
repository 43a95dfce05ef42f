"""Write the demonstration into the embedded database, once and whole."""

from __future__ import annotations

import ipaddress
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from webapp.identity.passwords import hash_password
from webapp.ops.demo import books, garden, hardware
from webapp.ops.demo.accounts import ACCOUNTS, HOUSES, PASSWORD
from webapp.ops.demo.catalogue import Product, products
from webapp.ops.demo.trade import orders

MARKER: Final = "rowhouse.embedded"  # set to "on" for the server by webapp.ops.embedded, and by nobody else
_LOCK: Final = 0x526F77_64656D6F  # "Row", "demo"
_STOCKED: Final = {"acme": ("AC", hardware.FAMILIES), "globex": ("GX", garden.FAMILIES)}


class NotEmbedded(Exception):
    """Say that a database is not the embedded one, so that accounts with a known password have no place in it."""


def seed(direct_url: str) -> bool:
    """Make the demonstration and return True, or return False where any of it is there already.

    ``direct_url`` is the owner's. One transaction, one at a time. Raises NotEmbedded for any other database.
    """
    conninfo = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", direct_url)
    with psycopg.connect(conninfo, connect_timeout=10, application_name="rowhouse demo") as connection:
        _require_embedded(connection)
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        there = connection.execute(
            "select exists (select from auth.users where email = any(%s))"
            " or exists (select from public.organizations where slug = any(%s))",
            ([account.email for account in ACCOUNTS], [house.slug for house in HOUSES]),
        ).fetchone()
        if there is None or there[0]:
            return False
        with books.triggers_off(connection):
            _write(connection, datetime.now(UTC))
        connection.execute("select rowhouse.rebuild_sales(id) from public.organizations")
        connection.execute("analyze public.products, public.orders, public.order_items")
    return True


def _require_embedded(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "select current_setting(%s, true), current_setting('listen_addresses')", (MARKER,)
    ).fetchone()
    marker, listens = row or (None, "*")
    if marker != "on" or not all(_is_loopback(address) for address in str(listens).split(",")):
        raise NotEmbedded("The demonstration accounts can only be made on the embedded database.")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip()).is_loopback
    except ValueError:
        return address.strip() in ("", "localhost")


def _write(connection: psycopg.Connection, now: datetime) -> None:
    chance = random.Random("people")  # noqa: S311 - their ids are no secret
    began = now - timedelta(days=400)
    orgs = {house.slug: UUID(int=chance.getrandbits(128), version=4) for house in HOUSES}
    people = {account.email: UUID(int=chance.getrandbits(128), version=4) for account in ACCOUNTS}
    _write_people(connection, people, began)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into public.organizations (id, slug, name, currency, tax_rate, created_at, updated_at)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [(orgs[h.slug], h.slug, h.name, h.currency, h.tax_rate, began, began) for h in HOUSES],
        )
        cursor.executemany(
            "insert into public.memberships (org_id, user_id, role, created_at) values (%s, %s, %s, %s)",
            [(orgs[slug], people[a.email], role, began) for a in ACCOUNTS for slug, role in a.orgs],
        )
        catalogues = {slug: list(products(prefix, families, now)) for slug, (prefix, families) in _STOCKED.items()}
        with cursor.copy(f"copy public.products (org_id, {', '.join(Product._fields)}) from stdin") as copy:
            for slug, catalogue in catalogues.items():
                for product in catalogue:
                    copy.write_row((orgs[slug], *product))
    for house in HOUSES:
        prefix, _ = _STOCKED[house.slug]
        staff = _staff(house.slug, people)
        trade = list(orders(prefix, catalogues[house.slug], staff, house.tax_rate, now))
        books.write_orders(connection, orgs[house.slug], trade)
        books.write_trail(connection, orgs[house.slug], staff, now)


def _staff(slug: str, people: dict[str, UUID]) -> list[UUID]:
    """Return who works in an organisation: its admins and owners first, and nobody who may only look."""
    rank = {"admin": 0, "owner": 1, "member": 2}
    working = [(rank[role], a.email) for a in ACCOUNTS for house, role in a.orgs if house == slug and role in rank]
    return [people[email] for _, email in sorted(working)]


def _write_people(connection: psycopg.Connection, people: dict[str, UUID], began: datetime) -> None:
    """Write accounts as Supabase Auth does; their profiles are made by the trigger."""
    hashed = hash_password(PASSWORD)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,"
            " raw_app_meta_data, raw_user_meta_data, created_at, updated_at)"
            " values ('00000000-0000-0000-0000-000000000000', %s, 'authenticated', 'authenticated', %s, %s, %s,"
            " %s, %s, %s, %s)",
            [
                (
                    people[account.email],
                    account.email,
                    hashed,
                    began,
                    Jsonb(
                        {"provider": "email", "providers": ["email"]}
                        | ({"rowhouse_admin": True} if account.platform_admin else {})
                    ),
                    Jsonb({"full_name": account.name}),
                    began,
                    began,
                )
                for account in ACCOUNTS
            ],
        )
        cursor.executemany(
            "insert into auth.identities (provider_id, user_id, identity_data, provider, created_at, updated_at)"
            " values (%s, %s, %s, 'email', %s, %s)",
            [
                (
                    str(user_id),
                    user_id,
                    Jsonb({"sub": str(user_id), "email": email, "email_verified": True}),
                    began,
                    began,
                )
                for email, user_id in people.items()
            ],
        )
