"""Static files: named by their content, kept for ever, never another file under an old name."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import webapp
from webapp.web import access, assets

PACKAGE = Path(webapp.__file__).parent
STATIC = PACKAGE / "static"
FILES = sorted(file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*") if file.suffix in assets.CONTENT_TYPES)
BUDGET = 40_000  # bytes, compressed: what the static files may take of the 60 KB that a first load may weigh


@pytest.fixture
def app() -> Flask:
    app = Flask("webapp", root_path=str(PACKAGE), static_folder=None)
    assets.init_app(app)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def address(app: Flask, path: str) -> str:
    with app.test_request_context():
        return assets.asset_url(path)


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_served_under_the_hash_of_its_content(app: Flask, client: FlaskClient, path: str) -> None:
    body = (STATIC / path).read_bytes()
    url = address(app, path)
    assert url == f"/static/{hashlib.sha256(body).hexdigest()[:16]}/{path}"
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.data == body
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type.endswith("charset=utf-8")
    assert "Set-Cookie" not in answer.headers


def test_gzip_is_for_those_who_accept_it_and_has_an_entity_tag_of_its_own(app: Flask, client: FlaskClient) -> None:
    url = address(app, "css/components.css")
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    refused = client.get(url, headers={"Accept-Encoding": "gzip;q=0, br"})
    small = client.get(url, headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in refused.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert plain.headers["Vary"] == small.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != small.headers["ETag"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_what_the_browser_has_is_not_sent_again(app: Flask, client: FlaskClient, encoding: str) -> None:
    url = address(app, "js/app.js")
    tag = client.get(url, headers={"Accept-Encoding": encoding}).headers["ETag"]
    again = client.get(url, headers={"Accept-Encoding": encoding, "If-None-Match": tag})
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize(
    "path",
    [
        "/static/0000000000000000/css/tokens.css",
        "/static/css/tokens.css",
        "/static/tokens.css",
        "/static/0000000000000000/css/none.css",
        "/static/0000000000000000/../settings.py",
        "/static/0000000000000000/VENDORED.md",
    ],
)
def test_another_name_is_a_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_template_that_names_a_missing_file_fails(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(assets.UnknownAsset, match=r"css/token\.css"):
        app.jinja_env.from_string("{{ asset('css/token.css') }}").render()


def test_the_route_declares_its_access(app: Flask) -> None:
    assert getattr(app.view_functions["assets.file"], "access", None) == access.public()


def test_vendored_files_are_as_their_makers_published_them() -> None:
    manifest = (STATIC / "VENDORED.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", manifest, re.MULTILINE)
    assert rows, "The manifest lists no file."
    for path, digest in rows:
        assert hashlib.sha256((STATIC / path).read_bytes()).hexdigest() == digest, path


def test_every_file_together_stays_within_the_budget() -> None:
    found = assets.Assets(STATIC)
    weights = {asset.path: len(asset.gzipped or asset.body) for asset in found}
    assert sum(weights.values()) < BUDGET, weights


def test_nothing_static_asks_for_anything_elsewhere() -> None:
    ours = [path for path in FILES if path != "js/htmx.min.js"]
    for path in ours:
        found = re.findall(r"https?://[^\s\"')]+|@import|url\(", (STATIC / path).read_text())
        assert [name for name in found if name != "http://www.w3.org/2000/svg"] == [], path
