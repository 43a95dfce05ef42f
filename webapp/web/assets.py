"""Serve the static folder under names that carry their content's hash, so that a browser may keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from flask import Blueprint, Flask, Response, abort, current_app, g, request, url_for

from webapp.web import access

CONTENT_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml; charset=utf-8",
    }
)
FOREVER: Final = "public, max-age=31536000, immutable"
EXTENSION: Final = "rowhouse.assets"

bp = Blueprint("assets", __name__)


class UnknownAsset(LookupError):
    """Say that a template asks for a static file that is not there."""


@dataclass(frozen=True, slots=True)
class Asset:
    """Hold one file: its bytes, the same bytes compressed where that makes them fewer, and their hash."""

    path: str
    content_type: str
    digest: str
    body: bytes
    gzipped: bytes | None


class Assets:
    """Hold every file of the static folder that has a content type of ours, as it was when the process began.

    All of them together take a fraction of a megabyte, so they are kept in memory: no file is opened for a
    request, and what is compressed is compressed once. A file changed on disk is seen after a restart.
    """

    def __init__(self, folder: Path):
        self._files = {
            asset.path: asset
            for file in sorted(folder.rglob("*"))
            if file.is_file() and file.suffix in CONTENT_TYPES
            for asset in [_read(file, file.relative_to(folder).as_posix())]
        }

    def __getitem__(self, path: str) -> Asset:
        """Return one file; raises UnknownAsset, so that a misspelt name fails the page and not the browser."""
        try:
            return self._files[path]
        except KeyError:
            raise UnknownAsset(f"There is no {path!r} in the static folder.") from None

    def __iter__(self) -> Iterator[Asset]:
        return iter(self._files.values())


def _read(file: Path, path: str) -> Asset:
    body = file.read_bytes()
    # mtime=0: the same bytes from every worker and every host, or their entity tags would differ.
    gzipped = gzip.compress(body, compresslevel=9, mtime=0)
    return Asset(
        path=path,
        content_type=CONTENT_TYPES[file.suffix],
        digest=hashlib.sha256(body).hexdigest()[:16],
        body=body,
        gzipped=gzipped if len(gzipped) < len(body) else None,
    )


def init_app(app: Flask) -> None:
    """Read ``webapp/static`` once, register its route, and give templates ``asset('css/tokens.css')``."""
    app.extensions[EXTENSION] = Assets(Path(app.root_path) / "static")
    app.register_blueprint(bp)
    app.jinja_env.globals["asset"] = asset_url


def assets() -> Assets:
    """Return the files of the running application."""
    found: Assets = current_app.extensions[EXTENSION]
    return found


def asset_url(path: str) -> str:
    """Return the address of a static file, hash included; raises UnknownAsset for one that is not there."""
    if "asset_urls" not in g:
        g.asset_urls = {}
    urls: dict[str, str] = g.asset_urls
    if path not in urls:
        found = assets()[path]
        urls[path] = url_for("assets.file", digest=found.digest, path=found.path)
    return urls[path]


@bp.get("/static/<digest>/<path:path>")
@access.public()
def file(digest: str, path: str) -> Response:
    """Answer with a file if the hash is that of its content now.

    Another hash is a 404 rather than the present file: a cache that filed new content under an old name would
    keep it for a year.
    """
    try:
        found = assets()[path]
    except UnknownAsset:
        abort(404)
    if digest != found.digest:
        abort(404)
    compressed = found.gzipped is not None and request.accept_encodings["gzip"] > 0
    response = Response(found.gzipped if compressed else found.body, content_type=found.content_type)
    response.headers["Cache-Control"] = FOREVER
    response.set_etag(f"{found.digest}-gzip" if compressed else found.digest)
    if compressed:
        response.content_encoding = "gzip"
    if found.gzipped is not None:
        response.vary.add("Accept-Encoding")
    response.make_conditional(request)
    return response
