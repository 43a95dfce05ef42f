"""The difference of two texts, as a person reads it: what stayed, what went, what came."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

LONG: Final = 60  # characters; a value that is longer is shown by what changed in it
_WORDS: Final = 400  # of each text; comparing takes time that grows with the product of the two
_AROUND: Final = 5  # words that are kept on either side of a difference
_PARTS: Final = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """Hold a run of text that both have (``same``), or only the text before (``gone``) or after (``new``)."""

    kind: Literal["same", "gone", "new"]
    text: str


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Return the two texts as runs; of what both have, only what stands next to a difference."""
    before, after = _PARTS.findall(old), _PARTS.findall(new)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    middle = before[head : len(before) - tail], after[head : len(after) - tail]
    found = [Piece("same", "".join(before[:head]))]
    if max(map(len, middle)) > _WORDS:
        found += [Piece("gone", "".join(middle[0])), Piece("new", "".join(middle[1]))]
    else:
        for what, a, b, c, d in SequenceMatcher(None, *middle, autojunk=False).get_opcodes():
            if what == "equal":
                found.append(Piece("same", "".join(middle[0][a:b])))
            else:
                found += [Piece("gone", "".join(middle[0][a:b])), Piece("new", "".join(middle[1][c:d]))]
    found.append(Piece("same", "".join(before[len(before) - tail :] if tail else [])))
    found = [piece for piece in found if piece.text]
    return tuple(_shortened(piece, first=n == 0, last=n == len(found) - 1) for n, piece in enumerate(found))


def _common(one: list[str], other: list[str]) -> int:
    """Return how many parts both begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _shortened(piece: Piece, *, first: bool, last: bool) -> Piece:
    words = piece.text.split()
    keep = _AROUND if first or last else 2 * _AROUND
    if piece.kind != "same" or len(words) <= keep + 1:
        return piece
    if first:
        return Piece("same", "… " + _end(piece.text, _AROUND))
    if last:
        return Piece("same", _start(piece.text, _AROUND) + " …")
    return Piece("same", f"{_start(piece.text, _AROUND)} … {_end(piece.text, _AROUND)}")


def _start(text: str, words: int) -> str:
    found = re.match(rf"\s*(?:\S+\s+){{{words - 1}}}\S+", text)
    return found[0] if found else text


def _end(text: str, words: int) -> str:
    found = re.search(rf"\S+(?:\s+\S+){{{words - 1}}}\s*$", text)
    return found[0] if found else text
