"""The same in psql: a script that asks what the Inspector asked, for whoever wants to see it with their own eyes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from webapp.inspector.desk import Query
from webapp.inspector.quoting import fill
from webapp.rls import Identity
from webapp.rls.identity import ROLES
from webapp.rls.policy import quote, quote_always

# The search path of the script has pg_catalog in it; a name in quotes is left alone.
_PREFIX = re.compile(r'(?P<name>"(?:[^"]|"")*")|pg_catalog\.')


def literal(text: str) -> str:
    """Return a text as a literal of standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def script(identity: Identity, query: Query, parameters: Mapping[str, Any] | list[Any], *, writes: bool = False) -> str:
    """Return the statements that repeat a query as ``identity``, for psql as a login that may become it."""
    role = quote(identity.role) if identity.role in ROLES else quote_always(identity.role)
    return "\n".join(
        (
            "begin;" if writes else "begin read only;",
            f"set local role {role};",
            f"set local request.jwt.claims = {literal(identity.claims)};",
            "set local search_path = public;",
            f"{inlined(query, parameters)};",
            "rollback;",
        )
    )


def inlined(query: Query, parameters: Mapping[str, Any] | list[Any]) -> str:
    """Return a query with its parameters in it as literals."""
    text = query if isinstance(query, str) else query.as_string()
    values: Mapping[Any, Any] = parameters if isinstance(parameters, Mapping) else dict(enumerate(parameters))
    return fill(_PREFIX.sub(lambda found: found["name"] or "", text), lambda mark: _value(values[mark]))


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Jsonb):
        return literal(json.dumps(value.obj, ensure_ascii=False, default=str)) + "::jsonb"
    return literal(str(value))
