"""The name of a saved viewpoint."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField

from webapp.web.typed import Text, line


class PersonaForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Take the name under which a viewpoint is saved."""

    name = StringField(
        "Name",
        filters=[line],
        description="Such as “Auditor”. Every administrator of the platform sees it.",
        validators=[Text(80, "Give it a name.")],
    )
