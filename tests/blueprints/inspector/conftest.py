"""The administrator at the Inspector, and tables with every name and shape that an address has to carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

import pytest
from werkzeug.test import TestResponse

from tests.fixtures import pages
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.world import World


@dataclass
class Inspector:
    """An administrator's browser, and what stands on the page that it got last."""

    client: Client
    page: pages.Page = field(init=False)
    response: TestResponse = field(init=False)

    def get(self, path: str, status: int = 200, *, part: str = "", **args: Any) -> pages.Page:
        """Open a page of the Inspector, or the part of it that htmx would ask for; ``as_`` is through whose eyes."""
        headers = {"HX-Request": "true", "HX-Target": f"div#{part}"} if part else {}
        self.response = self.client.get(f"/inspector{path}", query_string=_args(args), headers=headers)
        return self._seen(status, fragment=bool(part))

    def post(self, path: str, data: dict[str, Any] | None = None, status: int = 303, **args: Any) -> pages.Page:
        """Send a form of the Inspector."""
        self.response = self.client.submit(f"/inspector{path}", data, query_string=_args(args))
        return self._seen(status, fragment=False)

    def json(self, path: str, status: int = 200, **args: Any) -> Any:
        """Return what a page says as JSON."""
        self.response = self.client.get(f"/inspector{path}", query_string=_args(args | {"format": "json"}))
        assert self.response.status_code == status, self.response.get_data(as_text=True)[:2000]
        return self.response.get_json()

    def _seen(self, status: int, *, fragment: bool) -> pages.Page:
        text = self.response.get_data(as_text=True)
        assert self.response.status_code == status, f"{self.response.status}: {text[text.find('<h1') :][:900]}"
        self.page = pages.parse(text, fragment=fragment) if self.response.mimetype == "text/html" and text else None  # type: ignore[assignment]
        return self.page

    @property
    def text(self) -> str:
        """Return what a reader sees of the page's main part."""
        return self.page.text(self.page.first("main"))

    def classed(self, name: str) -> list[Element]:
        """Return the elements of a class."""
        return [one for one in self.page.all() if name in (one.get("class") or "").split()]

    def said(self, name: str) -> str:
        """Return the text of the elements of a class."""
        return " | ".join(self.page.text(one) for one in self.classed(name))

    def mark(self, element: Element) -> str | None:
        """Return what the first icon within an element says."""
        return next((one.get("aria-label") for one in element.iter() if one.get("role") == "img"), None)

    def rows(self) -> list[str]:
        """Return each row of the list as text."""
        return [self.page.text(row) for body in self.page.all("tbody") for row in body.iter("tr")]

    def hrefs(self, words: str) -> list[str]:
        """Return where the links lead that have ``words`` in their text or label."""
        return [
            link.get("href", "")
            for link in self.page.all("a")
            if words in f"{self.page.text(link)} {link.get('aria-label', '')}"
        ]

    def follow(self, words: str) -> pages.Page:
        """Open the first link with these words."""
        path = self.hrefs(words)[0].partition("#")[0]
        self.response = self.client.get(path)
        return self._seen(200, fragment=False)


def _args(args: dict[str, Any]) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in args.items()}


@pytest.fixture
def inspector(world: World, client_for: ClientFor) -> Inspector:
    """Return the administrator of the platform at the Inspector."""
    return Inspector(client_for(world.platform_admin))


ODD = 'odd / "schema" ü.'
NAMES = {"order": "order", "slashes": "a/b%2Fc?d#e", "dots": "..", "quotes": 'it\'s "so" & <b>', "plus": "1 + 1 = 2"}

_TABLES = """
create schema {odd};
grant usage on schema {odd} to anon, authenticated, service_role;
create table {odd}."order" ("select" integer primary key, "from""where" text, "api key" text, at timestamptz);
insert into {odd}."order" select n, 'row ' || n, 's3cret', '2026-01-01' from generate_series(1, 24) n;
update {odd}."order" set "from""where" = null where "select" = 7;
alter table {odd}."order" enable row level security;
create policy "even only" on {odd}."order" for select to anon using ("select" % 2 = 0);
grant select on {odd}."order" to anon, service_role;
create table {odd}."a/b%2Fc?d#e" (id uuid primary key default gen_random_uuid(), n integer check (n < 9), j jsonb,
  total numeric generated always as (n * 2) stored);
alter table {odd}."a/b%2Fc?d#e" enable row level security;
create policy small on {odd}."a/b%2Fc?d#e" for insert to anon with check (n < 5);
create policy seen on {odd}."a/b%2Fc?d#e" for select to anon using (n < 3);
grant select, insert on {odd}."a/b%2Fc?d#e" to anon;
grant select on {odd}."a/b%2Fc?d#e" to service_role;
create table {odd}.".." (word text);
insert into {odd}.".." values ('without a key');
grant select on {odd}.".." to anon, service_role;
create view {odd}."it's ""so"" & <b>" as select 'a view''s row' as word;
grant select on {odd}."it's ""so"" & <b>" to anon, service_role;
create table {odd}."1 + 1 = 2" (id integer primary key, parent integer references {odd}."order");
insert into {odd}."1 + 1 = 2" values (1, 4);
grant select on {odd}."1 + 1 = 2" to anon, service_role;
"""


@pytest.fixture(scope="module")
def _odd(migrated: Database) -> Iterator[None]:
    quoted = '"' + ODD.replace('"', '""') + '"'
    migrated.admin_sql(f"drop schema if exists {quoted} cascade")
    for statement in _TABLES.replace("{odd}", quoted).split(";\n"):
        if statement.strip():
            migrated.admin_sql(statement.encode())  # type: ignore[arg-type]  # bytes, so that % is no placeholder
    yield
    migrated.admin_sql(f"drop schema {quoted} cascade")


@pytest.fixture
def odd(_odd: None) -> dict[str, str]:
    """Return the addresses of tables with odd names, in a schema with one."""
    return {key: f"/{escaped(ODD)}/{escaped(name)}" for key, name in NAMES.items()}


def escaped(name: str) -> str:
    """Return a name as it stands in an address, by hand: the slash escaped twice, and whatever browsers resolve."""
    inner = name.replace("%", "%25").replace("/", "%2F")
    return quote(inner.replace(".", "%2E") if name in (".", "..") else inner, safe="")
