"""Our own supervisor over Postgres binaries: a database that starts with its owner and cannot outlive it."""

from webapp.ops.embedded.cluster import Cluster, Urls, start
from webapp.ops.embedded.failures import Busy, EmbeddedError
from webapp.ops.embedded.folder import Folder, Secrets
from webapp.ops.embedded.ports import is_free

__all__ = ["Busy", "Cluster", "EmbeddedError", "Folder", "Secrets", "Urls", "is_free", "start"]
