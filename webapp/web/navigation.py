"""What the sidebar leads to: each feature says for itself that it is there, and the frame draws what has been said."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Final

from flask import Blueprint, Flask, current_app

from webapp.models import Role
from webapp.web.context import OrgContext

EXTENSION: Final = "rowhouse.navigation"
PARTS: Final = "rowhouse.navigation.parts"


@dataclass(frozen=True, slots=True)
class Entry:
    """Declare a feature's link: its words, its icon of the sprite, the endpoint of its first page.

    The links stand in order of ``place``, the first one being the home of an organisation. Who has less than ``role``
    in it is not shown the link; the route's own access refuses them all the same.
    """

    label: str
    icon: str
    endpoint: str
    place: int
    role: Role = Role.VIEWER

    @property
    def blueprint(self) -> str:
        """Return the name of the feature's blueprint."""
        return self.endpoint.partition(".")[0]


def register(app: Flask, *features: ModuleType) -> None:
    """Register each feature's blueprint, and its ``NAV`` where it has one.

    One that has ``PART_OF`` instead, the name of another's blueprint, stands below that one's link.
    """
    for feature in features:
        blueprint = feature.bp
        assert isinstance(blueprint, Blueprint)
        app.register_blueprint(blueprint)
    entries = [feature.NAV for feature in features if isinstance(getattr(feature, "NAV", None), Entry)]
    app.extensions[EXTENSION] = tuple(sorted(entries, key=lambda entry: entry.place))
    parts = {feature.bp.name: feature.PART_OF for feature in features if hasattr(feature, "PART_OF")}
    app.extensions[PARTS] = parts


def entries(org: OrgContext | None) -> tuple[Entry, ...]:
    """Return the links that the viewer may use in ``org``; none outside of one."""
    if org is None:
        return ()
    every: tuple[Entry, ...] = current_app.extensions[EXTENSION]
    return tuple(entry for entry in every if org.role.reaches(entry.role))


def part_of(blueprint: str | None) -> str | None:
    """Return the name of the blueprint whose link a page of ``blueprint`` stands below; its own where it has one."""
    parts: dict[str, str] = current_app.extensions[PARTS]
    return parts.get(blueprint, blueprint) if blueprint else None


def home() -> Entry:
    """Return the link to the page that an organisation opens with."""
    every: tuple[Entry, ...] = current_app.extensions[EXTENSION]
    return every[0]
