"""Passwords: which are refused, and how the others are kept, as Supabase Auth keeps them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

import bcrypt

COST: Final = 10  # Supabase Auth's
MIN_CHARACTERS: Final = 8
MAX_BYTES: Final = 72  # bcrypt reads no further
# The hash of a password that nobody knows: checked where there is no account, so that it takes as long.
NOBODY: Final = "$2a$10$XOZrVb563MOMMlpLzql/GOHLsJ3D3HVPZKABCX2wpueQGwDR9J94q"

TOO_SHORT: Final = f"Use {MIN_CHARACTERS} characters or more."
TOO_LONG: Final = f"Use {MAX_BYTES} bytes or fewer; a letter of English is one byte, others are two to four."
COMMON: Final = "Many people use this password, so it is among the first that are tried. Choose another."
OWN_ADDRESS: Final = "Your e-mail address is no secret. Choose another password."


def reasons_against(password: str, email: str = "") -> tuple[str, ...]:
    """Return why a new password is refused, as sentences for its owner; empty if it is welcome.

    Length, and what others try first; no rules on which kinds of character it has (NIST SP 800-63B, section 3.1.1.2).
    """
    reasons = []
    if len(password) < MIN_CHARACTERS:
        reasons.append(TOO_SHORT)
    if len(_encoded(password)) > MAX_BYTES:
        reasons.append(TOO_LONG)
    folded = password.casefold()
    if not reasons and _is_common(folded):
        reasons.append(COMMON)
    if not reasons and email and folded in (email.casefold(), email.casefold().partition("@")[0]):
        reasons.append(OWN_ADDRESS)
    return tuple(reasons)


def hash_password(password: str) -> str:
    """Return the bcrypt hash to store. Raises ValueError above 72 bytes: bcrypt would drop what is beyond them."""
    encoded = _encoded(password)
    if len(encoded) > MAX_BYTES:
        raise ValueError(TOO_LONG)
    return bcrypt.hashpw(encoded, bcrypt.gensalt(COST, prefix=b"2a")).decode("ascii")


def matches(password: str, stored: str | None) -> bool:
    """Tell whether ``password`` has the hash ``stored``.

    One bcrypt is computed in any case: for no account, for an account without a password, for a hash of another kind,
    and for a password that is too long to be anybody's. About 50 ms, with the interpreter's lock released.
    """
    usable = stored is not None and stored.startswith(("$2a$", "$2b$", "$2y$"))
    encoded = _encoded(password)
    try:
        same = bcrypt.checkpw(encoded[:MAX_BYTES], (stored if usable and stored else NOBODY).encode("utf-8"))
    except ValueError:  # cut short or altered: as good as none
        bcrypt.checkpw(encoded[:MAX_BYTES], NOBODY.encode("ascii"))
        return False
    return same and usable and len(encoded) <= MAX_BYTES


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


@cache
def _common() -> frozenset[str]:
    lines = files(__package__).joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _is_common(folded: str) -> bool:
    # The word alone counts as well: those who were once made to add a digit or a sign add a few at the end.
    word = folded.strip("0123456789!?.,*#$@%&+-_ ")
    padded = len(folded) - len(word) <= 4 and word in _common()
    repeated = len(folded) <= 16 and len(set(folded)) <= 2
    return padded or repeated or folded in _common() or _is_run(folded)


def _is_run(text: str) -> bool:
    """Tell whether each character follows the one before it by the same step, as in 12345678 or hgfedcba."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) == 1 and abs(steps.pop()) <= 1
