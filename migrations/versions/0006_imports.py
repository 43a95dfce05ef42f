"""Imports of products: the file in pieces, the lines that were read, and what is wrong with them.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-21 07:00:00+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from webapp.rls.policy import Function, Grant, Policy, Trigger

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

NOW = sa.text("now()")
ZERO = sa.text("0")
STAMP = sa.TIMESTAMP(timezone=True)
PEOPLE = ("authenticated",)
MINE = "org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id())"

FUNCTIONS = (
    Function(
        "rowhouse.audit_product_imports()",
        """create or replace function rowhouse.audit_product_imports() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := auth.uid();
  v_now timestamptz := clock_timestamp();
  v_ids text := left(gen_random_uuid()::text, 24);
begin
  if tg_op = 'INSERT' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, new_data)
    select n.org_id, n.id, null::uuid, v_user, now(), v_now, 'product_imports', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        n.file_name, n.mode, n.made, n.changed, n.unchanged, n.left_out
      ) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.id, null::uuid, v_user, now(), v_now, 'product_imports', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        o.file_name, o.mode, o.made, o.changed, o.unchanged, o.left_out
      ) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.id, o.id),
      null::uuid, v_user, now(), v_now, 'product_imports',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select
        o.file_name, o.mode, o.made, o.changed, o.unchanged, o.left_out
      ) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select
        n.file_name, n.mode, n.made, n.changed, n.unchanged, n.left_out
      ) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.id) = (n.org_id, n.id)
    where row(
      o.file_name, o.mode, o.made, o.changed, o.unchanged, o.left_out
    ) is distinct from row(
      n.file_name, n.mode, n.made, n.changed, n.unchanged, n.left_out
    );
  end if;
  return null;
end
$$""",
        (),
    ),
)

TRIGGERS = (
    Trigger(
        "product_imports_audit_insert",
        "public.product_imports",
        """create trigger product_imports_audit_insert after insert on public.product_imports
referencing new table as new_rows
for each statement execute function rowhouse.audit_product_imports()""",
    ),
    Trigger(
        "product_imports_audit_update",
        "public.product_imports",
        """create trigger product_imports_audit_update after update on public.product_imports
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_product_imports()""",
    ),
    Trigger(
        "product_imports_audit_delete",
        "public.product_imports",
        """create trigger product_imports_audit_delete after delete on public.product_imports
referencing old table as old_rows
for each statement execute function rowhouse.audit_product_imports()""",
    ),
)

POLICIES = (
    ("product_imports", Policy("product_imports_read", "select", PEOPLE, using=MINE)),
    ("product_imports", Policy("product_imports_create", "insert", PEOPLE, check=MINE)),
    ("product_imports", Policy("product_imports_change", "update", PEOPLE, using=MINE, check=MINE)),
    ("product_imports", Policy("product_imports_delete", "delete", PEOPLE, using=MINE)),
    ("product_import_chunks", Policy("product_import_chunks_read", "select", PEOPLE, using=MINE)),
    ("product_import_chunks", Policy("product_import_chunks_create", "insert", PEOPLE, check=MINE)),
    ("product_import_chunks", Policy("product_import_chunks_delete", "delete", PEOPLE, using=MINE)),
    ("product_import_lines", Policy("product_import_lines_read", "select", PEOPLE, using=MINE)),
    ("product_import_lines", Policy("product_import_lines_create", "insert", PEOPLE, check=MINE)),
    ("product_import_lines", Policy("product_import_lines_change", "update", PEOPLE, using=MINE, check=MINE)),
    ("product_import_lines", Policy("product_import_lines_delete", "delete", PEOPLE, using=MINE)),
    ("product_import_errors", Policy("product_import_errors_read", "select", PEOPLE, using=MINE)),
    ("product_import_errors", Policy("product_import_errors_create", "insert", PEOPLE, check=MINE)),
    ("product_import_errors", Policy("product_import_errors_delete", "delete", PEOPLE, using=MINE)),
)

GRANTS = (
    ("product_imports", Grant("authenticated", ("select", "delete"))),
    (
        "product_imports",
        Grant(
            "authenticated",
            ("insert",),
            ("org_id", "id", "file_name", "size", "encoding", "delimiter", "header", "columns", "lines"),
        ),
    ),
    (
        "product_imports",
        Grant(
            "authenticated",
            ("update",),
            (
                "encoding",
                "delimiter",
                "header",
                "columns",
                "status",
                "run",
                "heartbeat",
                "progress",
                "lines",
                "good",
                "bad",
                "to_make",
                "to_change",
                "to_keep",
                "trouble",
                "finished_at",
                "mode",
                "made",
                "changed",
                "unchanged",
                "left_out",
            ),
        ),
    ),
    ("product_imports", Grant("service_role", ("select",))),
    ("product_import_chunks", Grant("authenticated", ("select", "delete"))),
    (
        "product_import_chunks",
        Grant("authenticated", ("insert",), ("org_id", "import_id", "created_by", "position", "piece")),
    ),
    ("product_import_chunks", Grant("service_role", ("select",))),
    ("product_import_lines", Grant("authenticated", ("select", "delete"))),
    (
        "product_import_lines",
        Grant(
            "authenticated",
            ("insert",),
            (
                "org_id",
                "import_id",
                "created_by",
                "line",
                "is_good",
                "sku",
                "name",
                "description",
                "price",
                "stock",
                "is_active",
            ),
        ),
    ),
    ("product_import_lines", Grant("authenticated", ("update",), ("is_good",))),
    ("product_import_lines", Grant("service_role", ("select",))),
    ("product_import_errors", Grant("authenticated", ("select", "delete"))),
    (
        "product_import_errors",
        Grant(
            "authenticated",
            ("insert",),
            ("org_id", "import_id", "created_by", "line", "place", "column_name", "value", "reason"),
        ),
    ),
    ("product_import_errors", Grant("service_role", ("select",))),
)
TABLES = ("product_imports", "product_import_chunks", "product_import_lines", "product_import_errors")


def upgrade() -> None:
    op.create_table(
        "product_imports",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("rowhouse.uuid_v7()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), server_default=sa.text("rowhouse.user_id()"), nullable=False),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("delimiter", sa.Text(), nullable=False),
        sa.Column("header", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("columns", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'uploaded'"), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=True),
        sa.Column("heartbeat", STAMP, nullable=True),
        sa.Column("progress", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("lines", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("good", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("bad", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("to_make", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("to_change", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("to_keep", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("made", sa.Integer(), nullable=True),
        sa.Column("changed", sa.Integer(), nullable=True),
        sa.Column("unchanged", sa.Integer(), nullable=True),
        sa.Column("left_out", sa.Integer(), nullable=True),
        sa.Column("finished_at", STAMP, nullable=True),
        sa.CheckConstraint("length(delimiter) = 1", name=op.f("product_imports_delimiter_check")),
        sa.CheckConstraint("length(file_name) between 1 and 255", name=op.f("product_imports_file_name_check")),
        sa.CheckConstraint("mode in ('all', 'good')", name=op.f("product_imports_mode_check")),
        sa.CheckConstraint(
            "cardinality(header) <= 1000 and length(header::text) <= 1000000",
            name=op.f("product_imports_header_check"),
        ),
        sa.CheckConstraint("length(trouble) <= 2000", name=op.f("product_imports_trouble_check")),
        sa.CheckConstraint(
            "least(size, lines, made, changed, unchanged, left_out) >= 0", name=op.f("product_imports_counts_check")
        ),
        sa.CheckConstraint(
            "status in ('uploaded', 'checking', 'checked', 'applying', 'done')",
            name=op.f("product_imports_status_check"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("product_imports_org_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["profiles.id"], name=op.f("product_imports_created_by_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("product_imports_pkey")),
        sa.UniqueConstraint("org_id", "created_by", "id", name=op.f("product_imports_org_id_created_by_id_key")),
    )
    op.create_table(
        "product_import_chunks",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("piece", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "created_by", "import_id"],
            ["product_imports.org_id", "product_imports.created_by", "product_imports.id"],
            name=op.f("product_import_chunks_org_id_created_by_import_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "octet_length(piece) <= 1048576 and position between 0 and 4095",
            name=op.f("product_import_chunks_piece_check"),
        ),
        sa.PrimaryKeyConstraint("org_id", "import_id", "position", name=op.f("product_import_chunks_pkey")),
    )
    op.create_table(
        "product_import_lines",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(12, 2), nullable=True),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "created_by", "import_id"],
            ["product_imports.org_id", "product_imports.created_by", "product_imports.id"],
            name=op.f("product_import_lines_org_id_created_by_import_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "line > 0 and stock >= 0 and price >= 0 and price < 'NaN'", name=op.f("product_import_lines_line_check")
        ),
        sa.PrimaryKeyConstraint("org_id", "import_id", "line", name=op.f("product_import_lines_pkey")),
    )
    op.create_table(
        "product_import_errors",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "created_by", "import_id"],
            ["product_imports.org_id", "product_imports.created_by", "product_imports.id"],
            name=op.f("product_import_errors_org_id_created_by_import_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "line >= 0 and place >= 0 and greatest(length(column_name), length(value), length(reason)) <= 2000",
            name=op.f("product_import_errors_words_check"),
        ),
        sa.PrimaryKeyConstraint("org_id", "import_id", "line", "place", name=op.f("product_import_errors_pkey")),
    )

    for table in TABLES:
        op.revoke_all(table)
        op.enable_row_security(table)
    for table, policy in POLICIES:
        op.create_policy(table, policy)
    for table, grant in GRANTS:
        op.grant(table, grant)
    for function in FUNCTIONS:
        op.create_function(function)
    for trigger in TRIGGERS:
        op.create_trigger(trigger)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for function in reversed(FUNCTIONS):
        op.drop_function(function)
