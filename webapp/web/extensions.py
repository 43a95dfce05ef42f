"""Flask's extensions, made once and given their application in ``create_app``."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Connection, Engine

from webapp import rls
from webapp.models import Base
from webapp.settings import Settings


class RequestSession(Session):
    """A Session that begins its transactions as this request's identity, and cannot begin without one."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any) -> Engine | Connection:
        """Return the engine as this request's identity. Raises IdentityMissing outside of a request."""
        from webapp.web.scope import current_scope  # the scope needs this module's db

        found = super().get_bind(mapper=mapper, clause=clause, bind=bind, **kwargs)
        return current_scope().bound(found) if isinstance(found, Engine) else found


db = SQLAlchemy(model_class=Base, session_options={"class_": RequestSession})
csrf = CSRFProtect()
login_manager = LoginManager()


def init_app(app: Flask, settings: Settings) -> None:
    """Give the extensions to ``app``. The engine's options are the core's own; ``install`` adds its hooks."""
    app.config.update(
        SQLALCHEMY_DATABASE_URI=rls.normalise_url(settings.database_url.get_secret_value()),
        SQLALCHEMY_ENGINE_OPTIONS=rls.engine_options(connect_timeout=settings.connect_timeout_s),
        # The gate asks for the token, in one place: a request that proves itself by Bearer token needs none.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        # The gate compares Sec-Fetch-Site and Origin, which browsers send where Referer is off.
        WTF_CSRF_SSL_STRICT=False,
    )
    db.init_app(app)
    csrf.init_app(app)
    login_manager.init_app(app)
    with app.app_context():
        rls.install(db.engine)
