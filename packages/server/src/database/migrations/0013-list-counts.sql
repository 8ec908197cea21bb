-- Exact totals of long lists without counting their rows. Every change of a counted table adds its differences, in its
-- own transaction and without touching a row that others wait for; now and then they are folded into the counts.
CREATE TABLE list_counts (
  list text NOT NULL,
  -- What is counted, such as `all`, `owner=<id>` or `connector=<id>&state=failed`.
  key text NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (list, key)
);
CREATE TABLE list_count_changes (
  list text NOT NULL,
  key text NOT NULL,
  n bigint NOT NULL
);
CREATE INDEX list_count_changes_key ON list_count_changes (list, key) INCLUDE (n);

-- Whether any version is released, where the list of connectors can find it by an index.
ALTER TABLE connectors ADD COLUMN released boolean NOT NULL DEFAULT false;
UPDATE connectors c SET released = true
WHERE EXISTS (SELECT 1 FROM connector_versions v WHERE v.connector_id = c.id AND v.released);
CREATE INDEX connectors_released ON connectors (released, created_at DESC, id DESC) WHERE deleted_at IS NULL;

CREATE FUNCTION keep_connector_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE connectors c SET released = NOT c.released
  WHERE c.id IN (SELECT connector_id FROM changed WHERE released)
    AND c.released <> EXISTS (SELECT 1 FROM connector_versions v WHERE v.connector_id = c.id AND v.released);
  RETURN NULL;
END $$;
CREATE TRIGGER connector_versions_inserted AFTER INSERT ON connector_versions
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_connector_released();
CREATE TRIGGER connector_versions_deleted AFTER DELETE ON connector_versions
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_connector_released();
-- A version is released by one update and withdrawn by another: each shows in one of the two tables.
CREATE TRIGGER connector_versions_released AFTER UPDATE ON connector_versions
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_connector_released();
CREATE TRIGGER connector_versions_withdrawn AFTER UPDATE ON connector_versions
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_connector_released();

-- Connectors outside of the bin, by any of owner, type and released.
CREATE FUNCTION connector_count_keys(owner uuid, type text, released boolean) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(concat_ws('&', o, t, r))
  FROM unnest(ARRAY['all', 'owner=' || owner]) o, unnest(ARRAY[NULL, 'type=' || type]) t,
    unnest(ARRAY[NULL, 'released=' || released]) r
$$;

CREATE FUNCTION count_connectors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO list_count_changes
    SELECT 'connectors', key, count(*) FROM new_rows c, unnest(connector_count_keys(c.owner_id, c.type, c.released)) key
    WHERE c.deleted_at IS NULL GROUP BY key;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO list_count_changes
    SELECT 'connectors', key, -count(*) FROM old_rows c, unnest(connector_count_keys(c.owner_id, c.type, c.released)) key
    WHERE c.deleted_at IS NULL GROUP BY key;
  ELSE
    INSERT INTO list_count_changes
    SELECT 'connectors', key, sum(n)
    FROM (
      SELECT c.owner_id, c.type, c.released, 1 AS n FROM new_rows c WHERE c.deleted_at IS NULL
      UNION ALL SELECT c.owner_id, c.type, c.released, -1 FROM old_rows c WHERE c.deleted_at IS NULL
    ) moved, unnest(connector_count_keys(moved.owner_id, moved.type, moved.released)) key
    GROUP BY key HAVING sum(n) <> 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER connectors_counted_in AFTER INSERT ON connectors
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_connectors();
CREATE TRIGGER connectors_counted_out AFTER DELETE ON connectors
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_connectors();
CREATE TRIGGER connectors_counted_over AFTER UPDATE ON connectors
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_connectors();

-- Runs: all, of a connector, or on a site; each also by state. Only the state of a run ever changes.
CREATE FUNCTION run_count_keys(connector uuid, site integer, state text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(concat_ws('&', scope, s))
  FROM unnest(ARRAY['all', 'connector=' || connector, 'site=' || site]) scope,
    unnest(ARRAY[NULL, 'state=' || state]) s
$$;

CREATE FUNCTION count_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO list_count_changes
    SELECT 'runs', key, count(*) FROM new_rows r, unnest(run_count_keys(r.connector_id, r.site_id, r.state)) key GROUP BY key;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO list_count_changes
    SELECT 'runs', key, -count(*) FROM old_rows r, unnest(run_count_keys(r.connector_id, r.site_id, r.state)) key GROUP BY key;
  ELSIF EXISTS (SELECT connector_id, site_id, state FROM old_rows EXCEPT ALL SELECT connector_id, site_id, state FROM new_rows) THEN
    INSERT INTO list_count_changes
    SELECT 'runs', key, sum(n)
    FROM (
      SELECT connector_id, site_id, state, 1 AS n FROM new_rows
      UNION ALL SELECT connector_id, site_id, state, -1 FROM old_rows
    ) moved, unnest(run_count_keys(moved.connector_id, moved.site_id, moved.state)) key
    GROUP BY key HAVING sum(n) <> 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER runs_counted_in AFTER INSERT ON runs
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_runs();
CREATE TRIGGER runs_counted_out AFTER DELETE ON runs
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_runs();
CREATE TRIGGER runs_counted_over AFTER UPDATE ON runs
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_runs();

INSERT INTO list_counts
SELECT 'connectors', key, count(*) FROM connectors c, unnest(connector_count_keys(c.owner_id, c.type, c.released)) key
WHERE c.deleted_at IS NULL GROUP BY key;
INSERT INTO list_counts
SELECT 'runs', key, count(*) FROM runs r, unnest(run_count_keys(r.connector_id, r.site_id, r.state)) key GROUP BY key;

-- "Contains" finds names by their groups of three letters. A server without this extension looks through all names.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX connectors_name ON connectors USING gin (name gin_trgm_ops) WHERE deleted_at IS NULL;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
  RAISE NOTICE 'pg_trgm is not available: filters by name are slower';
END $$;
