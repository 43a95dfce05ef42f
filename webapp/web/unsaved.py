"""What a form said that was not accepted, so that the page that says so can give it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from wtforms import BooleanField, FileField, Form, HiddenField, PasswordField, SubmitField
from wtforms.fields.core import UnboundField

from webapp.web.redirects import safe_next
from webapp.web.typed import paragraphs

_NEVER = (HiddenField, PasswordField, FileField, SubmitField)


class Typed(NamedTuple):
    """Hold what one field said, under the words that stand beside it."""

    label: str
    value: str


def typed() -> list[Typed]:
    """Return what the fields that people see said, in the order of their form.

    The form is that of the route's own feature which has the most of the fields that were sent. What no form of ours
    shows to people is left out, and with it tokens, keys and whatever somebody made up; so are passwords and files.
    """
    if not request.form:
        return []
    forms = [_fields(form) for form in _forms(_feature())]
    best = max(forms, key=lambda fields: len(fields.keys() & request.form.keys()), default={})
    told = (Typed(_label(name, field), _value(name, field)) for name, field in best.items())
    return [each for each in told if each.value]


def page_of_form() -> str | None:
    """Return the address of the page that the form stood on, or None where that is not said or is no page.

    Only for a request that is known to come from a page of ours: it is the word of the browser.
    """
    said = urlsplit(request.referrer or "")
    path = safe_next(said.path + (f"?{said.query}" if said.query else ""), "")
    adapter = current_app.create_url_adapter(request)
    if not path or adapter is None:
        return None
    try:
        adapter.match(said.path, method="GET")
    except HTTPException:
        return None
    return path


def _feature() -> str:
    view = current_app.view_functions.get(request.endpoint or "")
    return view.__module__.rpartition(".")[0] if view is not None else ""


def _forms(feature: str, above: type[Form] = Form) -> Iterator[type[Form]]:
    for form in above.__subclasses__():
        if feature and form.__module__.startswith(f"{feature}."):
            yield form
        yield from _forms(feature, form)


def _fields(form: type[Form]) -> dict[str, UnboundField[Any]]:
    """Return the fields of ``form`` that people see, by name, in their order."""
    found = {name: getattr(form, name) for name in dir(form) if not name.startswith("_")}
    fields = {name: field for name, field in found.items() if isinstance(field, UnboundField)}
    seen = {name: field for name, field in fields.items() if not issubclass(field.field_class, _NEVER)}
    return dict(sorted(seen.items(), key=lambda item: item[1].creation_counter))


def _label(name: str, field: UnboundField[Any]) -> str:
    return str(field.args[0] if field.args else field.kwargs.get("label") or name.replace("_", " ").capitalize())


def _value(name: str, field: UnboundField[Any]) -> str:
    sent = request.form.getlist(name)
    if issubclass(field.field_class, BooleanField):
        return "Yes" if any(sent) else ""
    return "\n".join(map(paragraphs, sent)).strip()
