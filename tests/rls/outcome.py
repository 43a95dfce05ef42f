"""What the leak run expects of each person, and what it found."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from tests.rls.doors import claims_of
from webapp.rls import Identity

Kind = Literal["foreign row", "no identity", "missing row", "canary", "escalation", "error", "lost write"]


@dataclass(frozen=True, slots=True)
class Someone:
    """A person, or nobody, and exactly what they may see."""

    identity: Identity
    orgs: frozenset[UUID]
    visible: frozenset[UUID]
    writable: tuple[tuple[UUID, UUID], ...] = ()

    @property
    def subject(self) -> str | None:
        return claims_of(self.identity.claims).get("sub")


@dataclass
class Outcome:
    """What a run found. Clean when nothing is in ``faults``."""

    seed: int
    versions: str
    requests: int = 0
    statements: int = 0
    probes: int = 0
    away: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.stops_at: Kind | None = None

    def fault(self, kind: Kind, what: str) -> None:
        """Note that something was seen which must never be."""
        with self._lock:
            self.faults[kind] += 1
            if len(self.examples) < 10:
                self.examples.append(f"{kind}: {what}")
        if kind == self.stops_at:
            self.stop.set()

    def count(self, *, requests: int = 0, statements: int = 0, probes: int = 0, away: int = 0, kind: str = "") -> None:
        """Add to the counts of the run."""
        with self._lock:
            self.requests += requests
            self.statements += statements
            self.probes += probes
            self.away += away
            if kind:
                self.kinds[kind] += 1

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, {self.statements} statements, {self.probes} canary probes"
            f" in {self.seconds:.1f} s; seed {self.seed}; {self.versions}; kinds {dict(self.kinds)}; away {self.away}; "
            f"faults {dict(self.faults)}; {self.examples}"
        )
