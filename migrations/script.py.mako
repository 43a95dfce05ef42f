"""${message}

Create Date: ${create_date}
"""
# Before this is merged:
# - Does it lock a table that is read all day? Each statement gets 0.4 s to get its lock, and holds it to the end of
#   the migration: put slow work (backfills, validation) into a migration of its own.
# - A new table: op.revoke_all, op.enable_row_security, then op.grant and op.create_policy, in this migration.
# - A new index on a large table: op.create_index(..., postgresql_concurrently=True) within op.get_context()
#   .autocommit_block(), alone in its migration.
# - A new column: nullable, or with a constant default. A new constraint: NOT VALID first, VALIDATE in the next one.
# - Does the release before this one still run on the new schema? Rename and drop one release later.
# - Raw SQL: op.run_sql, never op.execute, which takes a colon for a parameter.
# - Nothing imported from webapp.models: those change, this must not.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports + "\n" if imports else ""}
revision = "${up_revision}"
down_revision = ${'"' + down_revision + '"' if down_revision else None}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
