"""A schema of a test's own with what tests of the Inspector ask of it, as people who may do little."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from tests.fixtures.database import Database
from webapp import rls
from webapp.inspector import browse, catalog, explain
from webapp.inspector.catalog import Table
from webapp.inspector.desk import Desk
from webapp.inspector.explain import Question
from webapp.inspector.findings import Command, Explanation
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.whatif import Wanted

ME = "00000000-0000-4000-8000-00000000000a"
SOMEBODY = Viewpoint(
    "somebody",
    "Somebody",
    rls.Identity.user({"role": "authenticated", "sub": ME, "org": "7", "app_metadata": {"level": 3}}),
)
ANON = Viewpoint("anon", "Anonymous visitor", rls.Identity.anonymous())

Place = tuple[str | None, ...] | None


def quote(*names: str) -> str:
    """Return a name as SQL."""
    return sql.Identifier(*names).as_string()


@dataclass(frozen=True)
class Scratch:
    """A schema, and the Inspector's desk on it. Whatever is made in it is granted to everybody by default."""

    database: Database
    desk: Desk
    schema: str

    def run(self, *statements: str) -> None:
        """Run statements as the superuser, committed, with the schema first in the search path."""
        connection = self.database.superuser()
        connection.execute(sql.SQL("set search_path = {}, public").format(sql.Identifier(self.schema)))
        try:
            for statement in statements:
                connection.execute(statement.encode())
        finally:
            connection.execute("reset search_path")

    def secured(self, name: str, columns: str, *policies: str) -> None:
        """Make a table with row security; each policy is what follows ``on TABLE``, such as ``using (true)``."""
        quoted = quote(name)
        self.run(f"create table {quoted} ({columns})", f"alter table {quoted} enable row level security")
        for number, policy in enumerate(policies):
            self.run(f"create policy p{number} on {quoted} {policy}")

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, asked as the superuser."""
        connection = self.database.superuser()
        connection.execute(sql.SQL("set search_path = {}, public").format(sql.Identifier(self.schema)))
        try:
            return connection.execute(query.encode()).fetchall()
        finally:
            connection.execute("reset search_path")

    def table(self, name: str, viewpoint: Viewpoint = SOMEBODY) -> Table:
        with self.desk.look(viewpoint.identity) as look:
            return catalog.table(look.any_eye, self.schema, name, viewpoint.identity.role)

    def page(
        self, name: str, view: browse.View | None = None, viewpoint: Viewpoint = SOMEBODY, desk: Desk | None = None
    ) -> browse.Page:
        desk = desk or self.desk
        with desk.look(viewpoint.identity) as look:
            table = catalog.table(look.any_eye, self.schema, name, viewpoint.identity.role)
            return browse.browse(desk, look, table, (), view or browse.View())

    def why(
        self,
        name: str,
        key: Mapping[str, str | None] | None = None,
        command: Command = "select",
        wanted: Wanted | None = None,
        *,
        trial: bool = False,
        viewpoint: Viewpoint = SOMEBODY,
        desk: Desk | None = None,
    ) -> Explanation:
        question = Question(viewpoint, command, key, wanted or Wanted(), trial)
        return explain.explain(desk or self.desk, self.schema, name, question)

    def seen(self, name: str, viewpoint: Viewpoint = SOMEBODY) -> set[str]:
        """Return the rows that Postgres shows, each as text, by a query of its own past the engine."""
        identity = viewpoint.identity
        with self.database.postgres.connect(self.database.name) as connection, connection.transaction():
            connection.execute(
                "select set_config('request.jwt.claims', %s, true), set_config('search_path', 'public', true)",
                (identity.claims,),
            )
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(identity.role)))
            query = sql.SQL("select t::text from {} as t").format(sql.Identifier(self.schema, name))
            return {row[0] for row in connection.execute(query)}

    def agree(self, name: str, viewpoint: Viewpoint = SOMEBODY, *, trusted: bool = True) -> browse.Page:
        """Demand that the page, each row's explanation and Postgres say the same; return the page."""
        seen = self.seen(name, viewpoint)
        with self.desk.look(viewpoint.identity) as look:
            table = catalog.table(look.any_eye, self.schema, name, viewpoint.identity.role)
            page = browse.browse(self.desk, look, table, (), browse.View())
            assert len(page.rows) == len({one.row.text for one in page.rows})
            for one in page.rows:
                visible = one.row.text in seen
                sight = one.sights[0]
                assert (sight.visible, sight.trusted) == (visible, trusted), (one.row.text, sight)
                question = Question(viewpoint, "select", one.row.key)
                found = explain.explain_in(self.desk, look, table, question)
                assert (found.verdict == "allowed") == visible, (one.row.text, found.cause, found.doubts)
                assert found.trusted == trusted, (one.row.text, found.doubts)
        return page

    def walk(self, name: str, view: browse.View, *viewpoints: Viewpoint) -> list[browse.Seen]:
        """Return the rows of all pages forwards, having gone back again over the same ones."""
        viewpoints = viewpoints or (SOMEBODY,)
        with self.desk.look(*(one.identity for one in viewpoints)) as look:
            table, *others = (catalog.table(look.any_eye, self.schema, name, one.identity.role) for one in viewpoints)

            def read(after: Place = None, before: Place = None) -> browse.Page:
                return browse.browse(self.desk, look, table, others, replace(view, after=after, before=before))

            page = read()
            forwards = [page.rows]
            while page.after is not None:
                assert len(forwards) < 100
                page = read(after=page.after)
                forwards.append(page.rows)
            backwards = [forwards[-1]]
            while page.before is not None:
                assert len(backwards) < len(forwards)
                page = read(before=page.before)
                backwards.append(page.rows)
        assert backwards[::-1] == forwards
        return [seen for rows in forwards for seen in rows]


def person(**claims: Any) -> Viewpoint:
    """Return somebody with claims of one's own."""
    return Viewpoint("person", "Person", rls.Identity.user({"role": "authenticated", "sub": ME, **claims}))


def shown(value: object) -> str:
    """Return all that stands in a value, for looking whether something does."""
    return json.dumps(value, default=str, ensure_ascii=False)
