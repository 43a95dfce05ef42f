"""Alembic operations for what Postgres alone has: row security, policies, grants, functions, triggers.

Importing this module gives ``alembic.op`` its new functions. They take literal values of ``webapp.rls.policy``, so a
migration says for ever what it said on the day it was written and never imports a model. Each works offline too
(``alembic upgrade --sql``), and each that can be undone says how, which is how autogenerate writes a downgrade.

A table is named without its schema; ``schema`` is ``public`` where it is left out.
"""

from webapp.schema.operations.base import BROWSER_ROLES, DatabaseOperation, RunSql, qualified
from webapp.schema.operations.routines import (
    CreateFunction,
    CreateTrigger,
    DropFunction,
    DropTrigger,
    ReplaceFunction,
    ReplaceTrigger,
    replacing_trigger,
)
from webapp.schema.operations.tables import (
    CreatePolicy,
    DisableRowSecurity,
    DropPolicy,
    EnableRowSecurity,
    GrantOnTable,
    RevokeAll,
    RevokeOnTable,
)

__all__ = [
    "BROWSER_ROLES",
    "CreateFunction",
    "CreatePolicy",
    "CreateTrigger",
    "DatabaseOperation",
    "DisableRowSecurity",
    "DropFunction",
    "DropPolicy",
    "DropTrigger",
    "EnableRowSecurity",
    "GrantOnTable",
    "ReplaceFunction",
    "ReplaceTrigger",
    "RevokeAll",
    "RevokeOnTable",
    "RunSql",
    "qualified",
    "replacing_trigger",
]
