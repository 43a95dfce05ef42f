"""The demonstration: people, two organisations and what they sell, on the embedded database alone."""

from webapp.ops.demo.accounts import ACCOUNTS, HOUSES, PASSWORD
from webapp.ops.demo.seeding import NotEmbedded, seed

__all__ = ["ACCOUNTS", "HOUSES", "PASSWORD", "NotEmbedded", "seed"]
