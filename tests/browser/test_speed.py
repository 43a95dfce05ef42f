"""The list of products at its fullest: how heavy it is, and whether it holds still."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, Response

from tests.browser.conftest import Enter
from tests.browser.houses import House, build
from tests.factories import Factories

MOST = 60 * 1024  # bytes


@pytest.fixture(scope="module")
def house(factories: Factories) -> House:
    """Return an organisation with a full page of products, whose names are all different."""
    kinds = ("Claw hammer", "Spirit level", "Wood screws", "Masonry drill", "Wall plugs")
    return build(factories, *(f"{kinds[n % 5]} {n * 7919 % 997} mm, box of {n}" for n in range(1, 56)))


def _weight(answer: Response) -> int:
    if answer.request.is_navigation_request():
        # The proxy in front compresses pages; the application itself compresses what is static.
        return len(gzip.compress(answer.body(), 6))
    return answer.request.sizes()["responseBodySize"]


def test_the_first_load_of_a_full_list_is_under_60_kb(house: House, enter: Enter) -> None:
    visitor = enter(house.member)
    answers: list[Response] = []
    visitor.page.on("response", lambda answer: answers.append(answer))
    page = visitor.go(house.products)
    page.wait_for_load_state("networkidle")
    weights = {answer.url: _weight(answer) for answer in answers}
    assert page.locator("tbody tr").count() == 50
    kinds = [kind for kind in (".css", ".js", ".svg") if any(kind in url for url in weights)]
    assert kinds == [".css", ".js", ".svg"]
    assert sum(weights.values()) < MOST, weights


@pytest.mark.parametrize("width", [1440, 390])
def test_a_list_does_not_move_while_it_loads(house: House, enter: Enter, width: int) -> None:
    visitor = enter(house.member, width=width)
    # On a slow machine the first rows are shown before the last ones are read.
    visitor.context.new_cdp_session(visitor.page).send("Emulation.setCPUThrottlingRate", {"rate": 8})
    page = visitor.go(house.products)
    page.wait_for_load_state("networkidle")
    assert _shift(page) < 0.0001


def test_a_head_that_comes_in_two_parts_does_not_move(house: House, enter: Enter) -> None:
    visitor = enter(house.member)
    ask = visitor.context.request.get
    text = re.sub("<script.*?</script>", "", ask(visitor.base + house.products).text())
    files = {path: ask(visitor.base + path) for path in set(re.findall(r'"(/static/[^"#]+)', text))}
    static = {path: (found.headers["content-type"], found.body()) for path, found in files.items()}
    cut = text.index("Export</a>")
    with _slowly((text[:cut].encode(), text[cut:].encode()), static) as address:
        visitor.page.goto(address)
    box = visitor.page.get_by_role("link", name="New product").bounding_box()
    assert box is not None
    assert box["x"] > 1000, "the styles are missing"
    assert _shift(visitor.page) < 0.0001


def _shift(page: Page) -> float:
    # Two frames: the observer is told of a shift after the frame that made it.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return float(page.evaluate("watched.shift"))


@contextmanager
def _slowly(parts: Sequence[bytes], static: Mapping[str, tuple[str, bytes]]) -> Iterator[str]:
    """Serve one page with its files, with a pause after each part of it that is long enough to paint in."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = static.get(self.path, ("text/html; charset=utf-8", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            for part in (body,) if body else parts:
                self.wfile.write(part)
                time.sleep(0 if body else 0.4)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
