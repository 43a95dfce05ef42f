"""Who a transaction acts as: a frozen value with no request and no ORM object in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

# The only names that follow SET LOCAL ROLE in a request. "none" is the login role itself, which owns nothing: that of
# the requests can do nothing by itself, that of signing in may execute the functions of schema rowhouse_auth.
ROLES: Final[frozenset[str]] = frozenset({"anon", "authenticated", "service_role", "none"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Hold the role and the claims that a transaction begins with.

    ``claims`` is canonical JSON text rather than a mapping, so that an identity can be hashed, compared, and
    not altered behind the back of the transaction that it was given to.
    """

    role: str
    claims: str = ""
    allowed: frozenset[str] = field(default=ROLES, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.role not in self.allowed or "\0" in self.role:
            allowed = ", ".join(sorted(self.allowed))
            raise ValueError(f"{self.role!r} is not a role that a transaction may take: {allowed}.")

    @classmethod
    def anonymous(cls) -> Identity:
        """Return the visitor without an account: role ``anon``, and the claims that Supabase gives it."""
        return cls("anon", '{"role":"anon"}')

    @classmethod
    def user(cls, claims: Mapping[str, Any]) -> Identity:
        """Return the person of a verified token.

        Raises ValueError unless ``sub`` is a UUID and ``role`` is ``authenticated``: a token that names another
        role, ``service_role`` above all, is no person.
        """
        if claims.get("role") != "authenticated":
            raise ValueError("A person's claims must carry the role 'authenticated'.")
        UUID(str(claims.get("sub")))
        return cls("authenticated", json.dumps(dict(claims), separators=(",", ":"), sort_keys=True))

    @classmethod
    def service(cls, reason: str) -> Identity:
        """Return the role that bypasses RLS; ``reason`` says, in the calling code and in the claims, what for.

        The web login is no member of ``service_role``, so Postgres refuses this identity to every request.
        """
        if not reason.strip():
            raise ValueError("Say what the service role is needed for.")
        return cls("service_role", json.dumps({"role": "service_role", "reason": reason}, sort_keys=True))

    @classmethod
    def sign_in(cls) -> Identity:
        """Return the login role itself, for the functions of ``rowhouse_auth`` and nothing else."""
        return cls("none")

    @classmethod
    def viewed(cls, role: str, claims: Mapping[str, Any], allowed: frozenset[str]) -> Identity:
        """Return the role and claims that an administrator looks through; ``allowed`` is what the operator allows.

        Raises ValueError for any other role. Postgres itself refuses those that the login is no member of.
        """
        return cls(role, json.dumps(dict(claims), separators=(",", ":"), sort_keys=True), allowed)

    @property
    def user_id(self) -> UUID | None:
        """Return the person's id, or None for everyone who is not a person."""
        return UUID(json.loads(self.claims)["sub"]) if self.role == "authenticated" else None
