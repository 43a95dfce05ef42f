"""Whether this process is alive, and whether it can serve: for load balancers and operators."""

from webapp.blueprints.health.routes import bp

__all__ = ["bp"]
