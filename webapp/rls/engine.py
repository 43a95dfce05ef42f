"""The engine: every connection guarded, none kept, nothing asked of the server that has no identity."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, event, make_url, text
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from webapp.rls import transaction
from webapp.rls.connection import GuardedConnection, GuardedCursor, GuardedServerCursor
from webapp.rls.errors import CommitUnknown, Conflict, DatabaseError, IdentityChanged, is_gone, translate
from webapp.rls.identity import Identity

DRIVER = "postgresql+rowhouse"
BROWSER_ROLES = frozenset({"anon", "authenticated"})
_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+psycopg", DRIVER})


class Dialect(PGDialect_psycopg):
    """SQLAlchemy's psycopg dialect with our connection, and without the questions it asks on its first one.

    Those questions would run as the login role, and through a pooler they would speak of whichever server answers.
    """

    driver = "rowhouse"
    supports_statement_cache = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(use_native_hstore=False, **kwargs)  # type: ignore[no-untyped-call]  # SQLAlchemy's own

    @classmethod
    def get_pool_class(cls, url: URL) -> type[NullPool]:
        """Return NullPool: the pooler keeps the connections, the process none."""
        return NullPool

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        """Return a guarded connection. A failure that came quickly is tried once more: a pooler may be restarting."""
        began = time.monotonic()
        try:
            connection = GuardedConnection.connect(*cargs, **cparams)
        except psycopg.OperationalError:
            if time.monotonic() - began > transaction.QUICK:
                raise
            time.sleep(transaction.RETRY_PAUSE)
            connection = GuardedConnection.connect(*cargs, **cparams)
        connection.cursor_factory = GuardedCursor
        connection.server_cursor_factory = GuardedServerCursor
        return connection

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit, or raise: Postgres answers COMMIT of a failed transaction with ROLLBACK and no error."""
        driver = getattr(dbapi_connection, "driver_connection", dbapi_connection)  # the pool hands over its proxy
        if driver.info.transaction_status == TransactionStatus.INERROR:
            dbapi_connection.rollback()
            raise Conflict("25P02", message="An earlier statement failed, so nothing was committed.")
        try:
            dbapi_connection.commit()
        except psycopg.Error as exc:
            if is_gone(exc):
                raise CommitUnknown(exc.sqlstate) from exc
            raise

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Refuse: under AUTOCOMMIT a SET LOCAL ends with its own statement, and the identity with it."""
        raise ArgumentError(f"Isolation level {level!r} would end the identity; the prologue begins each transaction.")

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        number = connection.connection.driver_connection.info.server_version
        return (number // 10000, number % 10000)

    def _get_default_schema_name(self, connection: Any) -> str:
        return "public"

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Return what the prologue sets, without asking the server."""
        return "READ COMMITTED"

    def _set_backslash_escapes(self, connection: Any) -> None:
        self._backslash_escapes = False


registry.register("postgresql.rowhouse", __name__, "Dialect")


def normalise_url(url: str | URL) -> URL:
    """Return ``url`` for our dialect, or raise ValueError saying what is wrong with it.

    Accepts the spellings that hosts hand out: ``postgres://``, ``postgresql://``, ``postgresql+psycopg://``, and
    Supabase's ``?pgbouncer=true``, which speaks to another driver and which libpq would refuse.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("It is not a database URL; write postgresql://user:password@host:port/database.") from None
    if parsed.drivername not in _SCHEMES:
        raise ValueError(f"It begins with {parsed.drivername}://; Rowhouse speaks postgresql:// only.")
    return parsed.set(drivername=DRIVER).difference_update_query(["pgbouncer"])


def engine_options(*, application_name: str = "rowhouse", connect_timeout: int = 5) -> dict[str, Any]:
    """Return SQLAlchemy's options of every engine of ours. ``connect_timeout`` is in seconds."""
    return {
        "connect_args": {
            "autocommit": True,
            "prepare_threshold": None,
            "application_name": application_name,
            "connect_timeout": connect_timeout,
        },
        "hide_parameters": True,
    }


def create_engine(url: str | URL, *, application_name: str = "rowhouse", connect_timeout: int = 5) -> Engine:
    """Return an engine on which nothing runs without an identity. ``connect_timeout`` is in seconds."""
    options = engine_options(application_name=application_name, connect_timeout=connect_timeout)
    engine = sqlalchemy_engine(normalise_url(url), **options)
    install(engine)
    return engine


def install(engine: Engine) -> None:
    """Attach the prologue and the translation of errors to ``engine``."""
    event.listen(engine, "begin", transaction.begin)
    event.listen(engine, "handle_error", _ours)
    event.listen(engine, "set_connection_execution_options", _refuse_another_identity)


def _ours(context: ExceptionContext) -> DatabaseError | None:
    """Return our error, which SQLAlchemy raises from the driver's; raising it here would silence later listeners."""
    ours = translate(context.original_exception)
    return ours if ours is not context.original_exception else None


def _refuse_another_identity(connection: Any, options: dict[str, Any]) -> None:
    wanted = options.get(transaction.OPTION)
    held = connection.get_execution_options().get(transaction.OPTION)
    if wanted is not None and (wanted != held) and (held is not None or connection.in_transaction()):
        raise IdentityChanged()


def check_login(
    engine: Engine, *, member_of: frozenset[str] = BROWSER_ROLES, may_bypass: frozenset[str] = frozenset()
) -> list[str]:
    """Return what is unsafe about the login that ``engine`` connects as; an empty list when nothing is.

    It must be a member of the roles ``member_of`` and of no others, directly or by way of others. Of these,
    ``may_bypass`` may have BYPASSRLS. Runs as the login role itself, which may read the system catalogue and nothing of
    ours.
    """
    with transaction.unit_of_work(engine, Identity.sign_in(), read_only=True) as connection:
        login, *roles = connection.execute(text(_ROLES)).all()
    if login.powers and "SUPERUSER" in login.powers:
        return [f"The login {login.name} is a superuser, whom no policy binds."]
    complaints = [f"The login {login.name} is a member of {role.name}." for role in roles if role.name not in member_of]
    complaints += [
        f"The login {login.name} inherits the rights of {role.name}, so a missing identity would still read."
        for role in roles
        if role.inherited
    ]
    missing = member_of - {role.name for role in roles}
    complaints += [
        f"The login {login.name} is no member of {name}, and so cannot become it." for name in sorted(missing)
    ]
    for role in (login, *roles):
        who = f"The login {login.name}" if role is login else f"{role.name}, which {login.name} can become,"
        excused = {"BYPASSRLS"} if role is not login and role.name in may_bypass else set()
        complaints += [f"{who} has {power}." for power in role.powers if power not in excused]
        if role.owns:
            complaints.append(f"{who} owns {role.owns}, and an owner can switch policies off.")
    return complaints


# The login first, then every role that it is a member of, however far. From PostgreSQL 16 on a membership has an
# INHERIT of its own, whatever the role says: pg_has_role(…, 'usage') knows.
_ROLES = """
select r.rolname as name,
       pg_catalog.pg_has_role(me.oid, r.oid, 'usage') and r.oid <> me.oid as inherited,
       array_remove(array[
         case when r.rolsuper then 'SUPERUSER' end, case when r.rolbypassrls then 'BYPASSRLS' end,
         case when r.rolcreaterole then 'CREATEROLE' end, case when r.rolcreatedb then 'CREATEDB' end,
         case when r.rolreplication then 'REPLICATION' end], null) as powers,
       coalesce(
         (select 'table ' || c.oid::regclass from pg_catalog.pg_class c
          where c.relowner = r.oid and c.relkind in ('r', 'p', 'v', 'm', 'f') limit 1),
         (select 'function ' || p.oid::regproc from pg_catalog.pg_proc p where p.proowner = r.oid limit 1),
         (select 'schema ' || n.nspname from pg_catalog.pg_namespace n where n.nspowner = r.oid limit 1)
       ) as owns
from pg_catalog.pg_roles me, pg_catalog.pg_roles r
where me.rolname = session_user and (r.oid = me.oid or pg_catalog.pg_has_role(me.oid, r.oid, 'member'))
order by r.oid <> me.oid, r.rolname
"""
