"""The security headers that every answer carries."""

from __future__ import annotations

from werkzeug.test import TestResponse

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DIRECTIVES = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def complete(response: TestResponse) -> None:
    """Check the headers of one answer."""
    about = f"{response.request.method} {response.request.path}: {response.status}"
    missing = {
        name: response.headers.get(name) for name, value in WANTED.items() if response.headers.get(name) != value
    }
    assert missing == {}, about
    policy = response.headers.get("Content-Security-Policy", "")
    assert {part.strip() for part in policy.split(";")} >= DIRECTIVES, about
    assert "unsafe" not in policy, about
    assert "camera=()" in response.headers.get("Permissions-Policy", ""), about
    if not response.request.path.startswith("/static/"):
        assert response.headers["Cache-Control"] == "no-store", about
        assert len(response.headers["X-Request-Id"]) >= 8, about
    assert not any(any(char.isdigit() for char in v) for k, v in response.headers if k in ("Server", "X-Powered-By"))
