"""Two logins, kept apart: what a request's statements can reach opens no account, and what opens one reads no row."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, text

from webapp import rls

# Whatever the login can become counts too: one injected set_config('role', …) is all it takes.
_REACHES: Final = text("""
select session_user::text as login, coalesce(array_agg(r.rolname::text order by r.rolname), '{}') as roles
from pg_catalog.pg_roles r join pg_catalog.pg_namespace n on n.nspname = 'rowhouse_auth'
where pg_catalog.pg_has_role(session_user, r.oid, 'member')
  and (pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') or exists (
    select from pg_catalog.pg_proc p
    where p.pronamespace = n.oid and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')))
""")


def complaints(requests: Engine, sign_in: Engine) -> list[str]:
    """Return what is unsafe about the login of ``sign_in``, and about that of ``requests`` where the two touch.

    Signing in needs functions of schema rowhouse_auth and no role beside; a request needs roles and none of those
    functions. Raises Unavailable where a login cannot connect.
    """
    found = rls.check_login(sign_in, member_of=frozenset())
    with rls.unit_of_work(requests, rls.Identity.sign_in(), read_only=True) as connection:
        reaches = connection.execute(_REACHES).one()
    if reaches.roles:
        found.append(
            f"The login {reaches.login} reaches the functions of rowhouse_auth as {', '.join(reaches.roles)}, so that "
            "one injected statement would open any account."
        )
    return found
