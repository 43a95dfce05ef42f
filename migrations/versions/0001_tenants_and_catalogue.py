"""The tenants, their members and their catalogue, with everything that decides who sees a row.

Revision ID: 0001
Revises:
Create Date: 2026-11-20 09:00:00+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from webapp.rls.policy import Function, Grant, Policy, Trigger

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

NOW = sa.text("now()")
UUID_V7 = sa.text("rowhouse.uuid_v7()")
STAMP = sa.TIMESTAMP(timezone=True)
MEMBER_ROLE = postgresql.ENUM(
    "viewer", "member", "admin", "owner", name="member_role", schema="public", create_type=False
)

# The words of a product: runs of letters and digits, so that "nut/bolt" is two and AC-1309 is no negative number.
SEARCHED = (
    "to_tsvector('simple'::regconfig,"
    " regexp_replace((((name || ' ') || sku) || ' ') || description, '[^[:alnum:]]+', ' ', 'g'))"
)

# The login roles come without a password, so nobody can use them before an operator sets one. Temporary tables would
# outlive their transaction on a pooler's connection and shadow real ones.
ROLES = """
do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'rowhouse_web') then
    create role rowhouse_web login noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'rowhouse_signin') then
    create role rowhouse_signin login noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'rowhouse_inspector') then
    create role rowhouse_inspector login noinherit;
  end if;
  grant anon, authenticated to rowhouse_web;
  grant anon, authenticated, service_role to rowhouse_inspector;
  execute format('revoke temporary on database %I from public', current_database());
end
$$
"""

BEFORE_TABLES = (
    Function(
        "rowhouse.uuid_v7()",
        """create or replace function rowhouse.uuid_v7() returns uuid
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select encode(
    set_bit(
      set_bit(
        overlay(
          uuid_send(gen_random_uuid())
          placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
          from 1 for 6
        ),
        52, 1
      ),
      53, 1
    ),
    'hex'
  )::uuid
$$""",
        ("anon", "authenticated", "service_role"),
    ),
)

FUNCTIONS = (
    Function(
        "rowhouse.session_alive()",
        """create or replace function rowhouse.session_alive() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from auth.sessions s
    join auth.users u on u.id = s.user_id
    where s.id = (auth.jwt() ->> 'session_id')::uuid
      and s.user_id = auth.uid()
      and (s.not_after is null or s.not_after > now())
      and u.deleted_at is null
      and (u.banned_until is null or u.banned_until <= now())
  )
$$""",
        ("anon", "authenticated", "service_role"),
    ),
    Function(
        "rowhouse.user_id()",
        """create or replace function rowhouse.user_id() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when rowhouse.session_alive() then auth.uid() end
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.member_orgs()",
        """create or replace function rowhouse.member_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('viewer', 'member', 'admin', 'owner') and rowhouse.session_alive()
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.writer_orgs()",
        """create or replace function rowhouse.writer_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('member', 'admin', 'owner') and rowhouse.session_alive()
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.admin_orgs()",
        """create or replace function rowhouse.admin_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('admin', 'owner') and rowhouse.session_alive()
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.owner_orgs()",
        """create or replace function rowhouse.owner_orgs() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.org_id), '{}'::uuid[])
  from public.memberships m
  where m.user_id = auth.uid() and m.role in ('owner') and rowhouse.session_alive()
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.fellow_members()",
        """create or replace function rowhouse.fellow_members() returns uuid[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct theirs.user_id), '{}'::uuid[])
  from public.memberships theirs
  where theirs.org_id = any (rowhouse.member_orgs())
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.schema_revision()",
        """create or replace function rowhouse.schema_revision() returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select v.version_num::text from rowhouse.alembic_version v
$$""",
        ("anon", "authenticated", "service_role"),
    ),
    Function(
        "rowhouse.touch()",
        """create or replace function rowhouse.touch() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$""",
        (),
    ),
    Function(
        "rowhouse.profile_of_user()",
        """create or replace function rowhouse.profile_of_user() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.profiles (id, email, full_name)
  values (new.id, coalesce(new.email, ''), left(coalesce(new.raw_user_meta_data ->> 'full_name', ''), 120))
  on conflict (id) do update set email = excluded.email;
  return new;
end
$$""",
        (),
    ),
    Function(
        "public.create_organization(text, text, text)",
        """create or replace function public.create_organization(p_name text, p_slug text, p_currency text) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user uuid := rowhouse.user_id();
  v_org uuid;
begin
  if v_user is null then
    raise exception 'sign in first' using errcode = '42501';
  end if;
  insert into public.organizations (name, slug, currency)
  values (btrim(p_name), p_slug, p_currency)
  returning id into v_org;
  insert into public.memberships (org_id, user_id, role) values (v_org, v_user, 'owner');
  return v_org;
end
$$""",
        ("authenticated", "service_role"),
    ),
    Function(
        "rowhouse.last_owner_stays()",
        """create or replace function rowhouse.last_owner_stays() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- The organisation's row is written first, so that two owners who leave at once are judged one after the other; a
  -- lock alone would let both go under REPEATABLE READ. Where it is gone, its memberships go with it.
  update public.organizations o set updated_at = o.updated_at where o.id = old.org_id;
  if found and not exists (
    select from public.memberships m where m.org_id = old.org_id and m.role = 'owner'
  ) then
    raise exception 'an organisation needs an owner' using errcode = 'P0001', constraint = 'memberships_last_owner';
  end if;
  return null;
end
$$""",
        (),
    ),
)

TRIGGERS = (
    Trigger(
        "organizations_touch",
        "public.organizations",
        """create trigger organizations_touch before update on public.organizations
for each row execute function rowhouse.touch()""",
    ),
    Trigger(
        "profiles_touch",
        "public.profiles",
        """create trigger profiles_touch before update on public.profiles
for each row execute function rowhouse.touch()""",
    ),
    Trigger(
        "products_touch",
        "public.products",
        """create trigger products_touch before update on public.products
for each row execute function rowhouse.touch()""",
    ),
    Trigger(
        "memberships_last_owner",
        "public.memberships",
        """create constraint trigger memberships_last_owner after delete or update of role, org_id on public.memberships
deferrable initially immediate for each row when (old.role = 'owner')
execute function rowhouse.last_owner_stays()""",
    ),
    Trigger(
        "rowhouse_profile",
        "auth.users",
        """create trigger rowhouse_profile after insert or update of email on auth.users
for each row execute function rowhouse.profile_of_user()""",
    ),
)

POLICIES = (
    (
        "profiles",
        Policy(
            "profiles_read",
            "select",
            ("authenticated",),
            using=("id = (select rowhouse.user_id()) or id = any ((select rowhouse.fellow_members())::uuid[])"),
        ),
    ),
    (
        "profiles",
        Policy(
            "profiles_change",
            "update",
            ("authenticated",),
            using="id = (select rowhouse.user_id())",
            check="id = (select rowhouse.user_id())",
        ),
    ),
    (
        "organizations",
        Policy(
            "organizations_read",
            "select",
            ("authenticated",),
            using="id = any ((select rowhouse.member_orgs())::uuid[])",
        ),
    ),
    (
        "organizations",
        Policy(
            "organizations_change",
            "update",
            ("authenticated",),
            using="id = any ((select rowhouse.admin_orgs())::uuid[])",
            check="id = any ((select rowhouse.admin_orgs())::uuid[])",
        ),
    ),
    (
        "organizations",
        Policy(
            "organizations_delete",
            "delete",
            ("authenticated",),
            using="id = any ((select rowhouse.owner_orgs())::uuid[])",
        ),
    ),
    (
        "memberships",
        Policy(
            "memberships_read",
            "select",
            ("authenticated",),
            using="org_id = any ((select rowhouse.member_orgs())::uuid[])",
        ),
    ),
    (
        "products",
        Policy(
            "products_read",
            "select",
            ("authenticated",),
            using="org_id = any ((select rowhouse.member_orgs())::uuid[])",
        ),
    ),
    (
        "products",
        Policy(
            "products_create",
            "insert",
            ("authenticated",),
            check="org_id = any ((select rowhouse.writer_orgs())::uuid[])",
        ),
    ),
    (
        "products",
        Policy(
            "products_change",
            "update",
            ("authenticated",),
            using="org_id = any ((select rowhouse.writer_orgs())::uuid[])",
            check="org_id = any ((select rowhouse.writer_orgs())::uuid[])",
        ),
    ),
)

GRANTS = (
    ("profiles", Grant("authenticated", ("select",))),
    ("profiles", Grant("authenticated", ("update",), ("full_name",))),
    ("profiles", Grant("service_role", ("select", "insert", "update", "delete"))),
    ("organizations", Grant("authenticated", ("select", "delete"))),
    ("organizations", Grant("authenticated", ("update",), ("name", "slug", "tax_rate", "currency"))),
    ("organizations", Grant("service_role", ("select", "insert", "update", "delete"))),
    ("memberships", Grant("authenticated", ("select",))),
    ("memberships", Grant("service_role", ("select", "insert", "update", "delete"))),
    ("products", Grant("authenticated", ("select",))),
    (
        "products",
        Grant(
            "authenticated", ("insert",), ("org_id", "id", "name", "description", "price", "sku", "stock", "is_active")
        ),
    ),
    ("products", Grant("authenticated", ("update",), ("name", "description", "price", "sku", "stock", "is_active"))),
    ("products", Grant("service_role", ("select", "insert", "update", "delete"))),
)
TABLES = ("profiles", "organizations", "memberships", "products")


def upgrade() -> None:
    op.run_sql(ROLES)
    op.run_sql("grant usage on schema rowhouse to anon, authenticated, service_role")
    op.run_sql("revoke all on table rowhouse.alembic_version from public, anon, authenticated, service_role")
    op.enable_row_security("alembic_version", schema="rowhouse")
    op.run_sql("create type public.member_role as enum ('viewer', 'member', 'admin', 'owner')")
    for function in BEFORE_TABLES:
        op.create_function(function)

    op.create_table(
        "profiles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("avatar_path", sa.Text(), nullable=True),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("updated_at", STAMP, server_default=NOW, nullable=False),
        sa.CheckConstraint("length(full_name) <= 120", name=op.f("profiles_full_name_check")),
        sa.ForeignKeyConstraint(["id"], ["auth.users.id"], name=op.f("profiles_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("profiles_pkey")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tax_rate", sa.Numeric(5, 4), server_default=sa.text("0"), nullable=False),
        sa.Column("currency", sa.String(3), server_default=sa.text("'EUR'"), nullable=False),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("updated_at", STAMP, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) between 2 and 48", name=op.f("organizations_slug_check")
        ),
        sa.CheckConstraint("length(btrim(name)) between 1 and 120", name=op.f("organizations_name_check")),
        sa.CheckConstraint("tax_rate >= 0 and tax_rate < 1", name=op.f("organizations_tax_rate_check")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("organizations_currency_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("organizations_pkey")),
        sa.UniqueConstraint("slug", name=op.f("organizations_slug_key")),
    )
    op.create_table(
        "memberships",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", MEMBER_ROLE, nullable=False),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("memberships_org_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["profiles.id"], name=op.f("memberships_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "user_id", name=op.f("memberships_pkey")),
    )
    op.create_index(op.f("memberships_user_id_org_id_idx"), "memberships", ["user_id", "org_id"])
    op.create_table(
        "products",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=UUID_V7, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("stock", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("image_path", sa.Text(), nullable=True),
        sa.Column("created_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("updated_at", STAMP, server_default=NOW, nullable=False),
        sa.Column("name_key", sa.Text(), sa.Computed("lower(name)", persisted=True), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(SEARCHED, persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint("length(btrim(name)) between 1 and 200", name=op.f("products_name_check")),
        sa.CheckConstraint("length(description) <= 10000", name=op.f("products_description_check")),
        sa.CheckConstraint("length(btrim(sku)) between 1 and 64", name=op.f("products_sku_check")),
        sa.CheckConstraint("price >= 0", name=op.f("products_price_check")),
        sa.CheckConstraint("stock >= 0", name=op.f("products_stock_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("products_org_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("products_pkey")),
        sa.UniqueConstraint("org_id", "sku", name=op.f("products_org_id_sku_key")),
    )
    op.create_index(op.f("products_org_id_name_key_id_idx"), "products", ["org_id", "name_key", "id"])
    op.create_index(op.f("products_org_id_price_id_idx"), "products", ["org_id", "price", "id"])
    op.create_index(op.f("products_org_id_stock_id_idx"), "products", ["org_id", "stock", "id"])
    op.create_index(op.f("products_org_id_updated_at_id_idx"), "products", ["org_id", "updated_at", "id"])

    for table in TABLES:
        op.revoke_all(table)
        op.enable_row_security(table)
    for function in FUNCTIONS:
        op.create_function(function)
    for table, policy in POLICIES:
        op.create_policy(table, policy)
    for table, grant in GRANTS:
        op.grant(table, grant)
    for trigger in TRIGGERS:
        op.create_trigger(trigger)
    # Accounts that were there before Rowhouse get their profile now; later ones by the trigger.
    op.run_sql(
        "insert into public.profiles (id, email, full_name)"
        " select id, coalesce(email, ''), left(coalesce(raw_user_meta_data ->> 'full_name', ''), 120) from auth.users"
        " on conflict (id) do nothing"
    )


def downgrade() -> None:
    """Take everything away but the login roles, which belong to the cluster and may serve another database."""
    for trigger in reversed(TRIGGERS):
        if trigger.table != "auth.users":
            op.drop_trigger(trigger)
    # Only the owner of auth.users may drop a trigger on it; the function is ours, and takes its trigger along.
    op.run_sql("drop function rowhouse.profile_of_user() cascade")
    for table, policy in reversed(POLICIES):
        op.drop_policy(table, policy)
    for function in reversed(FUNCTIONS):
        if function.signature != "rowhouse.profile_of_user()":
            op.drop_function(function)
    for table in reversed(TABLES):
        op.drop_table(table)
    for function in reversed(BEFORE_TABLES):
        op.drop_function(function)
    op.run_sql("drop type public.member_role")
    op.disable_row_security("alembic_version", schema="rowhouse")
    op.run_sql("revoke usage on schema rowhouse from anon, authenticated, service_role")
