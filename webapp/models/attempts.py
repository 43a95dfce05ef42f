"""How often somebody tried to sign in or up: one count for each account and each address, kept by functions."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from webapp.models.base import Base
from webapp.rls.policy import Function, RowSecurity

SCHEMA: Final = "rowhouse_auth"

# One row per account or address that has failed of late; no grant and no policy, so that only the functions see it.
# ``subject`` is a SHA-256, since people type passwords into the field for the e-mail address.
ATTEMPTS = Table(
    "attempts",
    Base.metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("window_ends", TIMESTAMP(timezone=True), nullable=False, index=True),
    schema=SCHEMA,
    info=RowSecurity().as_info(),
)

SUBJECT = Function(
    "rowhouse_auth.subject(text)",
    """create or replace function rowhouse_auth.subject(p_text text) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select sha256(convert_to(lower(p_text), 'UTF8'))
$$""",
)

# An IPv6 customer holds a /64 at the least, and may use any address of it.
NETWORK_OF = Function(
    "rowhouse_auth.network_of(inet)",
    """create or replace function rowhouse_auth.network_of(p_address inet) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case family(p_address) when 6 then network(set_masklen(p_address, 64))::text else host(p_address) end
$$""",
)

# The row's lock makes the count exact, however many workers ask at once. A refused attempt is not counted, so an
# attempt that is given back (RELEASE) always frees one place.
COUNT_ATTEMPT = Function(
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
)

RELEASE_ATTEMPT = Function(
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
)

# Called last in a transaction, and never waits: it skips what others hold, so it closes no circle of locks.
FORGET_ATTEMPTS = Function(
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
)

ATTEMPT_FUNCTIONS: tuple[Function, ...] = (SUBJECT, NETWORK_OF, COUNT_ATTEMPT, RELEASE_ATTEMPT, FORGET_ATTEMPTS)
