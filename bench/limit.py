"""The limit: bare WSGI, one persistent psycopg connection per thread, the same query, a template of the same size.

No framework, no identity, no session, no forms. What an application that gives its visitors the products page could
reach at most on this machine, with this server and this pooler. Served by ``bench.products``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from jinja2 import Environment

_QUERY = """
select p.id, p.name, p.sku, p.price, p.stock, p.is_active, p.updated_at
from public.products p where p.org_id = %s
order by p.updated_at desc, p.id desc limit 51
"""
_TEMPLATE = Environment(autoescape=True).from_string(
    "<!DOCTYPE html><title>Products</title><table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>"
    "{% endfor %}<td>{{ padding }}</td></tr>{% endfor %}</table>"
)
_held = threading.local()


def _connection() -> psycopg.Connection[Any]:
    if not hasattr(_held, "connection"):
        _held.connection = psycopg.connect(os.environ["LIMIT_DATABASE_URL"], autocommit=True, prepare_threshold=None)
    found: psycopg.Connection[Any] = _held.connection
    return found


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every address with the same fifty rows."""
    rows = _connection().execute(_QUERY, (os.environ["LIMIT_ORG"],)).fetchall()[:50]
    body = _TEMPLATE.render(rows=rows, padding="x" * int(os.environ["LIMIT_PADDING"])).encode()
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
