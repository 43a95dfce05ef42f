"""Who somebody is: providers, tokens, sessions in cookies, and the step that identifies a request."""

from webapp.identity.extension import Accounts, accounts, init_app

__all__ = ["Accounts", "accounts", "init_app"]
