"""What templates may call, how figures and times are written, and which part of a page htmx gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, DictLoader, UndefinedError
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired

import webapp
from webapp.web import assets, formats, templating
from webapp.web.toasts import MOST, take_toasts, toast

PAGES = {
    "page.html": "<h1>Whole</h1>{% block product_rows %}<p>{{ what }}</p>{% endblock %}"
    "{% block other %}o{% endblock %}",
    "drawn.html": "{% block part %}{{ ui.pill('Low', 'warn') }}{{ icon('search') }}{% endblock %}",
}
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def app() -> Flask:
    app = Flask("webapp", root_path=str(Path(webapp.__file__).parent), static_folder=None)
    app.config.update(SECRET_KEY="only for this test, and long enough", TESTING=True)
    CSRFProtect(app)
    assets.init_app(app)
    templating.init_app(app)
    loader = app.jinja_env.loader
    assert loader is not None
    app.jinja_env.loader = ChoiceLoader([DictLoader(PAGES), loader])

    @app.get("/page")
    def page() -> Response:
        return templating.render("page.html", "product_rows", what="rows & more")

    @app.get("/two")
    def two() -> Response:
        toast("Saved.", undo="/undo")
        return templating.render("page.html", ("product_rows", "other"), what="x")

    @app.get("/drawn")
    def drawn() -> Response:
        return templating.render("drawn.html", "part")

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def htmx(target: str, **more: str) -> dict[str, str]:
    asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": target}
    return asked | {name.replace("_", "-"): value for name, value in more.items()}


# Figures


@pytest.mark.parametrize(
    ("language", "amount", "currency", "written"),
    [
        ("", Decimal("1234.50"), "EUR", "€1,234.50"),
        ("en-GB", Decimal(149), "EUR", "€149.00"),
        ("en-US,en;q=0.5", Decimal("7.45"), "USD", "$7.45"),
        ("de-DE,de;q=0.9", Decimal("1234.5"), "EUR", "1.234,50\xa0€"),
        ("fr", Decimal("-1234.5"), "EUR", "-1\u202f234,50\xa0€"),
        ("xx, ar;q=0.9", Decimal(1), "EUR", "€1.00"),
        ("en", Decimal("9999999999.99"), "EUR", "€9,999,999,999.99"),
        ("en", Decimal("0.10") + Decimal("0.20"), "EUR", "€0.30"),
        ("en", Decimal("12.345"), "EUR", "€12.345"),
        ("en", 5, "EUR", "€5.00"),
    ],
)
def test_money_is_written_as_the_viewer_reads_it(
    app: Flask, language: str, amount: Decimal, currency: str, written: str
) -> None:
    with app.test_request_context(headers={"Accept-Language": language}):
        assert formats.money(amount, currency) == written


@pytest.mark.parametrize("amount", [1.5, "1.50", None, True])
def test_money_refuses_what_is_no_exact_amount(amount: object) -> None:
    with pytest.raises(TypeError):
        formats.money(amount, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "value", "written"),
    [
        ("en", 1234567, "1,234,567"),
        ("de", 1234567, "1.234.567"),
        ("de-CH", 1234567, "1’234’567"),
        ("en", Decimal("0.2100"), "0.21"),
    ],
)
def test_numbers_have_their_thousands_apart(app: Flask, language: str, value: int, written: str) -> None:
    with app.test_request_context(headers={"Accept-Language": language}):
        assert formats.number(value) == written


def test_every_locale_that_is_offered_exists(app: Flask) -> None:
    for tag in formats.FIGURES:
        with app.test_request_context(headers={"Accept-Language": tag}):
            assert str(formats.figures_locale()).replace("_", "-") == tag


# Times


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=44), "just now"),
        (timedelta(seconds=46), "1 min ago"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(minutes=59, seconds=29), "59 min ago"),
        (timedelta(minutes=59, seconds=31), "1 h ago"),
        (timedelta(hours=11), "11 h ago"),
        (timedelta(hours=13), "Yesterday"),
        (timedelta(hours=36), "Yesterday"),
        (timedelta(hours=37), "18 Nov"),
        (timedelta(days=400), "16 Oct 2025"),
        (timedelta(seconds=-10), "just now"),
        (timedelta(minutes=-5), "in 5 min"),
        (timedelta(hours=-3), "in 3 h"),
        (timedelta(hours=-20), "Tomorrow"),
        (timedelta(days=-5), "25 Nov"),
    ],
)
def test_a_moment_is_told_by_its_distance(before: timedelta, text: str) -> None:
    assert f">{text}</time>" in formats.ago(NOON - before, NOON)


def test_the_exact_moment_is_the_title_and_utc_whatever_zone_it_came_in() -> None:
    moment = datetime(2026, 11, 20, 1, 5, 9, tzinfo=timezone(timedelta(hours=2)))
    assert formats.ago(moment, NOON) == (
        '<time datetime="2026-11-19T23:05:09Z" title="19 November 2026, 23:05:09 UTC" data-ago>Yesterday</time>'
    )


def test_americans_read_the_month_first(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "en-US"}):
        assert ">Nov 1</time>" in formats.ago(datetime(2026, 11, 1, tzinfo=UTC), NOON)


def test_dates_are_in_english_for_everyone(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert ">1 Dec 2025</time>" in formats.ago(datetime(2025, 12, 1, tzinfo=UTC), NOON)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        formats.ago(datetime(2026, 1, 1))  # noqa: DTZ001  # the naive moment is what is refused


# Fragments


def test_a_browser_gets_the_whole_page(client: FlaskClient) -> None:
    answer = client.get("/page")
    assert answer.text == "<h1>Whole</h1><p>rows &amp; more</p>o"
    assert {"HX-Request", "HX-Target"} <= set(answer.vary)


def test_htmx_gets_the_block_that_its_target_is_named_for(client: FlaskClient) -> None:
    answer = client.get("/page", headers=htmx("div#product-rows"))
    assert answer.text == "<p>rows &amp; more</p>"
    assert {"HX-Request", "HX-Target"} <= set(answer.vary)


@pytest.mark.parametrize(
    "headers",
    [
        htmx("body"),
        htmx("div#other"),
        htmx("div#product-rows", HX_Request_Type="full"),
        htmx("div#product-rows", HX_History_Restore_Request="true"),
        {"HX-Target": "div#product-rows"},
    ],
    ids=["no id", "a block that the view does not offer", "whole body", "Back", "not htmx"],
)
def test_whoever_asks_for_no_offered_block_gets_the_whole_page(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.get("/page", headers=headers).text.startswith("<h1>Whole</h1>")


def test_toasts_follow_a_fragment_once(client: FlaskClient) -> None:
    first = client.get("/two", headers=htmx("div#other")).text
    assert first.startswith("o")
    assert '<hx-partial hx-target="#toasts" hx-swap="beforeend">' in first
    assert "Saved." in first
    assert 'action="/undo"' in first
    assert "Saved." not in client.get("/page", headers=htmx("div#product-rows")).text


def test_macros_and_icons_work_in_a_fragment(client: FlaskClient) -> None:
    drawn = client.get("/drawn", headers=htmx("p#part")).text
    assert '<span class="pill pill-warn">Low</span>' in drawn
    assert "icons.svg#search" in drawn


# Globals


def test_an_undefined_name_fails(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(UndefinedError):
        app.jinja_env.from_string("{{ nobody }}").render()


def test_an_icon_that_is_not_drawn_fails(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(templating.UnknownIcon):
        templating.icon("unicorn")


def test_the_label_of_an_icon_is_escaped(app: Flask) -> None:
    with app.test_request_context():
        assert 'aria-label="&#34;&gt;&lt;b&gt;"' in templating.icon("search", label='"><b>')


@pytest.mark.parametrize(("cookie", "theme"), [("light", "light"), ("dark", "dark"), ('"><script>', None), ("", None)])
def test_only_the_two_themes_are_taken_from_the_cookie(app: Flask, cookie: str, theme: str | None) -> None:
    with app.test_request_context(headers={"Cookie": f"theme={cookie}"}):
        assert templating.theme() == theme


def test_only_the_latest_toasts_are_kept_and_each_is_shown_once(app: Flask) -> None:
    with app.test_request_context():
        for count in range(MOST + 2):
            toast(f"Number {count}")
        assert [kept["message"] for kept in take_toasts()] == [f"Number {count}" for count in range(2, MOST + 2)]
        assert take_toasts() == []


# Forms


class Order(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    number = HiddenField()
    name = StringField("Name", [DataRequired("Give it a name.")], description="As on the invoice.")
    code = StringField("Code", [DataRequired("Give it a code.")])
    gift = BooleanField("A gift")


FORM = """{{ forms.summary(form) }}{{ forms.hidden(form) }}
{{ forms.field(form.name, data_x=1) }}{{ forms.field(form.code) }}"""


def written(app: Flask, data: dict[str, str] | None, *, refused: str = "") -> str:
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_request_context(method="POST" if data is not None else "GET", data=data):
        form = Order()
        if data is not None:
            form.validate()
        if refused:
            form.number.errors = [refused]
        return app.jinja_env.from_string(FORM).render(form=form)


def test_a_form_that_is_right_shows_no_error(app: Flask) -> None:
    html = written(app, None)
    assert "error" not in html
    assert "aria-invalid" not in html
    assert "autofocus" not in html
    assert 'aria-describedby="name-help"' in html
    assert 'data-x="1"' in html
    assert html.count('name="csrf_token"') == 1


def test_each_field_in_error_is_marked_and_the_first_takes_the_focus(app: Flask) -> None:
    html = written(app, {"name": "", "code": ""})
    assert '<a href="#name">Name</a>: Give it a name.' in html
    assert html.count('aria-invalid="true"') == 2
    assert html.count("autofocus") == 1
    assert html.index("autofocus") < html.index("Give it a code.</span>")
    assert 'aria-describedby="name-error name-help"' in html
    assert "2 fields need another look" in html


def test_what_was_typed_is_kept_and_escaped(app: Flask) -> None:
    assert 'value="&#34;&gt;&lt;b&gt;"' in written(app, {"name": '"><b>', "code": ""})


def test_an_error_of_no_visible_field_is_said_and_the_summary_takes_the_focus(app: Flask) -> None:
    html = written(app, {"name": "a", "code": "b"}, refused="This form was damaged on its way.")
    assert "<strong>This form was damaged on its way.</strong>" in html
    assert 'tabindex="-1" autofocus' in html
