"""An explanation in a page's words: the verdict, what Postgres did, and SQL with its parts marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup, escape

from webapp.inspector.explain import NOT_TRIED
from webapp.inspector.findings import Clause, Explanation, PolicyReading, Rung
from webapp.inspector.viewpoint import Viewpoint
from webapp.inspector.words import raised

State = Literal["pass", "fail", "skip"]
_DEEDS: Final = {"select": "read", "insert": "insert", "update": "update", "delete": "delete"}
_KEYWORDS: Final = (
    "begin|read only|rollback|set local|select|exists|from|where|as|and|or|not|in|any|insert into|values|update|set|"
    "delete|returning|on conflict|do nothing|do update|default values|is null|case|when|then|else|end"
)
_SQL: Final = re.compile(
    rf"(?P<s>'(?:[^']|'')*')|(?P<c>--[^\n]*)|(?P<q>\"(?:[^\"]|\"\")*\")|(?P<k>\b(?:{_KEYWORDS})\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Said:
    """Hold a verdict for a page: its state, and two lines."""

    state: State
    title: str
    text: str


def name(viewpoint: Viewpoint) -> str:
    """Return what a heading calls whom one looks through."""
    return viewpoint.short or viewpoint.name


def verdict(found: Explanation, seen_as: Viewpoint) -> Said:
    """Return the verdict in words."""
    deed = _DEEDS[found.command]
    row = "a row like this" if found.command == "insert" else "this row"
    cause = sentence(found.cause)
    if found.verdict == "undecided":
        return Said("skip", f"Whether {name(seen_as)} can {deed} {row} could not be decided", cause)
    can = "can" if found.verdict == "allowed" else "can’t"
    return Said("pass" if found.verdict == "allowed" else "fail", f"{name(seen_as)} {can} {deed} {row}", cause)


def asked(found: Explanation, seen_as: Viewpoint) -> Said:
    """Return what Postgres itself did, and whether that agrees."""
    answer, took = found.oracle, found.oracle.milliseconds
    time = f" {took:g} ms" if took is not None else ""
    if answer.verdict is None:
        if answer.outcome == NOT_TRIED:
            return Said("skip", "Predicted, and not tried", answer.outcome)
        return Said("skip", "Postgres had no answer", f"Asked as {name(seen_as)}, {answer.outcome}.{time}")
    text = f"Asked as {name(seen_as)}, {answer.outcome}.{time}"
    if answer.verdict == found.verdict:
        if answer.verdict == "allowed" and answer.sqlstate:
            return Said("pass", "Postgres agrees, but a constraint refuses the row", text)
        return Said("pass", "Postgres agrees", text)
    return Said("fail", "Postgres says otherwise", text)


def doubts(found: Explanation) -> tuple[str, ...]:
    """Return why the verdict is not trusted, save that nothing was tried: that is said beside it already."""
    return tuple(doubt for doubt in found.doubts if doubt != NOT_TRIED)


def state(rung: Rung) -> State:
    """Return whether a rung passes, fails, or was not decided or reached."""
    return "skip" if rung.passed is None or not rung.reached else "pass" if rung.passed else "fail"


def value(of: Clause | PolicyReading) -> tuple[State, str]:
    """Return what an expression came to: a state, and the word for it."""
    if of.fault is not None:
        return "fail", raised(of.fault)
    if not of.is_known:
        return "skip", "not known"
    if of.value is None:
        return "fail", "NULL"
    return ("pass", "true") if of.value else ("fail", "false")


def sentence(text: str) -> str:
    """Return words of the engine as a sentence: with a capital letter, and a full stop."""
    if not text:
        return ""
    first = text if re.match(r"[\w.]*[_(.]", text) else text[0].upper() + text[1:]
    return first if first.endswith((".", "!", "?")) else f"{first}."


def sql(text: str) -> Markup:
    """Return SQL for a page, its words, texts and comments marked."""
    parts, place = [], 0
    for found in _SQL.finditer(text):
        parts.append(escape(text[place : found.start()]))
        kind = found.lastgroup
        piece = escape(found[0])
        parts.append(Markup('<span class="{}">{}</span>').format(kind, piece) if kind != "q" else piece)
        place = found.end()
    return Markup("").join([*parts, escape(text[place:])])


def joined(clause: Clause) -> str:
    """Return how the parts of a clause are joined."""
    return {"and": "all of these", "or": "any of these", "not": "not"}.get(clause.kind, "")
