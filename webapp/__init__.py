"""Rowhouse: a multi-tenant workspace in which the database decides who sees which row."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Imported where they are used: the command line imports this package too, and most commands need no Flask.
if TYPE_CHECKING:
    from flask import Flask

    from webapp.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Compose the application from its settings. Raises BadSettings where a login to the database is unsafe."""
    from werkzeug.middleware.proxy_fix import ProxyFix

    from webapp import rls
    from webapp.blueprints import FEATURES
    from webapp.identity import extension
    from webapp.ops import migrate
    from webapp.web import assets, errors, extensions, gate, headers, inspection, navigation, observability, templating
    from webapp.web.diagnosis import watch
    from webapp.web.scope import Application

    app = Application(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        DEBUG=settings.debug,
        MAX_CONTENT_LENGTH=settings.max_request_bytes,
        IMPORT_MAX_BYTES=settings.import_max_bytes,
        TRUSTED_HOSTS=settings.trusted_hosts,
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SCHEMA_HEAD=migrate.head(),
        DEMO_ACCOUNTS=(),
        DEMO_PASSWORD="",
    )
    if settings.rowhouse_demo:
        from webapp.ops import demo

        app.config.update(DEMO_ACCOUNTS=demo.ACCOUNTS, DEMO_PASSWORD=demo.PASSWORD)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    observability.configure(settings.log_level)
    observability.init_app(app)
    extensions.init_app(app, settings)
    extension.init_app(
        app,
        rls.create_engine(
            settings.signin_database_url.get_secret_value(),
            application_name="rowhouse sign-in",
            connect_timeout=settings.connect_timeout_s,
        ),
        secret_key=settings.secret_key.get_secret_value(),
        previous_keys=settings.previous_keys,
        jwt_secret=settings.jwt_secret.get_secret_value(),
        previous_jwt_secrets=settings.previous_jwt_secrets,
        issuer=f"{settings.public_url}/auth/v1",
        secure=settings.secure_cookies,
        limits=settings.limits,
    )
    headers.init_app(app, secure=settings.secure_cookies)
    assets.init_app(app)
    templating.init_app(app)
    errors.init_app(app)
    gate.init_app(app, settings)
    navigation.register(app, *FEATURES)
    inspection.init_app(app, settings)
    watch(app, settings)
    gate.check_login_at_start(app)
    inspection.check_login_at_start(app)
    return app
