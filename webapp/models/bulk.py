"""Changes of many products at once, kept item by item so that they can be undone."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, ForeignKeyConstraint, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.audited import Audited, Unaudited
from webapp.models.base import Base, Created, Id
from webapp.models.organizations import Organization
from webapp.rls.policy import Function, Grant, Policy, RowSecurity, Trigger

_PEOPLE = ("authenticated", "service_role")
_MAY_READ = "org_id = any ((select rowhouse.member_orgs())::uuid[])"
# Written by the functions below and by nobody else: an item that somebody could add to another's change would be
# applied to a product by whoever undoes it, in their name.
_GRANTS = (
    Grant("authenticated", ("select",)),
    Grant("service_role", ("select",)),
)


class ChangeKind(enum.StrEnum):
    """Name what can be done to many products."""

    ARCHIVE = "archive"
    RESTORE = "restore"
    PRICE = "price"


product_change_kind = Enum(
    ChangeKind, name="product_change_kind", schema="public", values_callable=lambda kinds: [k.value for k in kinds]
)


class ProductChange(Base):
    """One change of many products, as one person asked for it; made and undone by the functions below alone."""

    __tablename__ = "product_changes"
    __table_args__ = (
        CheckConstraint("(kind = 'price') = (percent is not null)", name="kind"),
        CheckConstraint("percent between -99.99 and 1000 and percent <> 0", name="percent"),
        CheckConstraint("changed > 0", name="changed"),
        CheckConstraint("(undone_at is null) = (restored is null)", name="undone"),
        Index(None, "org_id", "created_at", "id"),
        {
            "info": RowSecurity(
                policies=(Policy("product_changes_read", "select", ("authenticated",), using=_MAY_READ),),
                grants=_GRANTS,
            ).as_info()
            | Audited(
                ("kind", "percent", "changed", "undone_at", "restored"),
                omitted=("created_by", "created_at", "undone_by"),  # who and when stand in every entry
            ).as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey(Organization.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id]
    kind: Mapped[ChangeKind] = mapped_column(product_change_kind)
    percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    changed: Mapped[int]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    created_at: Mapped[Created]
    undone_by: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    undone_at: Mapped[datetime | None]
    # How many products had their old value again after undoing; the others had been changed meanwhile.
    restored: Mapped[int | None]


class ProductChangeItem(Base):
    """One product of a change; its prices where the change was one of prices.

    ``left_alone`` says that undoing found another value than the change had given, and kept it.
    """

    __tablename__ = "product_change_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "change_id"], ["product_changes.org_id", "product_changes.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["org_id", "product_id"], ["products.org_id", "products.id"], ondelete="CASCADE"),
        CheckConstraint("(old_price is null) = (new_price is null)", name="prices"),
        # For deleting products: without it each one would have all items of the organisation read.
        Index(None, "org_id", "product_id"),
        {
            "info": RowSecurity(
                policies=(Policy("product_change_items_read", "select", ("authenticated",), using=_MAY_READ),),
                grants=_GRANTS,
            ).as_info()
            | Unaudited("The entries of the products themselves say the same.").as_info()
        },
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    change_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    old_price: Mapped[Decimal | None]
    new_price: Mapped[Decimal | None]
    left_alone: Mapped[bool] = mapped_column(server_default=text("false"))


# Both plan for the ids at hand, which they then look up by hashing. A plan that is kept for the session, and was made
# for three products, would compare each of ten thousand with each.
CHANGE_PRODUCTS = Function(
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
    _PEOPLE,
)

UNDO_PRODUCT_CHANGE = Function(
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
    _PEOPLE,
)

FUNCTIONS: tuple[Function, ...] = (CHANGE_PRODUCTS, UNDO_PRODUCT_CHANGE)
TRIGGERS: tuple[Trigger, ...] = ()
