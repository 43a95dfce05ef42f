"""Make a plain cluster look like a Supabase project's: its roles, its database, its schemas."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from webapp.ops.embedded.failures import EmbeddedError
from webapp.ops.embedded.folder import LOGINS

DATABASE = "rowhouse"
OWNER = LOGINS["direct"]
SHIM = Path(__file__).resolve().parents[3] / "supabase" / "local"


def fingerprint(folder: Path) -> str:
    """Return a hash of the shim's files: run them again only when it changes."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.sql")))).hexdigest()


def create_database(admin: psycopg.Connection) -> None:
    """Make the database and its owner where they are missing; `admin` is in autocommit, in any other database."""
    if not admin.execute("select 1 from pg_roles where rolname = %s", (OWNER,)).fetchone():
        admin.execute(
            sql.SQL("create role {} login createdb createrole bypassrls nosuperuser").format(sql.Identifier(OWNER))
        )
    if not admin.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone():
        admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def run_shim(admin: psycopg.Connection, folder: Path) -> None:
    """Run the files of supabase/local in the order of their names; raise EmbeddedError with the file that failed."""
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise EmbeddedError(
            "The roles of Supabase could not be made.",
            f"There is no .sql file in {folder}.",
            "Start this from a whole clone: git checkout -- supabase/local",
        )
    for path in files:
        try:
            admin.execute(path.read_bytes())
        except psycopg.Error as exc:
            raise EmbeddedError(
                f"{path} failed.",
                str(exc).strip(),
                "If the file was changed, bring it back: git checkout -- supabase/local",
            ) from exc


def set_passwords(admin: psycopg.Connection, passwords: Mapping[str, str]) -> list[str]:
    """Give a password to each login that exists and has none yet; return their names.

    The verifier is made here, so no password travels or can stand in a server's log.
    """
    bare = admin.execute(
        "select rolname from pg_authid where rolname = any(%s) and rolcanlogin and rolpassword is null",
        (list(passwords),),
    ).fetchall()
    for (role,) in bare:
        verifier = admin.pgconn.encrypt_password(passwords[role].encode(), role.encode(), b"scram-sha-256")
        admin.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier.decode())))
    return [role for (role,) in bare]
