"""Organisations: the ones that a person is in, and making another."""

from webapp.blueprints.organizations.routes import bp

__all__ = ["bp"]
