"""What the local sign-in provider asks of schema auth: functions of schema rowhouse_auth, and the count of attempts.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-20 10:00:00+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from webapp.rls.policy import Function

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

FUNCTIONS = (
    Function(
        "rowhouse_auth.subject(text)",
        """create or replace function rowhouse_auth.subject(p_text text) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select sha256(convert_to(lower(p_text), 'UTF8'))
$$""",
        (),
    ),
    Function(
        "rowhouse_auth.network_of(inet)",
        """create or replace function rowhouse_auth.network_of(p_address inet) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case family(p_address) when 6 then network(set_masklen(p_address, 64))::text else host(p_address) end
$$""",
        (),
    ),
    Function(
        "rowhouse_auth.count_attempt(text, text, integer, interval)",
        """create or replace function rowhouse_auth.count_attempt(
  p_kind text, p_subject text, p_limit integer, p_window interval
) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subject bytea := rowhouse_auth.subject(p_subject);
  v_now timestamptz := clock_timestamp();
  v_ends timestamptz;
begin
  insert into rowhouse_auth.attempts as a (kind, subject, attempts, window_ends)
  values (p_kind, v_subject, 1, v_now + p_window)
  on conflict (kind, subject) do update set
    attempts = case when a.window_ends <= v_now then 1 else a.attempts + 1 end,
    window_ends = case when a.window_ends <= v_now then v_now + p_window else a.window_ends end
  where a.window_ends <= v_now or a.attempts < p_limit;
  if found then
    return 0;
  end if;
  select a.window_ends into v_ends from rowhouse_auth.attempts a where a.kind = p_kind and a.subject = v_subject;
  return greatest(1, ceil(extract(epoch from v_ends - v_now)))::integer;
end
$$""",
        (),
    ),
    Function(
        "rowhouse_auth.release_attempt(text, text)",
        """create or replace function rowhouse_auth.release_attempt(p_kind text, p_subject text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update rowhouse_auth.attempts a set attempts = a.attempts - 1
  where a.kind = p_kind and a.subject = rowhouse_auth.subject(p_subject) and a.attempts > 0;
end
$$""",
        (),
    ),
    Function(
        "rowhouse_auth.forget_attempts()",
        """create or replace function rowhouse_auth.forget_attempts() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from rowhouse_auth.attempts a
  using (
    select o.kind, o.subject from rowhouse_auth.attempts o
    where o.window_ends < clock_timestamp()
    limit 20
    for update skip locked
  ) old
  where a.kind = old.kind and a.subject = old.subject;
end
$$""",
        (),
    ),
    Function(
        "rowhouse_auth.start_session(uuid, inet, text, text, interval)",
        """create or replace function rowhouse_auth.start_session(
  p_user_id uuid, p_address inet, p_user_agent text, p_token text, p_lifetime interval
) returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_session uuid := gen_random_uuid();
begin
  -- The account's row first: two sign-ins of one person then clear away the same old sessions one after the other.
  update auth.users u set last_sign_in_at = v_now, updated_at = v_now where u.id = p_user_id;
  delete from auth.sessions s where s.user_id = p_user_id and s.not_after <= v_now;
  insert into auth.sessions (id, user_id, created_at, updated_at, aal, not_after, user_agent, ip)
  values (v_session, p_user_id, v_now, v_now, 'aal1', v_now + p_lifetime, left(p_user_agent, 500), p_address);
  insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, session_id)
  values ('00000000-0000-0000-0000-000000000000', p_token, p_user_id::text, false, v_now, v_now, v_session);
  return v_session;
end
$$""",
        (),
    ),
    Function(
        "rowhouse_auth.begin_sign_in(text, inet, integer, integer, interval)",
        """create or replace function rowhouse_auth.begin_sign_in(
  p_email text, p_address inet, p_account_limit integer, p_address_limit integer, p_window interval,
  out retry_after integer, out user_id uuid, out password_hash text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  retry_after := 0;
  if p_address is not null then
    retry_after := rowhouse_auth.count_attempt(
      'address', rowhouse_auth.network_of(p_address), p_address_limit, p_window
    );
  end if;
  if retry_after = 0 then
    retry_after := rowhouse_auth.count_attempt('account', p_email, p_account_limit, p_window);
  end if;
  if retry_after = 0 then
    select u.id, u.encrypted_password into user_id, password_hash
    from auth.users u
    where u.email = lower(p_email)
      and not u.is_sso_user
      and u.email_confirmed_at is not null
      and u.deleted_at is null
      and (u.banned_until is null or u.banned_until <= clock_timestamp());
  end if;
  perform rowhouse_auth.forget_attempts();
end
$$""",
        ("rowhouse_signin",),
    ),
    Function(
        "rowhouse_auth.open_session(uuid, text, text, inet, text, text, interval)",
        """create or replace function rowhouse_auth.open_session(
  p_user_id uuid, p_password_hash text, p_email text, p_address inet, p_user_agent text, p_token text,
  p_lifetime interval,
  out session_id uuid, out email text, out app_metadata jsonb
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_address is not null then
    perform rowhouse_auth.release_attempt('address', rowhouse_auth.network_of(p_address));
  end if;
  perform rowhouse_auth.release_attempt('account', p_email);
  select u.email, coalesce(u.raw_app_meta_data, '{}') into email, app_metadata
  from auth.users u
  where u.id = p_user_id and u.email = lower(p_email) and u.encrypted_password = p_password_hash
  for no key update;
  if found then
    session_id := rowhouse_auth.start_session(p_user_id, p_address, p_user_agent, p_token, p_lifetime);
  end if;
end
$$""",
        ("rowhouse_signin",),
    ),
    Function(
        "rowhouse_auth.begin_sign_up(inet, integer, interval)",
        """create or replace function rowhouse_auth.begin_sign_up(
  p_address inet, p_limit integer, p_window interval, out retry_after integer
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  retry_after := 0;
  if p_address is not null then
    retry_after := rowhouse_auth.count_attempt('sign-up', rowhouse_auth.network_of(p_address), p_limit, p_window);
  end if;
  perform rowhouse_auth.forget_attempts();
end
$$""",
        ("rowhouse_signin",),
    ),
    Function(
        "rowhouse_auth.create_account(text, text, text, inet, text, text, interval)",
        """create or replace function rowhouse_auth.create_account(
  p_email text, p_password_hash text, p_full_name text, p_address inet, p_user_agent text, p_token text,
  p_lifetime interval,
  out user_id uuid, out session_id uuid, out email text, out app_metadata jsonb
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  -- No e-mail is sent, so the address counts as confirmed at once.
  insert into auth.users as u (
    instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
    raw_user_meta_data, created_at, updated_at, is_sso_user, is_anonymous
  )
  values (
    '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', lower(p_email),
    p_password_hash, v_now, jsonb_build_object('provider', 'email', 'providers', jsonb_build_array('email')),
    jsonb_build_object('full_name', coalesce(p_full_name, '')), v_now, v_now, false, false
  )
  on conflict do nothing
  returning u.id, u.email, u.raw_app_meta_data into user_id, email, app_metadata;
  if user_id is not null then
    insert into auth.identities (
      provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at
    )
    values (
      user_id::text, user_id, jsonb_build_object('sub', user_id::text, 'email', email, 'email_verified', false,
        'phone_verified', false), 'email', v_now, v_now, v_now
    );
    session_id := rowhouse_auth.start_session(user_id, p_address, p_user_agent, p_token, p_lifetime);
  end if;
end
$$""",
        ("rowhouse_signin",),
    ),
    Function(
        "rowhouse_auth.rotate_token(text, text, interval)",
        """create or replace function rowhouse_auth.rotate_token(
  p_token text, p_child text, p_idle interval,
  out outcome text, out user_id uuid, out session_id uuid, out email text, out app_metadata jsonb
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz;
  v_session uuid;
  v_revoked boolean;
  v_child text;
  v_child_used boolean;
begin
  outcome := 'ended';
  select t.session_id into v_session from auth.refresh_tokens t where t.token = p_token;
  perform from auth.sessions s where s.id = v_session for no key update;
  v_now := clock_timestamp();
  select t.revoked, u.id, s.id, u.email, coalesce(u.raw_app_meta_data, '{}')
  into v_revoked, user_id, session_id, email, app_metadata
  from auth.refresh_tokens t
  join auth.sessions s on s.id = t.session_id
  join auth.users u on u.id = s.user_id
  where t.token = p_token
    and (s.not_after is null or s.not_after > v_now)
    and coalesce(s.refreshed_at at time zone 'UTC', s.created_at) > v_now - p_idle
    and u.deleted_at is null
    and (u.banned_until is null or u.banned_until <= v_now);
  if not found then
    return;
  end if;
  if not coalesce(v_revoked, false) then
    update auth.refresh_tokens t set revoked = true, updated_at = v_now where t.token = p_token;
    insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
    values ('00000000-0000-0000-0000-000000000000', p_child, user_id::text, false, v_now, v_now, p_token, v_session);
    update auth.sessions s set refreshed_at = v_now at time zone 'UTC', updated_at = v_now where s.id = v_session;
    outcome := 'rotated';
    return;
  end if;
  select t.token, t.revoked into v_child, v_child_used
  from auth.refresh_tokens t
  where t.parent = p_token and t.session_id = v_session;
  if v_child_used then
    delete from auth.sessions s where s.id = v_session;
    outcome := 'reused';
  elsif v_child = p_child then
    outcome := 'reissued';
  end if;
end
$$""",
        ("rowhouse_signin",),
    ),
    Function(
        "rowhouse_auth.close_session(text)",
        """create or replace function rowhouse_auth.close_session(p_token text) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from auth.sessions s using auth.refresh_tokens t where t.token = p_token and s.id = t.session_id;
  return found;
end
$$""",
        ("rowhouse_signin",),
    ),
    Function(
        "rowhouse_auth.end_session(uuid, uuid)",
        """create or replace function rowhouse_auth.end_session(p_user_id uuid, p_session_id uuid) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from auth.sessions s where s.id = p_session_id and s.user_id = p_user_id;
  return found;
end
$$""",
        ("rowhouse_signin",),
    ),
)


def upgrade() -> None:
    op.run_sql("create schema rowhouse_auth")
    op.run_sql("revoke all on schema rowhouse_auth from public, anon, authenticated, service_role")
    op.run_sql("grant usage on schema rowhouse_auth to rowhouse_signin")
    op.create_table(
        "attempts",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("window_ends", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("attempts_pkey")),
        schema="rowhouse_auth",
    )
    op.create_index(op.f("attempts_window_ends_idx"), "attempts", ["window_ends"], schema="rowhouse_auth")
    op.revoke_all("attempts", schema="rowhouse_auth")
    op.enable_row_security("attempts", schema="rowhouse_auth")
    for function in FUNCTIONS:
        op.create_function(function)


def downgrade() -> None:
    for function in reversed(FUNCTIONS):
        op.drop_function(function)
    op.drop_table("attempts", schema="rowhouse_auth")
    op.run_sql("drop schema rowhouse_auth")
