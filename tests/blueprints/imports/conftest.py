"""Somebody who imports, through the pages that people use."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.factories import Factories, Org, Person
from tests.fixtures.application import Client, ClientFor
from tests.fixtures.database import Database
from tests.fixtures.pages import Page, parse

START = "/o/tools/products/import"
COLUMNS = {"sku": "0", "name": "1", "price": "2"}


@dataclass
class Importer:
    """Somebody with a file."""

    client: Client
    database: Database
    org: Org
    person: Person

    def send(self, file: str | bytes, name: str = "products.csv") -> TestResponse:
        """Upload a file and return the answer."""
        body = file.encode() if isinstance(file, str) else file
        return self.client.submit(START, {"file": (BytesIO(body), name)}, content_type="multipart/form-data")

    def upload(self, file: str | bytes, name: str = "products.csv") -> str:
        """Upload a file that is taken, and return the address of its import."""
        answer = self.send(file, name)
        assert answer.status_code == 303, answer.status
        return str(answer.headers["Location"])

    def refused(self, file: str | bytes, name: str = "products.csv") -> str:
        """Upload a file that is not taken, and return why."""
        answer = self.send(file, name)
        assert answer.status_code == 422
        page = parse(answer.get_data(as_text=True))
        (said,) = [page.text(found) for found in page.all("p") if "error" in (found.get("class") or "").split()][:1]
        return said

    def checked(self, file: str | bytes, **columns: str) -> str:
        """Upload a file and have it checked: by the columns SKU, name, price, unless others are given."""
        path = self.upload(file)
        assert self.client.submit(f"{path}/check", columns or COLUMNS).status_code == 303
        return path

    def applied(self, file: str | bytes, mode: str = "all", **columns: str) -> str:
        """Upload a file, have it checked and applied."""
        path = self.checked(file, **columns)
        assert self.client.submit(f"{path}/apply", {"mode": mode}).status_code == 303
        return path

    def page(self, path: str) -> Page:
        return self.client.page(path)

    def figures(self, path: str) -> list[str]:
        """Return the four figures of a check or of an import, in their order."""
        page = self.page(path)
        return [page.text(found) for found in page.all("dd") if "figure" in (found.get("class") or "").split()]

    def done(self, path: str) -> list[str]:
        """Return the four figures of an import that has been applied: made, changed, as they were, left out."""
        assert self.row(path)["status"] == "done"
        return self.figures(path)

    def faults(self, path: str) -> list[list[str]]:
        """Return the rows of the report as the page shows them."""
        page = self.page(path)
        tables = [found for found in page.all("table") if "faults" in (found.get("class") or "").split()]
        return [[page.text(cell) for cell in row.iter("td")] for table in tables for row in table.iter("tr")][1:]

    def row(self, path: str) -> dict[str, Any]:
        """Return an import as it stands in the database."""
        names = ("status", "trouble", "mode", "made", "changed", "unchanged", "left_out", "good", "bad", "progress")
        found = self.database.sql(
            f"select {', '.join(names)} from public.product_imports where id = %s", (path.rpartition("/")[2],)
        )
        return dict(zip(names, found[0], strict=True))

    def products(self) -> dict[str, tuple[Any, ...]]:
        """Return the products of the organisation by their SKUs: name, description, price, stock, on sale."""
        rows = self.database.sql(
            "select sku, name, description, price, stock, is_active from public.products where org_id = %s",
            (self.org.id,),
        )
        return {sku: tuple(rest) for sku, *rest in rows}

    def left(self, table: str) -> int:
        """Return how many rows a table of imports has that are this person's."""
        counted = self.database.sql(
            f"select count(*) from public.product_import{table} where created_by = %s", (self.person.id,)
        )
        return int(counted[0][0])


@pytest.fixture
def importer(factories: Factories, client_for: ClientFor, database: Database) -> Importer:
    """Return a member of an organisation with two products: T-1, a hammer, and T-2, nails."""
    org, person = factories.organization("Tools", slug="tools"), factories.person("Tove Toolmaker")
    factories.membership(org, person, "member")
    factories.product(org, "Hammer", sku="T-1", description="Of steel", stock=25)
    factories.product(org, "Nails", sku="T-2", description="Of zinc", stock=3)
    return Importer(client_for(person), database, org, person)
