"""Measure what it costs to explain rows, and that the Inspector opens a large table as fast as a small one.

    .venv/bin/python -m bench.inspector [--rows N] [--rounds N]

First 100 rows of a table with six policies, in turn, A B A B …, through the pooler. The plain query reads them as
somebody. Explaining asks every clause of every policy of each of them as that person, and puts the answers together;
the ratio of the medians is to be 3 at most. Beside it stands what the whole page takes that this is a part of: the
catalog, the rows as the one who sees all, the explanation, and which of them Postgres shows; once with transactions
that are open, once with opening them, as in a request.

Then the page over HTTP, through gunicorn and the pooler, of a table with 1,000 rows and of one with 10,000,000.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import psycopg

from bench.servers import gunicorn, port, servers
from tests.factories import Person
from tests.fixtures.live import Caller, calling
from webapp import rls
from webapp.inspector import catalog
from webapp.inspector.browse import SELECT, View, browse
from webapp.inspector.desk import Desk, Look
from webapp.inspector.judge import Judge

DATABASE: Final = "rowhouse"
EXPLAINED: Final = 100
MOST: Final = 3.0
FEW: Final = 1_000

_SIX: Final = """
create schema bench;
grant usage on schema bench to authenticated, service_role;
create table bench.grants (org_id uuid, user_id uuid, level integer, primary key (org_id, user_id));
create table bench.item (
  org_id uuid, id bigint, owner uuid, title text, state text, body text, level integer, primary key (org_id, id));
alter table bench.item enable row level security;
alter table bench.grants enable row level security;
create policy grants_own on bench.grants for select to authenticated using (user_id = (select auth.uid()));
create policy by_membership on bench.item for select to authenticated
  using (org_id = any ((select rowhouse.member_orgs())::uuid[]) and state <> 'secret');
create policy by_owner on bench.item for select to authenticated using (owner = (select auth.uid()));
create policy published on bench.item for select to authenticated using (state = 'public' and level < 3);
create policy by_grant on bench.item for select to authenticated using (
  exists (select from bench.grants g where g.org_id = item.org_id and g.user_id = (select auth.uid())
    and g.level >= item.level));
create policy by_admin on bench.item for all to authenticated
  using (org_id = any ((select rowhouse.admin_orgs())::uuid[]));
create policy alive on bench.item as restrictive for select to authenticated
  using ((select rowhouse.session_alive()) and state <> 'deleted');
grant select on bench.item, bench.grants to authenticated, service_role;
insert into bench.item select
  case when n % 3 = 0 then %(org)s else md5((n % 7)::text)::uuid end, n,
  case when n % 11 = 0 then %(person)s else md5(n::text)::uuid end, 'Title ' || n,
  (array['draft', 'public', 'secret', 'deleted', 'shared'])[1 + n % 5], repeat('words ', 20), n % 6
from generate_series(1, 2000) n;
insert into bench.grants select md5(n::text)::uuid, %(person)s, n from generate_series(0, 3) n;
analyze bench.item;
"""
_PLAIN: Final = """
select * from bench.item where (org_id, id) in (
  select u.a, u.b from rows from (pg_catalog.unnest(%s::uuid[]), pg_catalog.unnest(%s::bigint[])) u (a, b))
"""
_SIZED: Final = """
create table bench.{name} (id bigint primary key, owner uuid, title text);
insert into bench.{name} select n, case when n % 2 = 0 then '{person}'::uuid end, 'Title ' || n
from generate_series(1, {rows}) n;
alter table bench.{name} enable row level security;
create policy own on bench.{name} for select to authenticated using (owner = (select auth.uid()));
grant select on bench.{name} to authenticated, service_role;
analyze bench.{name};
"""


def median_of(acts: tuple[Callable[[], object], ...], rounds: int) -> list[float]:
    """Return the median of each act in milliseconds, all of them done in turn."""
    took: list[list[float]] = [[] for _ in acts]
    for number in range(rounds + 5):
        for times, act in zip(took, acts, strict=True):
            began = time.perf_counter()
            act()
            if number >= 5:  # the first rounds only warm up
                times.append((time.perf_counter() - began) * 1000)
    return [statistics.median(times) for times in took]


def explaining(desk: Desk, person: Person, rounds: int) -> None:
    """Print what the plain query and the explained rows take."""
    identity = person.identity
    view = View(limit=EXPLAINED)
    with desk.look(identity) as look:
        page = browse(desk, look, catalog.table(look.any_eye, "bench", "item", "authenticated"), (), view)
        keys = [[row.row.key[name] for row in page.rows] for name in ("org_id", "id")]
        seen = sum(row.visible for row in page.rows)
        known, texts = page.table, [row.row.text for row in page.rows]
        assert len(page.rows) == EXPLAINED
        assert all(row.sights[0].trusted for row in page.rows)

    def plain_in(look: Look) -> int:
        return len(look.person.rows(_PLAIN, keys))

    def plain() -> int:
        # As a request does: one transaction, as the person.
        with rls.unit_of_work(desk.engine, identity, read_only=True) as connection:
            cursor = connection.connection.cursor()
            cursor.execute(_PLAIN, keys)
            return len(cursor.fetchall())

    def explained_in(look: Look) -> object:
        readings = (judge := Judge(look.person, known)).read(SELECT, texts)
        return [judge.sentence(SELECT, of_row, text) for of_row, text in zip(readings, texts, strict=True)]

    def page_in(look: Look) -> object:
        table = catalog.table(look.any_eye, "bench", "item", "authenticated")
        return browse(desk, look, table, (), view)

    def whole_page() -> object:
        with desk.look(identity) as look:
            return page_in(look)

    assert plain() == seen
    print(f"{EXPLAINED} rows, {seen} of them visible, six policies; {rounds} rounds in turn, medians")
    with desk.look(identity) as look:
        acts = (lambda: plain_in(look), lambda: explained_in(look), lambda: page_in(look))
        bare, explained, page_of_it = median_of(acts, rounds)
    said = "  {:18} plain {:5.1f} ms   {:10} {:5.1f} ms   ratio {:.2f}{}"
    above = "" if explained / bare <= MOST else f"   above {MOST:g}"
    print(said.format("transactions open", bare, "explained", explained, explained / bare, above))
    print(said.format("", bare, "whole page", page_of_it, page_of_it / bare, ""))
    bare, page_of_it = median_of((plain, whole_page), rounds)
    print(said.format("with opening them", bare, "whole page", page_of_it, page_of_it / bare, ""))


def opening(caller: Caller, person: Person, rows: int, rounds: int) -> None:
    """Print what the page of a small and of a large table takes."""

    def page(table: str) -> Callable[[], object]:
        path = f"/inspector/bench/{table}?as=user:{person.id}"

        def ask() -> None:
            answer = caller.get(path)
            if answer.status_code != 200 or "Title 1" not in answer.text:
                raise SystemExit(f"{path}: {answer.status_code}")

        return ask

    small, large = median_of((page("small"), page("large")), rounds)
    print(f"the Inspector's page over HTTP, {rounds} rounds in turn, medians")
    print(f"  {FEW:>10,} rows {small:6.1f} ms   {rows:>10,} rows {large:6.1f} ms   ratio {large / small:.2f}")


def main() -> None:
    """Run the measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()

    with ExitStack() as stack:
        running = stack.enter_context(servers())
        factories = running.factories
        org, person = factories.organization(), factories.person()
        factories.membership(org, person, "member")
        admin = factories.person(platform_admin=True)
        given = {"org": str(org.id), "person": str(person.id)}
        running.superuser.execute(_inlined(_SIX, given))
        desk = Desk(rls.create_engine(running.settings["INSPECTOR_DATABASE_URL"]))
        explaining(desk, person, asked.rounds)
        fill(running.superuser, person, asked.rows)
        held = stack.enter_context(port())
        address = stack.enter_context(gunicorn("wsgi:app", held, running.settings, 1, 2))
        opening(stack.enter_context(calling(address, admin)), person, asked.rows, asked.rounds)


def _inlined(text: str, given: dict[str, str]) -> str:
    for name, value in given.items():
        text = text.replace(f"%({name})s", f"'{value}'::uuid")
    return text


def fill(superuser: psycopg.Connection, person: Person, rows: int) -> None:
    for name, count in (("small", FEW), ("large", rows)):
        began = time.perf_counter()
        superuser.execute(_SIZED.format(name=name, person=person.id, rows=count))
        print(f"making {count:,} rows took {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
