"""Doors into the database: the product's own, and broken ones that the leak run must catch.

A door says how a request comes by its transaction. The broken ones are faults that real applications have had; each
is named for what was done wrong.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.orm import Session

from webapp import rls
from webapp.rls import Identity


class Door:
    """The product: each request binds the engine to its identity, and another identity is another Session."""

    def __init__(self, url: str) -> None:
        self.engine = rls.create_engine(url, application_name="leak")

    @contextmanager
    def session(self, identity: Identity) -> Iterator[Session]:
        """Yield the Session of one request; what it did not commit is rolled back."""
        with Session(rls.bind(self.engine, identity)) as session:
            yield session

    @contextmanager
    def connect(self, identity: Identity) -> Iterator[Connection]:
        """Yield a connection, as code does that thinks the Session too slow."""
        with rls.bind(self.engine, identity).connect() as connection:
            yield connection

    @contextmanager
    def become(self, session: Session, other: Identity) -> Iterator[Session]:
        """Yield a Session that acts as ``other`` for a moment in the middle of somebody's request.

        The first one's transaction ends before: a request that holds one connection while it waits for another
        would stand still for good once all connections of the pooler are held by its like.
        """
        session.commit()
        with self.session(other) as theirs:
            yield theirs


def _set(connection: Connection, identity: Identity, *, local: bool) -> None:
    connection.execute(
        text("select set_config('role', :role, :local), set_config('request.jwt.claims', :claims, :local)"),
        {"role": identity.role, "claims": identity.claims, "local": local},
    )


class _Unguarded(Door):
    """An engine as SQLAlchemy makes it, without the hook and the guard."""

    def __init__(self, url: str, **options: Any) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://"),
            poolclass=NullPool,
            connect_args={"prepare_threshold": None},
            **options,
        )

    @contextmanager
    def session(self, identity: Identity) -> Iterator[Session]:
        with Session(self.engine) as session:
            event.listen(session, "after_begin", lambda _s, t, c: None if t.nested else self.begin(c, identity))
            yield session

    @contextmanager
    def connect(self, identity: Identity) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            self.begin(connection, identity)
            yield connection

    def begin(self, connection: Connection, identity: Identity) -> None:
        """Set the identity at the beginning of a transaction, rightly."""
        _set(connection, identity, local=True)


class SessionLevelSetting(_Unguarded):
    """Sets the identity for the session of the server, which the pooler hands to the next client."""

    def begin(self, connection: Connection, identity: Identity) -> None:
        _set(connection, identity, local=False)


class HookForgotten(_Unguarded):
    """Never sets the identity."""

    def begin(self, connection: Connection, identity: Identity) -> None:
        pass


class SetOnceThenCommit(_Unguarded):
    """Sets the identity at the start of the request; after a commit in its middle there is none."""

    @contextmanager
    def session(self, identity: Identity) -> Iterator[Session]:
        with Session(self.engine) as session:
            _set(session.connection(), identity, local=True)
            yield session


class Autocommit(_Unguarded):
    """Sets the identity for the transaction, and each statement is a transaction of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url, isolation_level="AUTOCOMMIT")


class EngineConnect(Door):
    """Hangs the hook on the Session alone, so that a plain connection passes it by."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._plain = HookForgotten(url)

    @contextmanager
    def connect(self, identity: Identity) -> Iterator[Connection]:
        with self._plain.connect(identity) as connection:
            yield connection


class IdentityChangedInSavepoint(_Unguarded):
    """Becomes somebody else within a savepoint; its release keeps what was set inside."""

    @contextmanager
    def become(self, session: Session, other: Identity) -> Iterator[Session]:
        with session.begin_nested():
            _set(session.connection(), other, local=True)
            yield session


class SessionReused(_Unguarded):
    """Keeps one Session for each thread; its identity map hands one person's objects to the next."""

    _held = threading.local()

    @contextmanager
    def session(self, identity: Identity) -> Iterator[Session]:
        held: Session | None = getattr(self._held, "session", None)
        if held is None or held.bind is not self.engine:
            held = self._held.session = Session(self.engine, expire_on_commit=False)
        held.info["identity"] = identity
        if not held.info.get("hooked"):
            event.listen(held, "after_begin", lambda s, t, c: None if t.nested else self.begin(c, s.info["identity"]))
            # The identity map holds weakly; what somebody else keeps, be it a cache or a template, stays in it.
            event.listen(held, "loaded_as_persistent", lambda s, found: s.info.setdefault("kept", []).append(found))
            held.info["hooked"] = True
        try:
            yield held
        except BaseException:
            held.rollback()
            raise
        held.commit()


class ShadowTable(Door):
    """Stages an import in a temporary table that has the name of the real one."""

    def stage(self, session: Session) -> None:
        """Make the temporary table. Postgres refuses where the privilege is not given."""
        session.execute(text("create temporary table products as select * from public.products"))
        session.commit()


def claims_of(value: str | None) -> dict[str, Any]:
    """Return the claims that a setting holds; an empty one and none at all hold none."""
    return dict(json.loads(value)) if value else {}
