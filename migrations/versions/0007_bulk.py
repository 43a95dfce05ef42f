"""Changes of many products at once, kept so that they can be undone.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-21 08:00:00+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from webapp.rls.policy import Function, Grant, Policy, Trigger

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

NOW = sa.text("now()")
UUID_V7 = sa.text("rowhouse.uuid_v7()")
STAMP = sa.TIMESTAMP(timezone=True)
KIND = postgresql.ENUM("archive", "restore", "price", name="product_change_kind", schema="public", create_type=False)
TABLES = ("product_changes", "product_change_items")
MAY_READ = "org_id = any ((select rowhouse.member_orgs())::uuid[])"

FUNCTIONS = (
    Function(
        "public.change_products(uuid, uuid, public.product_change_kind, numeric, integer, uuid[])",
        """create or replace function public.change_products(
  p_org_id uuid, p_change_id uuid, p_kind public.product_change_kind, p_percent numeric, p_digits integer,
  p_products uuid[], out changed bigint, out total_before numeric, out total_after numeric
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_percent numeric := round(p_percent, 2);
  v_digits integer := least(greatest(p_digits, 0), 2);
  v_ids uuid[];
  v_old numeric[];
  v_new numeric[];
begin
  if p_org_id is null or not p_org_id = any (rowhouse.writer_orgs()) then
    raise exception 'not a writer of this organisation' using errcode = '42501';
  end if;
  -- Everybody who changes several products locks them in this order, so that nobody waits in a ring. The statements
  -- after it see what the locks have waited for, the same change sent twice among it.
  perform from public.products p
  where p.org_id = p_org_id and p.id = any (p_products)
  order by p.id
  for no key update;
  if exists (select from public.product_changes c where c.org_id = p_org_id and c.id = p_change_id) then
    raise exception 'made already' using errcode = '23505', constraint = 'product_changes_pkey';
  end if;

  select array_agg(p.id), array_agg(p.price), array_agg(f.price),
    count(*), coalesce(sum(p.price), 0), coalesce(sum(coalesce(f.price, p.price)), 0)
  into v_ids, v_old, v_new, changed, total_before, total_after
  from public.products p
  cross join lateral (
    select case when p_kind = 'price' then round(p.price * (100 + v_percent) * 0.01, v_digits) end as price
  ) f
  where p.org_id = p_org_id and p.id = any (p_products)
    and case p_kind when 'archive' then p.is_active when 'restore' then not p.is_active else f.price <> p.price end;
  if changed = 0 then
    return;
  end if;

  insert into public.product_changes (org_id, id, kind, percent, changed, created_by)
  values (p_org_id, p_change_id, p_kind, v_percent, changed, auth.uid());
  insert into public.product_change_items (org_id, change_id, product_id, old_price, new_price)
  select p_org_id, p_change_id, u.id, case when p_kind = 'price' then u.old_price end, u.new_price
  from unnest(v_ids, v_old, v_new) as u (id, old_price, new_price);
  if p_kind = 'price' then
    update public.products p
    set price = round(p.price * (100 + v_percent) * 0.01, v_digits)
    where p.org_id = p_org_id and p.id = any (v_ids);
  else
    update public.products p
    set is_active = (p_kind = 'restore')
    where p.org_id = p_org_id and p.id = any (v_ids);
  end if;
end
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "public.undo_product_change(uuid, uuid)",
        """create or replace function public.undo_product_change(
  p_org_id uuid, p_change_id uuid, out undone bigint, out kept bigint
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_nestloop = off
as $$
declare
  v_change public.product_changes;
  v_ids uuid[];
begin
  if p_org_id is null or not p_org_id = any (rowhouse.writer_orgs()) then
    raise exception 'not a writer of this organisation' using errcode = '42501';
  end if;
  select c.* into v_change
  from public.product_changes c
  where c.org_id = p_org_id and c.id = p_change_id
  for update;
  if not found then
    raise exception 'no such change' using errcode = 'P0001', constraint = 'product_changes_missing';
  elsif v_change.undone_at is not null then
    raise exception 'undone already' using errcode = 'P0001', constraint = 'product_changes_undone';
  end if;
  -- Both tables are read by their keys and joined by hashing: where the planner takes many rows for a few, nested loops
  -- would compare each with each.
  select array_agg(i.product_id) into v_ids
  from public.product_change_items i
  where i.org_id = p_org_id and i.change_id = p_change_id;
  perform from public.products p
  where p.org_id = p_org_id and p.id = any (v_ids)
  order by p.id
  for no key update;

  update public.product_change_items i
  set left_alone = true
  from public.products p
  where i.org_id = p_org_id and i.change_id = p_change_id and p.org_id = p_org_id and p.id = any (v_ids)
    and p.id = i.product_id
    and case v_change.kind
      when 'price' then p.price <> i.new_price else p.is_active <> (v_change.kind = 'restore')
    end;
  get diagnostics kept = row_count;
  if v_change.kind = 'price' then
    update public.products p
    set price = i.old_price
    from public.product_change_items i
    where i.org_id = p_org_id and i.change_id = p_change_id and not i.left_alone
      and p.org_id = p_org_id and p.id = any (v_ids) and p.id = i.product_id;
  else
    update public.products p
    set is_active = (v_change.kind = 'archive')
    from public.product_change_items i
    where i.org_id = p_org_id and i.change_id = p_change_id and not i.left_alone
      and p.org_id = p_org_id and p.id = any (v_ids) and p.id = i.product_id;
  end if;
  get diagnostics undone = row_count;
  update public.product_changes c
  set undone_at = clock_timestamp(), undone_by = auth.uid(), restored = undone
  where c.org_id = p_org_id and c.id = p_change_id;
end
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.audit_product_changes()",
        """create or replace function rowhouse.audit_product_changes() returns trigger
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
    select n.org_id, n.id, null::uuid, v_user, now(), v_now, 'product_changes', 'insert',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        n.kind, n.percent, n.changed, n.undone_at, n.restored
      ) r)
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data)
    select o.org_id, o.id, null::uuid, v_user, now(), v_now, 'product_changes', 'delete',
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      (select to_jsonb(r) from (select
        o.kind, o.percent, o.changed, o.undone_at, o.restored
      ) r)
    from old_rows o;
  else
    insert into public.audit_log
      (org_id, record_id, parent_id, user_id, at, written_at, table_name, action, id, old_data, new_data)
    select coalesce(n.org_id, o.org_id), coalesce(n.id, o.id),
      null::uuid, v_user, now(), v_now, 'product_changes',
      (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update'
      end)::public.audit_action,
      (v_ids || lpad(to_hex(row_number() over ()), 12, '0'))::uuid,
      case when o.id is not null then (select to_jsonb(r) from (select
        o.kind, o.percent, o.changed, o.undone_at, o.restored
      ) r) end,
      case when n.id is not null then (select to_jsonb(r) from (select
        n.kind, n.percent, n.changed, n.undone_at, n.restored
      ) r) end
    from old_rows o
    full join new_rows n on (o.org_id, o.id) = (n.org_id, n.id)
    where row(
      o.kind, o.percent, o.changed, o.undone_at, o.restored
    ) is distinct from row(
      n.kind, n.percent, n.changed, n.undone_at, n.restored
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
        "product_changes_audit_insert",
        "public.product_changes",
        """create trigger product_changes_audit_insert after insert on public.product_changes
referencing new table as new_rows
for each statement execute function rowhouse.audit_product_changes()""",
    ),
    Trigger(
        "product_changes_audit_update",
        "public.product_changes",
        """create trigger product_changes_audit_update after update on public.product_changes
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_product_changes()""",
    ),
    Trigger(
        "product_changes_audit_delete",
        "public.product_changes",
        """create trigger product_changes_audit_delete after delete on public.product_changes
referencing old table as old_rows
for each statement execute function rowhouse.audit_product_changes()""",
    ),
)


def upgrade() -> None:
    op.run_sql("create type public.product_change_kind as enum ('archive', 'restore', 'price')")
    op.create_table(
        "product_changes",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("percent", sa.Numeric(6, 2), nullable=True),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", STAMP, nullable=True),
        sa.Column("restored", sa.Integer(), nullable=True),
        sa.CheckConstraint("(kind = 'price') = (percent is not null)", name=op.f("product_changes_kind_check")),
        sa.CheckConstraint(
            "percent between -99.99 and 1000 and percent <> 0", name=op.f("product_changes_percent_check")
        ),
        sa.CheckConstraint("changed > 0", name=op.f("product_changes_changed_check")),
        sa.CheckConstraint("(undone_at is null) = (restored is null)", name=op.f("product_changes_undone_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("product_changes_org_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["profiles.id"], name=op.f("product_changes_created_by_fkey"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["profiles.id"], name=op.f("product_changes_undone_by_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("product_changes_pkey")),
    )
    op.create_index(op.f("product_changes_org_id_created_at_id_idx"), "product_changes", ["org_id", "created_at", "id"])
    op.create_table(
        "product_change_items",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("old_price", sa.Numeric(12, 2), nullable=True),
        sa.Column("new_price", sa.Numeric(12, 2), nullable=True),
        sa.Column("left_alone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("(old_price is null) = (new_price is null)", name=op.f("product_change_items_prices_check")),
        sa.ForeignKeyConstraint(
            ["org_id", "change_id"],
            ["product_changes.org_id", "product_changes.id"],
            name=op.f("product_change_items_org_id_change_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "product_id"],
            ["products.org_id", "products.id"],
            name=op.f("product_change_items_org_id_product_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "change_id", "product_id", name=op.f("product_change_items_pkey")),
    )
    op.create_index(
        op.f("product_change_items_org_id_product_id_idx"), "product_change_items", ["org_id", "product_id"]
    )
    for table in TABLES:
        op.revoke_all(table)
        op.enable_row_security(table)
        op.create_policy(table, Policy(f"{table}_read", "select", ("authenticated",), using=MAY_READ))
        op.grant(table, Grant("authenticated", ("select",)))
        op.grant(table, Grant("service_role", ("select",)))
    for function in FUNCTIONS:
        op.create_function(function)
    for trigger in TRIGGERS:
        op.create_trigger(trigger)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for function in reversed(FUNCTIONS):
        op.drop_function(function)
    op.run_sql("drop type public.product_change_kind")
