"""Cells that a spreadsheet would run, and what becomes of them on their way out and back."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import column, select
from sqlalchemy.dialects import postgresql

from tests.fixtures.database import Database
from webapp.web.csv_export import cell, escaped, unescaped

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
RISKY = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''@x")
PLAIN = ("", "a", "a=1", "'quoted'", "12-7", " =1", "'", "€5")


@pytest.mark.parametrize("text", RISKY)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert escaped(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_are_left_as_they_are(text: str) -> None:
    assert escaped(text) == unescaped(text) == text


@given(TEXTS)
@example("'=1")
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert unescaped(escaped(text)) == text


def test_the_database_escapes_what_python_does(database: Database) -> None:
    texts = [*RISKY, *PLAIN, *(f"{mark}{text}" for text in PLAIN for mark in "=+-@\t\r\n'*\\\"%")]
    sql = select(cell(column("text"))).compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    found = database.sql(
        f"{str(sql).replace('%%', '%')} from unnest(%s::text[]) with ordinality as t (text, place) order by place",
        (texts,),
    )
    assert [row[0] for row in found] == [escaped(text) for text in texts]
