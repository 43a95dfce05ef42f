"""The check of every page finds each fault, and is silent on a page without any."""

from __future__ import annotations

import pytest

from tests.fixtures import pages

GOOD = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Products · Rowhouse</title><script src="/app.js" defer></script></head>
<body>
<main><h1>Products</h1>
<form method="post" action="/x"><input type="hidden" name="csrf_token" value="t">
<label for="name">Name</label><input id="name" name="name" aria-describedby="help"><p id="help">Help</p>
<label><input type="checkbox" name="active"> Active</label>
<input name="q" aria-label="Search"><button>Save</button></form>
<form method="get" action="/s"><label>Q <input name="q"></label><button aria-label="Go"></button></form>
<svg><title>A title of a drawing</title></svg>
</main></body></html>
"""

FAULTS = [
    ("<h1>Products</h1>", "", "has 0 <h1>"),
    ("</title>", '</title><link rel="expect" href="#head-end" blocking="render">', "painting waits for '#head-end'"),
    ("<h1>Products</h1>", "<h1>Products</h1><h1>More</h1>", "has 2 <h1>"),
    ("<h1>Products</h1>", "<h1> </h1>", "has 1 <h1>"),
    ("Products · Rowhouse", " · Rowhouse", "no title of its own"),
    ("<title>Products · Rowhouse</title>", "", "no title of its own"),
    ('<html lang="en">', "<html>", "no language"),
    ("<main>", "<main></main><main>", "not exactly one <main>"),
    ('<p id="help">', '<p id="name">', "'name' is there 2 times"),
    ('id="name" name', 'id="other" name', "label is for 'name'"),
    ('<label for="name">Name</label>', "", "has no label"),
    ('aria-label="Search"', "", "has no label"),
    ("<label>Q <input", "<input", "Unexpected"),
    ('aria-describedby="help"', 'aria-describedby="nothing"', "names 'nothing'"),
    ('method="post"', "", "names no method"),
    ('<input type="hidden" name="csrf_token" value="t">', "", "has 0 CSRF tokens"),
    ('action="/s">', 'action="/s"><input type="hidden" name="csrf_token" value="t">', "into the address"),
    ('<button aria-label="Go">', "<button>", "no name that could be read aloud"),
    ("<h1>", '<h1 style="color:red">', "inline attribute style"),
    ("<h1>", '<h1 onclick="x()">', "inline attribute onclick"),
    ("<h1>", '<h1 hx-on:click="x()">', "inline attribute hx-on"),
    ("<main>", "<main><script>x()</script>", "inline script"),
    ("</title>", "</title><style>h1{}</style>", "inline <style>"),
    ("<h1>Products", '<h1><a href="javascript:x()">Products</a>', "is 'javascript:x()'"),
    ("<!DOCTYPE html>\n", "", "does not parse"),
    ("</h1>", "", "does not parse"),
    ("<h1>", "<h1 a=1 a=2>", "does not parse"),
]


def test_a_page_without_faults_passes() -> None:
    page = pages.check(GOOD)
    assert page.token() == "t"
    assert page.text(page.first("h1")) == "Products"


@pytest.mark.parametrize(("good", "bad", "said"), FAULTS)
def test_the_fault_is_found(good: str, bad: str, said: str) -> None:
    assert good in GOOD
    with pytest.raises(pages.BadPage) as caught:
        pages.check(GOOD.replace(good, bad, 1))
    assert said in str(caught.value)


def test_a_fragment_is_checked_for_what_a_fragment_can_have_wrong() -> None:
    pages.check('<div id="a"><p>x</p></div>', fragment=True)
    with pytest.raises(pages.BadPage, match="is there 2 times"):
        pages.check('<div id="a"></div><div id="a"></div>', fragment=True)
