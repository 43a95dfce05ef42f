"""Clauses are cut where Postgres would cut them, whatever stands in texts, names and sub-selects."""

from __future__ import annotations

import pytest

from webapp.inspector.clauses import Node, granting_rows, parse, sides, words


def outline(node: Node) -> object:
    """Return a tree as nested lists: the word, then its parts."""
    return node.sql if node.kind == "leaf" else [node.kind, *(outline(part) for part in node.parts)]


@pytest.mark.parametrize(
    ("printed", "cut"),
    [
        ("true", "true"),
        ("((a))", "a"),
        ("(a = b)", "a = b"),
        ("((a = 1) AND (b = 2))", ["and", "a = 1", "b = 2"]),
        ("((a = 1) AND (b = 2) AND c)", ["and", "a = 1", "b = 2", "c"]),
        ("((a OR b) AND (NOT (c AND d)))", ["and", ["or", "a", "b"], ["not", ["and", "c", "d"]]]),
        ("(NOT a)", ["not", "a"]),
        ("((a = 'x) AND (y'::text) OR b)", ["or", "a = 'x) AND (y'::text", "b"]),
        ("((a = E'it\\'s) OR ('::text) OR b)", ["or", "a = E'it\\'s) OR ('::text", "b"]),
        ("((a = 'it''s OR'::text) AND b)", ["and", "a = 'it''s OR'::text", "b"]),
        ('(("a OR b" = 1) AND ("x"" AND " = 2))', ["and", '"a OR b" = 1', '"x"" AND " = 2']),
        (
            "(CASE WHEN (a AND b) THEN c ELSE (d OR e) END AND f)",
            ["and", "CASE WHEN (a AND b) THEN c ELSE (d OR e) END", "f"],
        ),
        ("(CASE WHEN a THEN b END IS NOT NULL)", "CASE WHEN a THEN b END IS NOT NULL"),
        ("((a IS NOT NULL) OR (NOT (b IS DISTINCT FROM c)))", ["or", "a IS NOT NULL", ["not", "b IS DISTINCT FROM c"]]),
        (
            "(EXISTS ( SELECT 1 FROM o WHERE ((o.a = 1) AND (o.b OR o.c))))",
            "EXISTS ( SELECT 1 FROM o WHERE ((o.a = 1) AND (o.b OR o.c)))",
        ),
        ("( SELECT (a AND b))", "( SELECT (a AND b))"),
        ("((a >= 1) AND (a <= 2))", ["and", "a >= 1", "a <= 2"]),
        ("((a, b) = (c, d))", "(a, b) = (c, d)"),
        ("(android AND organ AND nothing)", ["and", "android", "organ", "nothing"]),
        ("", ""),
    ],
)
def test_an_expression_is_cut_at_and_or_and_not(printed: str, cut: object) -> None:
    assert outline(parse(printed)) == cut


@pytest.mark.parametrize(
    ("clause", "left", "operator", "right"),
    [
        ("a = 1", "a", "=", "1"),
        ("(a)::text = 'x = y'::text", "(a)::text", "=", "'x = y'::text"),
        ("a ~~ '%x AND y%'::text", "a", "~~", "'%x AND y%'::text"),
        ("(data -> 'x'::text) ? 'b'::text", "(data -> 'x'::text)", "?", "'b'::text"),
        ("data @> '{}'::jsonb", "data", "@>", "'{}'::jsonb"),
        ("a OPERATOR(s.=) b", "a", "OPERATOR(s.=)", "b"),
        ("a IS NULL", "a", "IS NULL", ""),
        ("a IS DISTINCT FROM b", "a", "IS DISTINCT FROM", "b"),
        ("a = ANY (ARRAY[1, 2])", "a", "= ANY", "ARRAY[1, 2]"),
        ("a IN ( SELECT b FROM c WHERE (b = 1))", "a", "IN", "( SELECT b FROM c WHERE (b = 1))"),
        ("a <> ALL ( SELECT b FROM c)", "a", "<> ALL", "(SELECT b FROM c)"),
        ("( SELECT max(o.n) AS max FROM o) = n", "( SELECT max(o.n) AS max FROM o)", "=", "n"),
        ("a < '-1'::integer", "a", "<", "'-1'::integer"),
        ('"a = b" = 1', '"a = b"', "=", "1"),
    ],
)
def test_a_comparison_has_two_sides(clause: str, left: str, operator: str, right: str) -> None:
    found = sides(clause)
    assert found is not None
    assert (found.left, found.operator, found.right) == (left, operator, right)


@pytest.mark.parametrize(
    "clause", ["flag", "f(a, b = c)", "EXISTS ( SELECT 1 FROM o WHERE (o.a = 1))", "(a + b)", "", "a +"]
)
def test_what_compares_nothing_has_no_sides(clause: str) -> None:
    assert sides(clause) is None


@pytest.mark.parametrize("inside", ["GROUP BY o.a", "UNION SELECT 1", "LIMIT 1", "HAVING true"])
def test_the_row_that_granted_is_not_told_of_what_groups_or_combines(inside: str) -> None:
    assert granting_rows(f"EXISTS ( SELECT o.a FROM o WHERE (o.a = 1) {inside})") is None
    assert granting_rows("EXISTS ( SELECT 1 FROM o WHERE (o.a = 1))") is not None
    assert granting_rows("EXISTS ( SELECT 1)") is None


def test_the_names_in_a_clause_are_those_that_are_no_text() -> None:
    assert words("""o."a ""b" = 'c'::text AND f(d)""") == {"o", 'a "b', "text", "AND", "f", "d"}
