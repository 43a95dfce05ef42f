"""The WSGI entry point: ``gunicorn wsgi:app``."""

from webapp import create_app
from webapp.settings import load

app = create_app(load())
