"""The core: who a transaction acts as, and the only way to begin one. No Flask; stdlib, SQLAlchemy and psycopg."""

from webapp.rls import errors
from webapp.rls.engine import check_login, create_engine, engine_options, install, normalise_url
from webapp.rls.identity import Identity
from webapp.rls.policy import Function, Grant, Policy, RowSecurity, Trigger, row_security_of
from webapp.rls.transaction import Limits, Transaction, bind, session_of_work, unit_of_work

__all__ = [
    "Function",
    "Grant",
    "Identity",
    "Limits",
    "Policy",
    "RowSecurity",
    "Transaction",
    "Trigger",
    "bind",
    "check_login",
    "create_engine",
    "engine_options",
    "errors",
    "install",
    "normalise_url",
    "row_security_of",
    "session_of_work",
    "unit_of_work",
]
