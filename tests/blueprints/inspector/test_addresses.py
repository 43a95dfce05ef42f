"""What an address says, and what it can carry."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Map

from webapp.blueprints.inspector import addresses, answers, telling
from webapp.blueprints.inspector.addresses import Address, NameConverter
from webapp.inspector.oracle import Count


@pytest.mark.parametrize("name", ["plain", "a/b", "a%2Fb", "%", "..", ".", "ü ñ 漢", "?#&=+ ;", "\\", "a//b"])
def test_a_name_survives_its_way_through_an_address(name: str) -> None:
    converter = NameConverter(Map())
    written = converter.to_url(name)
    assert "/" not in written
    from urllib.parse import unquote

    assert unquote(written) not in (".", "..")
    assert converter.to_python(unquote(written)) == name


def test_an_address_writes_what_it_read() -> None:
    args = MultiDict(
        [("as", "anon"), ("f", "a = 1"), ("f", " "), ("f", "a = 1"), ("order", "-b"), ("row", '{"a":"1"}')]
    )
    at = Address.read("s", "t", args)
    assert at.but() == {"schema": "s", "table": "t", "as": "anon", "f": ["a = 1"], "order": "-b", "row": '{"a":"1"}'}
    assert at.without("a = 1") == {"schema": "s", "table": "t", "as": "anon", "order": "-b"}
    assert addresses.place(("a", None)) == '["a",null]'


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (Count(214, 63), "63 / 214"),
        (Count(10_000, 10_000, True, True), "10,000+ / 10,000+"),
        (Count(10_000, 12, True, False, 5_012_345), "12 / ≈ 5,000,000"),
        (Count(None, None), "? / ?"),
        (None, ""),
    ],
)
def test_a_tally_says_how_far_it_was_counted(count: Count | None, said: str) -> None:
    assert answers.tally(count) == said
    assert answers.tally(count, may_select=False) == (f"– / {said.partition(' / ')[2]}" if said else "")


def test_sql_is_marked_and_escaped() -> None:
    marked = str(telling.sql("select '<b>' -- </b>\nfrom \"from\""))
    assert marked == (
        '<span class="k">select</span> <span class="s">&#39;&lt;b&gt;&#39;</span> '
        '<span class="c">-- &lt;/b&gt;</span>\n<span class="k">from</span> &#34;from&#34;'
    )
