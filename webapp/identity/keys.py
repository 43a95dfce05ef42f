"""Keys: one secret of the operator's, and a key of its own for each purpose."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_BYTES: Final = 32


def derive(secret: str, purpose: str) -> bytes:
    """Return 32 bytes that follow from ``secret`` for one purpose and tell nothing of those for another.

    HKDF with SHA-256 (RFC 5869). Raises ValueError for a secret under 32 bytes: HKDF spreads entropy, it makes none.
    """
    if len(secret.encode()) < MIN_BYTES:
        raise ValueError(f"A secret key needs {MIN_BYTES} bytes or more.")
    return HKDF(SHA256(), length=32, salt=None, info=f"rowhouse {purpose}".encode()).derive(secret.encode())
