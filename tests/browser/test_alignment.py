"""What stands in one line, and over one another, does."""

from __future__ import annotations

from tests.browser.conftest import Enter
from tests.fixtures.browser import NARROW
from tests.fixtures.world import World

# How far the end of a heading's words is from the end of the number under it, for each column of numbers.
_OFF = """
() => [...document.querySelectorAll("thead th.num a")].map((link) => {
  const words = document.createRange();
  words.selectNode(link.firstChild);
  const cell = document.querySelector(`tbody tr td:nth-child(${link.parentElement.cellIndex + 1})`);
  const number = document.createRange();
  number.selectNodeContents(cell);
  return Math.round(words.getBoundingClientRect().right - number.getBoundingClientRect().right);
})
"""


def test_a_heading_ends_where_the_numbers_under_it_end(world: World, enter: Enter) -> None:
    page = enter(world.acme.member).go("/o/acme/products/")
    off = page.evaluate(_OFF)
    assert len(off) >= 2
    assert set(off) == {0}


def test_the_head_of_the_first_page_is_one_line(enter: Enter) -> None:
    page = enter(width=NARROW).go("/")
    for width in (320, 360, 390):
        page.set_viewport_size({"width": width, "height": 844})
        parts = page.locator(".street > header :is(.brand, .btn)").all()
        boxes = [part.bounding_box() for part in parts if part.is_visible()]
        middles = {round(box["y"] + box["height"] / 2) for box in boxes if box}
        assert (len(boxes), len(middles)) == (4, 1), width
        assert page.evaluate("document.documentElement.scrollWidth") == width
