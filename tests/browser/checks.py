"""What every page must be once it stands in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import axe_playwright_python
from playwright.sync_api import Page

# The rules of WCAG at A and AA and axe's own good practice; the size of targets, of WCAG 2.2, is off unless asked for.
_RUN = """
async (part) => {
  const options = { rules: { "target-size": { enabled: true } }, resultTypes: ["violations"] };
  const found = await axe.run(part ?? document, options);
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} (${node.failureSummary.replace(/\\s+/g, " ")})`));
}
"""


@cache
def _axe() -> str:
    # Evaluated by the debugger: a script element of ours would be refused by the page's own policy, as it should be.
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def faults_of_access(page: Page, part: str | None = None) -> list[str]:
    """Return what axe finds on the page as it stands, or in the part of it that a selector names."""
    page.evaluate(f"globalThis.axe ?? (() => {{ {_axe()} }})()")
    found: list[str] = page.evaluate(_RUN, part)
    return found


def faults_everywhere(page: Page, part: str | None = None, *, at_length: bool = False) -> Iterator[str]:
    """Yield what is wrong with the page: light and dark, wide, on a phone and on the narrowest one.

    The four looks are crossed only ``at_length``: axe takes half a second for each.
    """
    yield from _faults_of_look(page, 1440, "light", part)
    if at_length:
        yield from _faults_of_look(page, 1440, "dark", part)
        yield from _faults_of_look(page, 390, "light", part)
    yield from _faults_of_look(page, 390, "dark", part)
    yield from _sideways(page, 390)
    page.set_viewport_size({"width": 320, "height": 640})
    yield from _sideways(page, 320)
    yield from (f"Content-Security-Policy: {text}" for text in page.evaluate("watched.violations"))


def _faults_of_look(page: Page, width: int, scheme: Literal["light", "dark"], part: str | None) -> Iterator[str]:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    yield from (f"{width} px, {scheme}: {fault}" for fault in faults_of_access(page, part))


def _sideways(page: Page, width: int) -> Iterator[str]:
    needed = page.evaluate("document.documentElement.scrollWidth")
    if needed > width:
        yield f"{width} px wide, it scrolls sideways: it needs {needed} px"
