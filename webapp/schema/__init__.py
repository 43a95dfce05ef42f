"""What Alembic does not know of Postgres: policies, grants, functions and triggers, in migrations and in comparison."""
