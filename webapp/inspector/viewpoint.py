"""Through whose eyes: an identity with what people call it."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.rls import Identity


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Hold an identity that is looked through.

    ``spec`` names it in addresses and on the command line; ``name`` is what people call it, ``short`` the same within a
    heading, ``detail`` what else is to be said of it.
    """

    spec: str
    name: str
    identity: Identity
    detail: str = ""
    short: str = ""
