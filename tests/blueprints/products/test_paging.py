"""Walking the list: every row once, in order, in both directions, whatever orders it and whatever happens meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from psycopg import sql
from sqlalchemy import Engine

from tests.factories import Factories, Org, Person
from tests.fixtures.database import Database
from webapp import rls
from webapp.blueprints.products import queries
from webapp.blueprints.products.listing import VALUES, Listing, Sort
from webapp.web.catalogue import Show
from webapp.web.keyset import Cursor

ROWS = 61
COLUMN = {sort: str(sort) for sort in Sort} | {Sort.CHANGED: "updated_at", Sort.NAME: "name_key"}
NAMES = ("Claw hammer", "claw hammer", "Ärmel", "Zange", "100 % wool", "a_b", "Сверло", "O'Brien's \\ “best”")
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
ORDERS = [(sort, descending) for sort in Sort for descending in (False, True)]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 7)


@pytest.fixture
def ada(factories: Factories) -> Person:
    return factories.person("Ada Example")


@pytest.fixture
def shop(factories: Factories, ada: Person) -> Org:
    """Make an organisation with many ties, beside another one of the same person's that has the same rows."""
    chance = random.Random(7)
    other, shop = factories.organization(), factories.organization()
    for org in (other, shop):
        factories.membership(org, ada, "member")
        for number in range(ROWS):
            factories.product(
                org,
                chance.choice(NAMES),
                sku=f"{chance.choice('abAB')}-{number}",
                price=chance.choice((Decimal(0), Decimal("9.90"), Decimal("10.00"), Decimal("9999999999.99"))),
                stock=chance.choice((0, 3, 2_147_483_647)),
                is_active=chance.random() < 0.7,
                updated_at=BEGAN + timedelta(microseconds=chance.randrange(6)),
            )
    return shop


class Walker:
    """Turn pages as a visitor does: each one is a request of its own, named by the cursors of the one before."""

    def __init__(self, engine: Engine, person: Person, org: Org) -> None:
        self._engine, self._person, self._org = engine, person, org

    def page(self, listing: Listing) -> queries.Page:
        with rls.session_of_work(self._engine, self._person.identity, read_only=True) as session:
            found = queries.page(session, self._org.id, listing)
        # Through the address and back, as between two requests.
        return replace(
            found,
            before=self._sent(found.before, listing.sort),
            after=self._sent(found.after, listing.sort),
        )

    @staticmethod
    def _sent(cursor: Cursor | None, sort: Sort) -> Cursor | None:
        return Cursor.read(cursor.token(sort), sort, VALUES[sort]) if cursor else None

    def forwards(self, listing: Listing) -> Iterator[queries.Page]:
        page = self.page(listing)
        yield page
        while page.after is not None:
            page = self.page(replace(listing, after=page.after, before=None))
            yield page

    def backwards(self, listing: Listing, page: queries.Page) -> Iterator[queries.Page]:
        while page.before is not None:
            page = self.page(replace(listing, before=page.before, after=None))
            yield page


@pytest.fixture
def walker(web_engine: Engine, ada: Person, shop: Org) -> Walker:
    return Walker(web_engine, ada, shop)


def in_order(database: Database, org: Org, listing: Listing, condition: str = "true") -> list[UUID]:
    """Return the ids as one query without limit orders them."""
    way = sql.SQL("desc" if listing.descending else "asc")
    query = sql.SQL("select id from products where org_id = %s and {} order by {} {}, id {}").format(
        sql.SQL(condition),
        sql.Identifier(COLUMN[listing.sort]),
        way,
        way,
    )
    return [row[0] for row in database.owner().execute(query, (org.id,))]


def ids(pages: list[queries.Page]) -> list[UUID]:
    return [row.id for page in pages for row in page.rows]


@pytest.mark.parametrize(("sort", "descending"), ORDERS)
def test_both_ways_each_row_is_met_once_and_in_order(
    walker: Walker, database: Database, shop: Org, sort: Sort, descending: bool
) -> None:
    listing = Listing(sort=sort, descending=descending)
    there = list(walker.forwards(listing))
    assert ids(there) == in_order(database, shop, listing)
    assert {len(page.rows) for page in there[:-1]} == {7}
    back = list(walker.backwards(listing, there[-1]))
    assert back[::-1] == there[:-1], "the way back shows other pages than the way there"
    assert (there[0].before, there[-1].after) == (None, None)


@pytest.mark.parametrize(
    ("narrowed", "condition"),
    [
        (Listing(Show.ACTIVE, sort=Sort.NAME), "is_active"),
        (Listing(Show.ARCHIVED, sort=Sort.PRICE), "not is_active"),
        (Listing(Show.LOW, sort=Sort.STOCK), "is_active and stock <= 10"),
        (Listing(search="hammer", sort=Sort.PRICE), "name ilike '%%hammer%%'"),
        (Listing(low=Decimal("9.90"), high=Decimal("10.00"), sort=Sort.SKU), "price between 9.90 and 10"),
    ],
)
def test_a_narrowed_list_is_walked_whole(
    walker: Walker, database: Database, shop: Org, narrowed: Listing, condition: str
) -> None:
    expected = in_order(database, shop, narrowed, condition)
    assert len(expected) > 7
    assert ids(list(walker.forwards(narrowed))) == expected


@pytest.mark.parametrize(("sort", "descending"), ORDERS)
def test_rows_that_stay_are_met_once_though_others_come_and_go(
    walker: Walker, database: Database, factories: Factories, shop: Org, sort: Sort, descending: bool
) -> None:
    chance = random.Random(f"{sort} {descending}")
    listing = Listing(sort=sort, descending=descending)
    before, met = in_order(database, shop, listing), list[UUID]()
    gone: set[UUID] = set()
    for page in walker.forwards(listing):
        met += [row.id for row in page.rows]
        leaving = chance.sample(sorted(set(before) - gone), 3)
        gone.update(leaving)
        database.sql("delete from products where id = any(%s)", (leaving,))
        for _ in range(2):
            factories.product(shop, chance.choice(NAMES), updated_at=BEGAN, price=Decimal("9.90"))
    assert len(met) == len(set(met)), "a row was shown twice"
    assert [row for row in met if row in before and row not in gone] == [row for row in before if row not in gone]


def test_the_row_that_a_page_begins_after_may_be_gone(walker: Walker, database: Database, shop: Org) -> None:
    listing = Listing(sort=Sort.NAME, descending=False)
    first = walker.page(listing)
    second = walker.page(replace(listing, after=first.after))
    database.sql("delete from products where id = %s", (first.rows[-1].id,))
    assert walker.page(replace(listing, after=first.after)).rows == second.rows


def test_a_page_beyond_the_end_is_the_last_one(walker: Walker, database: Database, shop: Org) -> None:
    listing = Listing(sort=Sort.NAME, descending=False)
    last = list(walker.forwards(listing))[-2:]
    database.sql("delete from products where id = any(%s)", ([row.id for row in last[1].rows],))
    landed = walker.page(replace(listing, after=last[0].after))
    assert landed.rows == last[0].rows
    assert landed.after is None


def test_a_page_before_the_beginning_is_the_first_one_and_full(walker: Walker, database: Database, shop: Org) -> None:
    listing = Listing(sort=Sort.NAME, descending=False)
    first, second, *_ = walker.forwards(listing)
    database.sql("delete from products where id = any(%s)", ([row.id for row in first.rows[:4]],))
    landed = walker.page(replace(listing, before=second.before))
    assert [row.id for row in landed.rows] == in_order(database, shop, listing)[:7]
    assert landed.before is None


@pytest.mark.parametrize("rows", [0, 1, 6, 7])
def test_a_list_of_one_page_has_no_neighbours(web_engine: Engine, factories: Factories, ada: Person, rows: int) -> None:
    org = factories.organization()
    factories.membership(org, ada, "viewer")
    for _ in range(rows):
        factories.product(org)
    page = Walker(web_engine, ada, org).page(Listing())
    assert (len(page.rows), page.before, page.after) == (rows, None, None)


def test_another_organisations_cursor_shows_only_ones_own_rows(
    web_engine: Engine, factories: Factories, shop: Org, database: Database
) -> None:
    stranger, own = factories.person(), factories.organization()
    factories.membership(own, stranger, "owner")
    mine = factories.product(own, "Mine")
    theirs = database.sql("select name, id from products where org_id = %s order by name, id limit 1", (shop.id,))[0]
    listing = Listing(sort=Sort.NAME, descending=False, after=Cursor(theirs[0], theirs[1]))
    assert {row.id for row in Walker(web_engine, stranger, own).page(listing).rows} <= {mine.id}
    assert Walker(web_engine, stranger, shop).page(Listing()).rows == ()


SEARCHES = [
    ("claw", {"hammer", "saw"}), ("CLAW HAM", {"hammer"}), ("ac-13", {"hammer"}), ("AC-1309", {"hammer"}),
    ("1309", {"hammer"}), ("ac", {"hammer", "saw"}), ("steel", {"hammer"}), ("hammer claw", {"hammer"}),
    ("O'Bri", {"saw"}), ("\\", set()), ("'", set()), ("&", set()), ("claw & hammer", {"hammer"}),
    ("!claw", {"hammer", "saw"}),
    ("claw | x", set()), ("claw:*", {"hammer", "saw"}), ("<->", set()), ("( claw", {"hammer", "saw"}), ("ammer", set()),
    ("bolt", {"hammer"}), ("nut/bo", {"hammer"}), ("18", {"saw"}), ("18 V", {"saw"}), ("-18", {"saw"}), ("ä", {"saw"}),
    ("'); drop table products; --", set()),
    ("z'y\\x:*&|!<>()", set()), ("% _", set()), ("🔨", set()), ("x" * 100, set()),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "expected"), SEARCHES)
def test_a_search_finds_words_by_their_beginnings_and_means_nothing_else(
    web_engine: Engine, factories: Factories, ada: Person, typed: str, expected: set[str]
) -> None:
    org = factories.organization()
    factories.membership(org, ada, "viewer")
    made = {
        factories.product(org, "Claw hammer", sku="AC-1309", description="Forged steel, nut/bolt").id: "hammer",
        factories.product(org, "O'Brien's claw saw, 18 V", sku="AC-2001", description="Äußerst scharf").id: "saw",
    }
    page = Walker(web_engine, ada, org).page(Listing(search=typed))
    assert {made[row.id] for row in page.rows} == expected


def test_counting_stops_at_its_limit(
    web_engine: Engine, ada: Person, shop: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counts(listing: Listing) -> queries.Counts:
        with rls.session_of_work(web_engine, ada.identity, read_only=True) as session:
            return queries.counts(session, shop.id, listing)

    exact = counts(Listing(search="hammer"))
    assert exact.tabs[Show.ALL] == (ROWS, False)
    assert exact.tabs[Show.ACTIVE].value + exact.tabs[Show.ARCHIVED].value == ROWS
    monkeypatch.setattr(queries, "CAP", 5)
    capped = counts(Listing(search="hammer"))
    assert (capped.found, capped.tabs[Show.ALL]) == ((5, True), (5, True))
    assert all(count.more for count in capped.tabs.values())
