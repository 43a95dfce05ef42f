"""Our operations as Python text, for the migrations that autogenerate writes."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from textwrap import indent

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext

from webapp.schema.operations import DatabaseOperation

_STEP = "    "


def literal(value: object) -> str:
    """Return Python text that evaluates to ``value``: a string, a tuple, or a declaration of ``webapp.rls.policy``.

    A text of several lines becomes one quoted string per line. Alembic indents what it is given, and would
    indent the inside of a triple-quoted string too: the function in the database would be another one.
    """
    if isinstance(value, str):
        lines = value.splitlines(keepends=True)
        if len(lines) < 2:
            return _string(value)
        return "(\n" + indent("\n".join(map(_string, lines)), _STEP) + "\n)"
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if is_dataclass(value) and not isinstance(value, type):
        given = [
            f"{field.name}={literal(getattr(value, field.name))}"
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        ]
        return _call(type(value).__name__, given)
    return repr(value)


def _string(value: str) -> str:
    """Return ``value`` in double quotes where that needs no escape that single ones do not."""
    text = repr(value)
    return text if text.startswith('"') or '"' in text else f'"{text[1:-1]}"'


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}(\n" + indent(",\n".join(arguments) + ",", _STEP) + "\n)"


@renderers.dispatch_for(DatabaseOperation)
def _render(context: AutogenContext, operation: DatabaseOperation) -> str:
    """Return the call of ``alembic.op`` that makes ``operation``."""
    arguments = operation.arguments()
    for value in arguments:
        if is_dataclass(value):
            context.imports.add(f"from {type(value).__module__} import {type(value).__name__}")
    given = [literal(value) for value in arguments]
    given += [f"{key}={literal(value)}" for key, value in operation.keywords().items()]
    name = f"{context.opts['alembic_module_prefix']}{operation.name}"
    flat = f"{name}({', '.join(given)})"
    return flat if "\n" not in flat and len(flat) < 110 else _call(name, given)
