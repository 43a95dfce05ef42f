"""From what stands in an address or on the command line to the identity that it means.

``anon``, ``user:<id>``, ``email:<address>``, ``role:<organisation>:<role>`` and ``claims:<base64url of JSON>``. A
persona is the web layer's to look up; it holds one of these.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from webapp.inspector.desk import Desk
from webapp.inspector.people import Person, UnknownViewpoint, as_uuid, by_id, find, members
from webapp.inspector.viewpoint import Viewpoint
from webapp.rls import Identity

__all__ = ["ANON", "Person", "UnknownViewpoint", "Viewpoint", "find", "from_claims", "of_command_line", "resolve"]

LONGEST: Final = 8_192  # characters of claims in JSON; a token of ours is no longer
DEEPEST: Final = 32
LIFETIME: Final = timedelta(hours=1)  # of a token that sign-in gives
ANON: Final = Viewpoint(
    "anon", "Anonymous visitor", Identity.anonymous(), detail="Nobody is signed in: the role anon.", short="anon"
)


def resolve(desk: Desk, spec: str) -> Viewpoint:
    """Return the viewpoint that ``spec`` names. Raises UnknownViewpoint saying what is wrong with it."""
    kind, colon, rest = spec.strip().partition(":")
    if kind == "anon" and not colon:
        return _admitted(desk, ANON)
    reader = _READERS.get(kind)
    if reader is None or not rest:
        raise UnknownViewpoint(
            f"{_shown(spec)} names nobody. Write anon, user:ID, email:ADDRESS, role:ORGANISATION:ROLE or claims:…"
        )
    return _admitted(desk, reader(desk, rest))


def from_claims(desk: Desk, claims: Mapping[str, Any]) -> Viewpoint:
    """Return the viewpoint of claims that somebody made up; their ``role`` is the role that Postgres takes.

    They are looked through as they are: nothing is added to them. Raises UnknownViewpoint for what no token could
    carry, and for a role that the operator does not allow.
    """
    text = canonical(claims)
    role = claims.get("role")
    if not isinstance(role, str) or not role:
        raise UnknownViewpoint(
            f'The claims name no role. Add "role" with one of {_listed(desk)}: it decides what Postgres lets them do.'
        )
    subject = claims.get("sub")
    if role == "authenticated" and not _is_uuid(subject):
        raise UnknownViewpoint('With the role authenticated "sub" has to be a UUID: the id of an account.')
    others = len(claims) - 1 - ("sub" in claims)
    detail = f"The role {role}" + (f", sub {_shown(subject)}" if "sub" in claims else "")
    if others:
        detail += f" and {others} more claim{'s' * (others > 1)}"
    return _admitted(
        desk,
        Viewpoint(
            f"claims:{encoded(text)}",
            "Custom claims",
            _identity(desk, role, claims),
            detail=detail + ".",
            short="these claims",
        ),
    )


def of_command_line(desk: Desk, text: str) -> Viewpoint:
    """Return the viewpoint of ``anon``, an address, an account's id, a file of claims, or what ``resolve`` reads."""
    if text == "anon" or text.partition(":")[0] in _READERS:
        return resolve(desk, text)
    if (person_id := as_uuid(text)) is not None:
        return resolve(desk, f"user:{person_id}")
    path = Path(text)
    if text.endswith(".json") or path.is_file():
        return from_claims(desk, parse_claims(_read(path)))
    if "@" in text:
        return resolve(desk, f"email:{text}")
    raise UnknownViewpoint(f"{_shown(text)} names nobody. Write anon, an address, an account's id or a file of claims.")


def of_person(desk: Desk, person: Person) -> Viewpoint:
    """Return the viewpoint of an account, with the claims that signing in now would give."""
    now = datetime.now(UTC).replace(microsecond=0)
    claims = {**person.claims, "iat": int(now.timestamp()), "exp": int((now + LIFETIME).timestamp())}
    belongs = ", ".join(f"{m.role} of {m.org_name}" for m in person.memberships[:3])
    if len(person.memberships) > 3:
        belongs += f" and {len(person.memberships) - 3} more"
    said = (person.email if person.name != person.email else "", belongs, person.state)
    return Viewpoint(
        f"user:{person.id}",
        person.name,
        _identity(desk, str(claims["role"]), claims),
        detail=" · ".join(part for part in said if part),
        short=person.full_name.split()[0] if person.full_name.strip() else person.name,
    )


def parse_claims(text: str) -> dict[str, Any]:
    """Return the object that ``text`` is in JSON. Raises UnknownViewpoint where it is none, or too long."""
    if len(text) > LONGEST:
        raise UnknownViewpoint(f"The claims have {len(text):,} characters; {LONGEST:,} is the most.")
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise UnknownViewpoint(f"The claims are no JSON: {_reason(exc)}.") from None
    if not isinstance(found, dict):
        raise UnknownViewpoint("The claims are no JSON object: write names and values between { and }.")
    return found


def encoded(text: str) -> str:
    """Return claims as they stand in an address: base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _user(desk: Desk, rest: str) -> Viewpoint:
    person_id = as_uuid(rest)
    if person_id is None:
        raise UnknownViewpoint(f"{_shown(rest)} is no account's id, which is a UUID.")
    person = by_id(desk, person_id)
    if person is None:
        raise UnknownViewpoint(f"There is no account with the id {person_id}.")
    return of_person(desk, person)


def _email(desk: Desk, rest: str) -> Viewpoint:
    wanted = rest.strip().lower()
    people = [person for person in find(desk, wanted, 20) if person.email.lower() == wanted]
    if not people:
        raise UnknownViewpoint(f"There is no account with the address {_shown(rest.strip())}.")
    # Single sign-on lets several accounts have one address; a deleted one may still have it beside its successor's.
    living = [person for person in people if not person.deleted] or people
    if len(living) > 1:
        choices = ", ".join(f"user:{person.id}" for person in living)
        raise UnknownViewpoint(
            f"{len(living)} accounts have the address {wanted}. Look through one of them: {choices}."
        )
    return of_person(desk, living[0])


def _role(desk: Desk, rest: str) -> Viewpoint:
    slug, _, role = rest.rpartition(":")
    if not slug or not role:
        raise UnknownViewpoint("Write role:ORGANISATION:ROLE, with the organisation as it stands in addresses.")
    people = members(desk, slug, role)
    if not people:
        raise UnknownViewpoint(
            f"Nobody has the role {_shown(role)} in the organisation {_shown(slug)}, or there is no such organisation. "
            "It is named as it stands in addresses."
        )
    person = of_person(desk, people[0])
    org = next((m.org_name for m in people[0].memberships if m.slug == slug), slug)
    return Viewpoint(
        f"role:{slug}:{role}",
        f"{role.capitalize()} of {org}",
        person.identity,
        detail=" · ".join(part for part in (person.name, person.detail) if part),
        short=person.short,
    )


def _claims(desk: Desk, rest: str) -> Viewpoint:
    try:
        if len(rest) > LONGEST * 6:
            raise UnknownViewpoint(f"The claims are too long; {LONGEST:,} characters of JSON is the most.")
        text = base64.b64decode(rest + "=" * (-len(rest) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise UnknownViewpoint("The claims are not in base64url. Was the address cut short?") from None
    return from_claims(desk, parse_claims(text))


_READERS: Final[dict[str, Callable[[Desk, str], Viewpoint]]] = {
    "user": _user,
    "email": _email,
    "role": _role,
    "claims": _claims,
}


def _admitted(desk: Desk, viewpoint: Viewpoint) -> Viewpoint:
    if not desk.admits(viewpoint.identity):
        raise _not_allowed(desk, viewpoint.identity.role)
    return viewpoint


def _identity(desk: Desk, role: str, claims: Mapping[str, Any]) -> Identity:
    try:
        return Identity.viewed(role, claims, desk.roles)
    except ValueError:
        raise _not_allowed(desk, role) from None


def _not_allowed(desk: Desk, role: str) -> UnknownViewpoint:
    return UnknownViewpoint(
        f"The role {_shown(role)} may not be looked through; {_listed(desk)} may. The operator sets them by "
        "INSPECTOR_ROLES."
    )


def _listed(desk: Desk) -> str:
    return ", ".join(sorted(desk.roles))


def canonical(claims: Mapping[str, Any]) -> str:
    """Return the claims as JSON text, always the same for the same claims."""
    try:
        text = json.dumps(dict(claims), allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        text.encode()
    except UnicodeEncodeError:
        raise UnknownViewpoint("A claim holds half a surrogate pair, which is no character.") from None
    except (ValueError, TypeError, RecursionError) as exc:
        raise UnknownViewpoint(f"The claims cannot be written as JSON: {_reason(exc)}.") from None
    if len(text) > LONGEST:
        raise UnknownViewpoint(f"The claims have {len(text):,} characters; {LONGEST:,} is the most.")
    _check(claims, 0)
    return text


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise UnknownViewpoint(f"The claims are nested more than {DEEPEST} deep.")
    if isinstance(value, str) and "\0" in value:
        raise UnknownViewpoint("A claim holds the character NUL, which Postgres cannot store.")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check(name, depth)
            _check(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner, depth + 1)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _reason(exc: Exception) -> str:
    return "it is nested too deep" if isinstance(exc, RecursionError) else str(exc)


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and (parsed := as_uuid(value)) is not None and str(parsed) == value.lower()


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST * 4 + 1).decode()
    except OSError as exc:
        raise UnknownViewpoint(f"The file {path} cannot be read: {exc.strerror}.") from None
    except UnicodeError:
        raise UnknownViewpoint(f"The file {path} is not in UTF-8.") from None
