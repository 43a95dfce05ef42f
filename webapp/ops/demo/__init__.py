"""The demonstration: people, two organisations and what they sell, on the embedded database alone."""

from webapp.ops.demo.accounts import ACCOUNTS, HOUSES, PASSWORD, Account
from webapp.ops.demo.seeding import MARKER, NotEmbedded, seed

__all__ = ["ACCOUNTS", "HOUSES", "MARKER", "PASSWORD", "Account", "NotEmbedded", "seed"]
