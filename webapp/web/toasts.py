"""Say in passing that something was done, on the page that the visitor sees next."""

from __future__ import annotations

from typing import Final, NotRequired, TypedDict

from flask import session

KEY: Final = "toasts"
MOST: Final = 3  # They travel in the session cookie, of which a browser keeps 4 KB.


class Toast(TypedDict):
    """Hold one message and, where the deed can be undone, the address to which Undo posts."""

    message: str
    undo: NotRequired[str]


def toast(message: str, *, undo: str | None = None) -> None:
    """Keep a message for the next page; ``undo`` is a path of ours that a POST without fields reverses the deed at.

    Only the latest three are kept. Call it after the flush that proves the deed possible.
    """
    kept: Toast = {"message": message}
    if undo is not None:
        kept["undo"] = undo
    session[KEY] = [*session.get(KEY, []), kept][-MOST:]


def take_toasts() -> list[Toast]:
    """Return the waiting messages and forget them: each is shown once."""
    taken: list[Toast] = session.pop(KEY, None) or []
    return taken
