"""How gunicorn runs the application; `gunicorn` in this folder needs no arguments.

What differs from host to host goes on its command line or into GUNICORN_CMD_ARGS: --bind, --workers, --threads.
"""

import os

wsgi_app = "wsgi:app"
chdir = os.path.dirname(os.path.abspath(__file__))
bind = "127.0.0.1:8000"

# The most that it takes: the Inspector's addresses say through which claims, and which row.
limit_request_line = 8190

# Threads, because a request mostly waits for the database. A reverse proxy that buffers has to stand in front: slow
# clients would hold all of them.
worker_class = "gthread"
workers = max(2, os.cpu_count() or 2)
threads = 16
keepalive = 5

# Ends a worker that no longer beats. It does not end a stuck request: the timeouts in the database do.
timeout = 30
graceful_timeout = 20

# The heartbeat is a file that is touched each second: in memory, so that a busy disk cannot stop it.
_memory = "/dev/shm"  # noqa: S108 - gunicorn makes a file of its own there, open to nobody else
worker_tmp_dir = _memory if os.path.isdir(_memory) else None

# A way to command the server that we do not use, and would have to guard.
control_socket_disable = True

# What a proxy says of the visitor is believed in one place, the setting PROXY_HOPS, and by no header of its own.
forwarder_headers = ""
secure_scheme_headers = {}
