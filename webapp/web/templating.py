"""Give the templates their globals and filters, and render a page or only the part of it that htmx asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, Literal

from flask import Flask, Response, current_app, g, make_response, render_template, request
from jinja2 import StrictUndefined
from jinja2_fragments.flask import render_block
from markupsafe import Markup

from webapp.web import formats, navigation
from webapp.web.assets import EXTENSION, asset_url
from webapp.web.scope import Scope
from webapp.web.toasts import take_toasts

Theme = Literal["light", "dark"]
SPRITE: Final = "icons.svg"
ICONS: Final = "rowhouse.icons"


class UnknownIcon(LookupError):
    """Say that a template asks for an icon that is not in the sprite."""


def init_app(app: Flask) -> None:
    """Make undefined names fail, and add what every template may use. Comes after ``assets.init_app``."""
    sprite = app.extensions[EXTENSION][SPRITE].body.decode()
    app.extensions[ICONS] = frozenset(re.findall(r'<symbol id="([a-z0-9-]+)"', sprite))
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.filters.update(money=formats.money, number=formats.number, ago=formats.ago)
    env.globals.update(
        icon=icon,
        nav_here=nav_here,
        nav_entries=navigation.entries,
        nav_home=navigation.home,
        take_toasts=take_toasts,
        dates_tag=formats.dates_tag,
        ui=_Macros("macros/ui.html"),
        forms=_Macros("macros/forms.html"),
        houses=_Macros("macros/houses.html"),
    )
    app.context_processor(_context)


class _Macros:
    """Give a file of macros to all templates, fragments included.

    A block that is rendered alone does not run the ``{% import %}`` lines of its template, so macros that a
    fragment needs must be globals. The file is loaded at its first use, when every extension has set its own.
    """

    def __init__(self, template: str):
        self._template = template

    def __getattr__(self, name: str) -> Any:
        return getattr(current_app.jinja_env.get_template(self._template).module, name)


def _context() -> dict[str, Any]:
    # What the scope knows by now: none of the three asks the database, so an error page can show them or do without.
    scope = g.get("scope")
    known = scope if isinstance(scope, Scope) else None
    return {
        "viewer": known.viewer if known else None,
        "org": known.org if known else None,
        "orgs": known.orgs if known else (),
        "theme": theme(),
        "request_id": g.get("request_id", ""),
    }


def theme() -> Theme | None:
    """Return the theme that the visitor chose, or None to follow their system."""
    chosen = request.cookies.get("theme")
    return "light" if chosen == "light" else "dark" if chosen == "dark" else None


def icon(name: str, cls: str = "", *, label: str | None = None) -> Markup:
    """Draw an icon of the sprite: hidden from screen readers, unless ``label`` says what it means.

    Raises UnknownIcon, because a <use> of something missing draws nothing and says nothing.
    """
    if name not in current_app.extensions[ICONS]:
        raise UnknownIcon(f"There is no icon {name!r} in {SPRITE}.")
    return _icon(name, cls, label, asset_url(SPRITE))


@lru_cache(maxsize=1024)  # a list draws the same icon in every row
def _icon(name: str, cls: str, label: str | None, sprite: str) -> Markup:
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    kind = "mark" if name == "mark" else "icon"
    return Markup('<svg class="{}" {}><use href="{}#{}"/></svg>').format(f"{kind} {cls}".rstrip(), spoken, sprite, name)


def nav_here(blueprint: str) -> Markup:
    """Write ``aria-current`` for a link of the navigation: "page" on the blueprint's index, "true" below it."""
    if navigation.part_of(request.blueprint) != blueprint:
        return Markup("")
    return Markup('aria-current="{}"').format("page" if request.endpoint == f"{blueprint}.index" else "true")


def render(template: str, block: str | tuple[str, ...] = (), **context: Any) -> Response:
    """Render a page, or only the named block of it where an htmx request has that block's element as its target.

    A block answers to the element whose id is its name (``product-rows`` to ``product_rows``). A fragment is
    followed by the toasts that wait, as the frame that would show them is not in it.
    """
    blocks = (block,) if isinstance(block, str) else block
    asked = part_asked_for()
    if asked in blocks:
        html = render_block(template, asked, **context)
        if waiting := take_toasts():
            html += render_template("macros/toasts_partial.html", toasts=waiting)
    else:
        html = render_template(template, **context)
    response = make_response(html)
    if blocks:
        response.vary.update(("HX-Request", "HX-Target"))
    return response


def part_asked_for() -> str | None:
    """Return the name of the block that htmx asks for, or None where a whole page is wanted."""
    headers = request.headers
    if headers.get("HX-Request") != "true" or headers.get("HX-History-Restore-Request") == "true":
        return None
    # htmx 4 names its target as tag#id, and says "full" when it will take the whole body.
    _, _, target = headers.get("HX-Target", "").partition("#")
    return target.replace("-", "_") if target and headers.get("HX-Request-Type") != "full" else None
