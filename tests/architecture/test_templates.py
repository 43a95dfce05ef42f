"""Every template is read: nothing inline, nothing unescaped, no form without its token, no address by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import webapp

PACKAGE = Path(webapp.__file__).parent
TEMPLATES = sorted(PACKAGE.rglob("templates/**/*.html"))
TOKENS = ("forms.hidden(", "forms.csrf(", "csrf_token", "hidden_tag(", "csrf()", "hidden(form)")

FORBIDDEN = {
    "an inline style, which the policy of the page refuses": re.compile(r"<[^>]*\sstyle\s*=|<style\b", re.IGNORECASE),
    "an inline script": re.compile(r"<script\b(?![^>]*\ssrc=)", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=|\shx-on[:-]", re.IGNORECASE),
    "code for htmx to evaluate": re.compile(r"hx-[a-z:-]+\s*=\s*[\"'](?:js|javascript):|hx-trigger=\"[^\"]*\["),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "|safe, which turns escaping off": re.compile(r"\|\s*safe\b"),
    "autoescape turned off": re.compile(r"autoescape\s+false", re.IGNORECASE),
    "an address of a static file by hand; asset() knows its hash": re.compile(r"[\"'(]/static/"),
    "something from elsewhere": re.compile(r"(?:src|href|action)=[\"'](?:https?:)?//", re.IGNORECASE),
}


def _markup(template: Path) -> str:
    """Return a template without its comments, which may name what they warn of."""
    return re.sub(r"\{#.*?#\}", "", template.read_text(), flags=re.DOTALL)


def faults(markup: str) -> list[str]:
    """Return what is wrong with a template's text."""
    found = [what for what, pattern in FORBIDDEN.items() if pattern.search(markup)]
    for form in re.findall(r"<form\b.*?</form>", markup, re.DOTALL | re.IGNORECASE):
        opening = form[: form.index(">") + 1].lower()
        if 'method="post"' in opening and not any(token in form for token in TOKENS):
            found.append("a form that posts without a CSRF token")
        if "method=" not in opening:
            found.append("a form without a method")
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_template_is_safe_to_serve(template: Path) -> None:
    assert faults(_markup(template)) == []


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="color: red">',
        "<style>p {}</style>",
        "<script>alert(1)</script>",
        '<button onclick="go()">',
        '<div hx-on:click="go()">',
        '<div hx-vals="js:{a: 1}">',
        '<div hx-get="/" hx-trigger="click[ctrlKey]">',
        '<a href="javascript:go()">',
        "{{ name|safe }}",
        "{{ name | safe }}",
        "{% autoescape false %}",
        '<link href="/static/css/a.css">',
        '<img src="//elsewhere.test/a.png">',
        '<form method="post" action="/x"><button>Go</button></form>',
        '<form action="/x"></form>',
    ],
)
def test_the_check_sees_what_it_forbids(bad: str) -> None:
    assert faults(bad) != []


def test_a_decent_form_passes() -> None:
    assert (
        faults('<form method="post" action="{{ url_for(\'x\') }}">{{ forms.csrf() }}<button>Go</button></form>') == []
    )


def test_there_are_templates_to_read() -> None:
    assert len(TEMPLATES) > 10
