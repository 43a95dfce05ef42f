-- Written by 'rowhouse migrations export' from migrations/versions/0006_imports.py. Change that, not this.

SET lock_timeout = '5s';

SET statement_timeout = '10min';

SET search_path = 'public';

-- Running upgrade 0005 -> 0006

CREATE TABLE product_imports (
    org_id UUID NOT NULL, 
    id UUID DEFAULT rowhouse.uuid_v7() NOT NULL, 
    created_by UUID DEFAULT rowhouse.user_id() NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    file_name TEXT NOT NULL, 
    size BIGINT NOT NULL, 
    encoding TEXT, 
    delimiter TEXT NOT NULL, 
    header TEXT[] NOT NULL, 
    columns JSONB DEFAULT '{}' NOT NULL, 
    status TEXT DEFAULT 'uploaded' NOT NULL, 
    run UUID, 
    heartbeat TIMESTAMP WITH TIME ZONE, 
    progress INTEGER DEFAULT 0 NOT NULL, 
    lines INTEGER DEFAULT 0 NOT NULL, 
    good INTEGER DEFAULT 0 NOT NULL, 
    bad INTEGER DEFAULT 0 NOT NULL, 
    to_make INTEGER DEFAULT 0 NOT NULL, 
    to_change INTEGER DEFAULT 0 NOT NULL, 
    to_keep INTEGER DEFAULT 0 NOT NULL, 
    trouble TEXT, 
    mode TEXT, 
    made INTEGER, 
    changed INTEGER, 
    unchanged INTEGER, 
    left_out INTEGER, 
    finished_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT product_imports_pkey PRIMARY KEY (org_id, id), 
    CONSTRAINT product_imports_delimiter_check CHECK (length(delimiter) = 1), 
    CONSTRAINT product_imports_file_name_check CHECK (length(file_name) between 1 and 255), 
    CONSTRAINT product_imports_mode_check CHECK (mode in ('all', 'good')), 
    CONSTRAINT product_imports_header_check CHECK (cardinality(header) <= 1000 and length(header::text) <= 1000000), 
    CONSTRAINT product_imports_trouble_check CHECK (length(trouble) <= 2000), 
    CONSTRAINT product_imports_counts_check CHECK (least(size, lines, made, changed, unchanged, left_out) >= 0), 
    CONSTRAINT product_imports_status_check CHECK (status in ('uploaded', 'checking', 'checked', 'applying', 'done')), 
    CONSTRAINT product_imports_org_id_fkey FOREIGN KEY(org_id) REFERENCES organizations (id) ON DELETE CASCADE, 
    CONSTRAINT product_imports_created_by_fkey FOREIGN KEY(created_by) REFERENCES profiles (id) ON DELETE CASCADE, 
    CONSTRAINT product_imports_org_id_created_by_id_key UNIQUE (org_id, created_by, id)
);

CREATE TABLE product_import_chunks (
    org_id UUID NOT NULL, 
    import_id UUID NOT NULL, 
    position INTEGER NOT NULL, 
    created_by UUID NOT NULL, 
    piece BYTEA NOT NULL, 
    CONSTRAINT product_import_chunks_pkey PRIMARY KEY (org_id, import_id, position), 
    CONSTRAINT product_import_chunks_org_id_created_by_import_id_fkey FOREIGN KEY(org_id, created_by, import_id) REFERENCES product_imports (org_id, created_by, id) ON DELETE CASCADE, 
    CONSTRAINT product_import_chunks_piece_check CHECK (octet_length(piece) <= 1048576 and position between 0 and 4095)
);

CREATE TABLE product_import_lines (
    org_id UUID NOT NULL, 
    import_id UUID NOT NULL, 
    line INTEGER NOT NULL, 
    created_by UUID NOT NULL, 
    is_good BOOLEAN NOT NULL, 
    sku TEXT, 
    name TEXT, 
    description TEXT, 
    price NUMERIC(12, 2), 
    stock INTEGER, 
    is_active BOOLEAN, 
    CONSTRAINT product_import_lines_pkey PRIMARY KEY (org_id, import_id, line), 
    CONSTRAINT product_import_lines_org_id_created_by_import_id_fkey FOREIGN KEY(org_id, created_by, import_id) REFERENCES product_imports (org_id, created_by, id) ON DELETE CASCADE, 
    CONSTRAINT product_import_lines_line_check CHECK (line > 0 and stock >= 0 and price >= 0 and price < 'NaN')
);

CREATE TABLE product_import_errors (
    org_id UUID NOT NULL, 
    import_id UUID NOT NULL, 
    line INTEGER NOT NULL, 
    place INTEGER NOT NULL, 
    created_by UUID NOT NULL, 
    column_name TEXT NOT NULL, 
    value TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    CONSTRAINT product_import_errors_pkey PRIMARY KEY (org_id, import_id, line, place), 
    CONSTRAINT product_import_errors_org_id_created_by_import_id_fkey FOREIGN KEY(org_id, created_by, import_id) REFERENCES product_imports (org_id, created_by, id) ON DELETE CASCADE, 
    CONSTRAINT product_import_errors_words_check CHECK (line >= 0 and place >= 0 and greatest(length(column_name), length(value), length(reason)) <= 2000)
);

REVOKE ALL ON TABLE public.product_imports FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.product_imports ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.product_imports FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.product_import_chunks FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.product_import_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.product_import_chunks FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.product_import_lines FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.product_import_lines ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.product_import_lines FORCE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE public.product_import_errors FROM PUBLIC, anon, authenticated, service_role;

ALTER TABLE public.product_import_errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.product_import_errors FORCE ROW LEVEL SECURITY;

CREATE POLICY product_imports_read ON public.product_imports
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_imports_create ON public.product_imports
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_imports_change ON public.product_imports
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()))
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_imports_delete ON public.product_imports
  AS PERMISSIVE
  FOR DELETE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_chunks_read ON public.product_import_chunks
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_chunks_create ON public.product_import_chunks
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_chunks_delete ON public.product_import_chunks
  AS PERMISSIVE
  FOR DELETE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_lines_read ON public.product_import_lines
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_lines_create ON public.product_import_lines
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_lines_change ON public.product_import_lines
  AS PERMISSIVE
  FOR UPDATE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()))
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_lines_delete ON public.product_import_lines
  AS PERMISSIVE
  FOR DELETE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_errors_read ON public.product_import_errors
  AS PERMISSIVE
  FOR SELECT TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_errors_create ON public.product_import_errors
  AS PERMISSIVE
  FOR INSERT TO authenticated
  WITH CHECK (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

CREATE POLICY product_import_errors_delete ON public.product_import_errors
  AS PERMISSIVE
  FOR DELETE TO authenticated
  USING (org_id = any ((select rowhouse.writer_orgs())::uuid[]) and created_by = (select rowhouse.user_id()));

GRANT SELECT, DELETE ON TABLE public.product_imports TO authenticated;

GRANT INSERT (org_id, id, file_name, size, encoding, delimiter, header, columns, lines) ON TABLE public.product_imports TO authenticated;

GRANT UPDATE (encoding, delimiter, header, columns, status, run, heartbeat, progress, lines, good, bad, to_make, to_change, to_keep, trouble, finished_at, mode, made, changed, unchanged, left_out) ON TABLE public.product_imports TO authenticated;

GRANT SELECT ON TABLE public.product_imports TO service_role;

GRANT SELECT, DELETE ON TABLE public.product_import_chunks TO authenticated;

GRANT INSERT (org_id, import_id, created_by, position, piece) ON TABLE public.product_import_chunks TO authenticated;

GRANT SELECT ON TABLE public.product_import_chunks TO service_role;

GRANT SELECT, DELETE ON TABLE public.product_import_lines TO authenticated;

GRANT INSERT (org_id, import_id, created_by, line, is_good, sku, name, description, price, stock, is_active) ON TABLE public.product_import_lines TO authenticated;

GRANT UPDATE (is_good) ON TABLE public.product_import_lines TO authenticated;

GRANT SELECT ON TABLE public.product_import_lines TO service_role;

GRANT SELECT, DELETE ON TABLE public.product_import_errors TO authenticated;

GRANT INSERT (org_id, import_id, created_by, line, place, column_name, value, reason) ON TABLE public.product_import_errors TO authenticated;

GRANT SELECT ON TABLE public.product_import_errors TO service_role;

create or replace function rowhouse.audit_product_imports() returns trigger
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
$$;

REVOKE ALL ON ROUTINE rowhouse.audit_product_imports() FROM PUBLIC, anon, authenticated, service_role;

create trigger product_imports_audit_insert after insert on public.product_imports
referencing new table as new_rows
for each statement execute function rowhouse.audit_product_imports();

create trigger product_imports_audit_update after update on public.product_imports
referencing old table as old_rows new table as new_rows
for each statement execute function rowhouse.audit_product_imports();

create trigger product_imports_audit_delete after delete on public.product_imports
referencing old table as old_rows
for each statement execute function rowhouse.audit_product_imports();

UPDATE rowhouse.alembic_version SET version_num='0006' WHERE rowhouse.alembic_version.version_num = '0005';
