"""The difference of two texts: what went, what came, and no more around it than one needs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.blueprints.audit.texts import Piece, pieces


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            "Made of steel.",
            "Made of brass.",
            [("same", "Made of "), ("gone", "steel"), ("new", "brass"), ("same", ".")],
        ),
        ("one", "one two", [("same", "one"), ("new", " two")]),
        ("one two", "one", [("same", "one"), ("gone", " two")]),
        ("", "all", [("new", "all")]),
        ("all", "", [("gone", "all")]),
        ("same", "same", [("same", "same")]),
    ],
)
def test_the_pieces_say_what_went_and_what_came(old: str, new: str, found: list[tuple[str, str]]) -> None:
    assert list(pieces(old, new)) == [Piece(*one) for one in found]  # type: ignore[arg-type]


def test_of_what_stayed_only_the_neighbourhood_is_kept() -> None:
    words = " ".join(f"word{number}" for number in range(60))
    found = pieces(f"{words} old {words}", f"{words} new {words}")
    assert found[0].text == "… word55 word56 word57 word58 word59 "
    assert found[-1].text == " word0 word1 word2 word3 word4 …"


_TEXTS = st.text(alphabet="ab ,.\n", max_size=60)


@given(_TEXTS, _TEXTS)
def test_nothing_that_changed_is_left_out(old: str, new: str) -> None:
    found = pieces(old, new)
    if not any(piece.text.startswith("…") or "…" in piece.text for piece in found):
        assert "".join(piece.text for piece in found if piece.kind != "new") == old
        assert "".join(piece.text for piece in found if piece.kind != "gone") == new
    assert (old == new) == all(piece.kind == "same" for piece in found)


def test_texts_as_long_as_a_table_takes_are_compared_in_a_moment() -> None:
    old = " ".join(f"a{number}" for number in range(2000))
    new = " ".join(f"b{number}" for number in range(2000))
    began = time.perf_counter()
    assert [piece.kind for piece in pieces(old, new)] == ["gone", "new"]
    pieces(" ".join("a b"[number % 3] for number in range(790)), " ".join("b a"[number % 3] for number in range(790)))
    assert time.perf_counter() - began < 2
