"""What a person types to sign up and to sign in. Passwords are never written back into a page."""

from __future__ import annotations

from typing import Final

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Regexp

from webapp.web.redirects import safe_next
from webapp.web.typed import REPLACED, Text, line

LONGEST_EMAIL: Final = 254  # characters (RFC 5321, section 4.5.3.1.3, less the angle brackets)
LONGEST_PASSWORD: Final = 1_000  # characters; what bcrypt can take is said by the provider, in bytes


def _own_path(value: str | None) -> str:
    return safe_next(value, "")


def _email() -> StringField:
    return StringField(
        "E-mail",
        filters=[line],
        validators=[
            DataRequired("Write your e-mail address."),
            Length(max=LONGEST_EMAIL, message=f"An e-mail address has {LONGEST_EMAIL} characters at most."),
            # Whether an address takes mail only a mail to it can tell; this catches what cannot be one.
            Regexp(rf"[^@\s{REPLACED}]+@[^@\s{REPLACED}]+\Z", message="Write an address such as you@example.com."),
        ],
    )


class SignInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Take an e-mail address and a password, and where to go afterwards."""

    email = _email()
    password = PasswordField(
        "Password",
        validators=[
            InputRequired("Write your password."),
            Length(max=LONGEST_PASSWORD, message=f"No password has more than {LONGEST_PASSWORD} characters."),
        ],
    )
    remember = BooleanField("Keep me signed in")
    next = HiddenField(filters=[_own_path])


class SignUpForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Take what an account is made of; which passwords are welcome, the provider says."""

    name = StringField(
        "Your name",
        filters=[line],
        validators=[Text(120)],
    )
    email = _email()
    password = PasswordField(
        "Password",
        validators=[
            InputRequired("Choose a password."),
            Length(max=LONGEST_PASSWORD, message=f"Use {LONGEST_PASSWORD} characters at most."),
        ],
    )
    next = HiddenField(filters=[_own_path])
