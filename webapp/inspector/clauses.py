"""A policy's expression as Postgres prints it, cut at AND, OR and NOT into clauses that can be asked one by one.

pg_get_expr() puts parentheses around every AND, OR and NOT and around their parts, writes BETWEEN and IN as what they
mean, and quotes as SQL does. So tokens and their nesting are all that has to be understood: each clause is a slice of
the printed text, never rewritten, and means to Postgres what it meant in the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

_TOKEN: Final = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<text>[EeBbXxNn]?'(?:[^']|'')*')          # E'' is handled below: it has backslashes
    | (?P<name>"(?:[^"]|"")*")
    | (?P<word>[^\W\d]\w*\$?\w*)
    | (?P<number>\d[\w.]*)
    | (?P<open>[(\[]) | (?P<close>[)\]])
    | (?P<operator>::|[-+*/<>=~!@\#%^&|`?]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"[Ee]'(?:[^'\\]|''|\\.)*'", re.DOTALL)
# Operators that compare, so that both sides are worth showing.
_COMPARES: Final = re.compile(r"=|<>|!=|<=?|>=?|!?~~?\*?|@>|<@|&&|\?[|&]?|@@|<<=?|>>=?|-\|-|@\?")


@dataclass(frozen=True, slots=True)
class Token:
    """Hold a token: what it is, where it stands, and how deep in parentheses."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """Return the word in capitals, or nothing for what is no word."""
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True, slots=True)
class Node:
    """Hold a clause: a slice of the expression, and what it is made of."""

    sql: str
    kind: Literal["and", "or", "not", "leaf"]
    parts: tuple[Node, ...] = ()

    @property
    def leaves(self) -> Iterator[Node]:
        """Yield the clauses that have no parts."""
        if self.kind == "leaf":
            yield self
        for part in self.parts:
            yield from part.leaves


@dataclass(frozen=True, slots=True)
class Sides:
    """Hold the sides of a comparison as SQL. ``is_set`` where the right one is a query whose rows are the values."""

    left: str
    operator: str
    right: str
    is_any: bool = False
    is_set: bool = False


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of an expression without its blanks; CASE and END nest as parentheses do."""
    found: list[Token] = []
    at, depth = 0, 0
    while at < len(text):
        match = _ESCAPED.match(text, at)
        kind = "text"
        if match is None:
            match = _TOKEN.match(text, at)
            assert match is not None  # the last alternative takes any character
            kind = str(match.lastgroup)
        at = match.end()
        if kind == "blank":
            continue
        word = match[0].upper() if kind == "word" else ""
        if kind == "close" or word == "END":
            depth -= 1
        found.append(Token(kind, match[0], match.start(), match.end(), depth))
        if kind == "open" or word == "CASE":
            depth += 1
    return tuple(found)


def parse(text: str) -> Node:
    """Return the expression as a tree of clauses."""
    return _node(text, tokens(text))


def _node(text: str, of: Sequence[Token]) -> Node:
    of = _bare(of)
    if not of:
        return Node(text.strip(), "leaf")
    sql = text[of[0].start : of[-1].end]
    top = of[0].depth
    for word, kind in (("OR", "or"), ("AND", "and")):
        places = [place for place, token in enumerate(of) if token.depth == top and token.word == word]
        if places:
            cuts = [-1, *places, len(of)]
            parts = tuple(_node(text, of[one + 1 : other]) for one, other in pairwise(cuts))
            return Node(sql, "or" if kind == "or" else "and", parts)
    if of[0].word == "NOT":
        return Node(sql, "not", (_node(text, of[1:]),))
    return Node(sql, "leaf")


def _bare(of: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens without the parentheses around all of them; those of a sub-select are part of it."""
    while len(of) > 2 and of[0].text == "(" and of[-1].text == ")" and of[1].word not in ("SELECT", "WITH", "VALUES"):
        top = of[0].depth
        if any(token.depth == top and token.kind == "close" for token in of[1:-1]):
            break  # "(a) = (b)": the first one closes before the end
        of = of[1:-1]
    return of


@lru_cache(maxsize=4096)  # the same clauses are cut for every row of a page
def sides(clause: str) -> Sides | None:
    """Return both sides of a clause that compares at its top, or None: "a = ANY (b)" has a and b."""
    of = tokens(clause)
    if not of:
        return None
    top = of[0].depth
    flat = [(place, token) for place, token in enumerate(of) if token.depth == top]
    for place, token in flat:
        if place == 0:
            continue
        left = clause[: token.start].strip()
        if token.kind == "operator" and token.text != "::" and _COMPARES.fullmatch(token.text):
            return _right_side(clause, of[place + 1 :], left, token.text)
        if token.word == "OPERATOR":  # OPERATOR(schema.=): the name stands in parentheses
            closing = next((n for n, t in flat if n > place and t.text == ")"), None)
            if closing is None:
                return None
            return _right_side(clause, of[closing + 1 :], left, clause[token.start : of[closing].end])
        if token.word == "IN" and place + 1 < len(of):
            return Sides(left, "IN", clause[of[place + 1].start :].strip(), is_any=True, is_set=True)
        if token.word in ("IS", "LIKE", "ILIKE"):
            return _is(clause, of[place:], left)
    return None


def _is(clause: str, of: Sequence[Token], left: str) -> Sides | None:
    words = [token.word for token in of[:4]]
    if words[:3] == ["IS", "DISTINCT", "FROM"] and len(of) > 3:
        return Sides(left, "IS DISTINCT FROM", clause[of[3].start :].strip())
    if words == ["IS", "NOT", "DISTINCT", "FROM"] and len(of) > 4:
        return Sides(left, "IS NOT DISTINCT FROM", clause[of[4].start :].strip())
    if words[0] == "IS":
        return Sides(left, clause[of[0].start :].strip(), "")
    return Sides(left, words[0], clause[of[1].start :].strip()) if len(of) > 1 else None


def _right_side(clause: str, of: Sequence[Token], left: str, operator: str) -> Sides | None:
    if not of:
        return None
    if of[0].word in ("ANY", "ALL", "SOME") and len(of) > 2 and of[1].text == "(":
        inner = clause[of[1].end : of[-1].start].strip()
        is_set = len(of) > 2 and of[2].word in ("SELECT", "WITH", "VALUES")
        right = f"({inner})" if is_set else inner
        return Sides(left, f"{operator} {of[0].word}", right, is_any=True, is_set=is_set)
    return Sides(left, operator, clause[of[0].start :].strip())


def words(clause: str) -> frozenset[str]:
    """Return the names that stand in a clause, as they are, quoted ones without their quotes."""
    return frozenset(
        token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text
        for token in tokens(clause)
        if token.kind in ("word", "name")
    )


def granting_rows(clause: str) -> str | None:
    """Return, for an EXISTS, the query of the first row that it finds, as JSON; None where that cannot be said.

    The list of what is selected is replaced, and nothing else. A query that groups or combines others is left alone.
    """
    of = tokens(clause)
    if len(of) < 4 or of[0].word != "EXISTS" or of[1].text != "(" or of[2].word != "SELECT":
        return None
    inside = [token for token in of[2:-1] if token.depth == of[2].depth]
    if any(token.word in ("UNION", "INTERSECT", "EXCEPT", "GROUP", "HAVING", "DISTINCT", "LIMIT") for token in inside):
        return None
    origin = next((token for token in inside if token.word == "FROM"), None)
    if origin is None:
        return None
    rest = clause[origin.start : of[-1].start]
    return f"(SELECT pg_catalog.to_jsonb(found) FROM (SELECT * {rest} LIMIT 1) found)"
