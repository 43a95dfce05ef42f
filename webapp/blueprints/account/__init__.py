"""Accounts: signing up, in and out."""

from webapp.blueprints.account.routes import bp

__all__ = ["bp"]
