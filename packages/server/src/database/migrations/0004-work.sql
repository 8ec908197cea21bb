-- Background operations (the API calls them states). A row is the work's record and its lease; the queue only wakes
-- a worker, which then claims the row.
CREATE TABLE states (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'done', 'failed')),
  owner_id uuid NOT NULL,
  connector_id uuid NOT NULL,
  version_id uuid NOT NULL,
  major integer NOT NULL,
  config json NOT NULL,
  data json,
  step text,
  -- Steps that are recorded as done; a resumed action goes on behind them.
  steps_done text[] NOT NULL DEFAULT '{}',
  worker_id uuid,
  -- How often a worker took it up; at most three times (the first, and two resumptions).
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz
);
CREATE INDEX states_newest ON states (created_at DESC, id DESC);
CREATE INDEX states_owner ON states (owner_id, created_at DESC, id DESC);
CREATE INDEX states_connector ON states (connector_id, created_at DESC, id DESC);
CREATE INDEX states_version ON states (version_id, created_at DESC, id DESC);
CREATE INDEX states_version_name ON states (version_id, name, created_at DESC, id DESC);
CREATE INDEX states_pending ON states (name, created_at, id) WHERE status = 'pending';

-- An operation of a version is pending once; starting it again finds the one that waits.
CREATE UNIQUE INDEX states_one_pending ON states (version_id, name) WHERE status = 'pending';
-- The few versions that background work is changing, for the watch that none is left behind.
CREATE INDEX connector_versions_in_flight ON connector_versions (id) WHERE state_before IS NOT NULL;

-- A build has the id of its background state.
CREATE TABLE builds (
  id uuid PRIMARY KEY,
  connector_id uuid NOT NULL,
  version_id uuid NOT NULL,
  major integer NOT NULL,
  version text NOT NULL,
  status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  branch text NOT NULL,
  wanted_commit text,
  commit text,
  image_name text,
  image_tag text,
  digest text,
  duration_ms integer,
  -- [{"name","status","started_at","finished_at","duration_ms"}]
  steps json NOT NULL,
  -- {"step","error","exit-code"}
  failure json,
  triggered_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz
);
CREATE INDEX builds_newest ON builds (created_at DESC, id DESC);
CREATE INDEX builds_connector ON builds (connector_id, created_at DESC, id DESC);
CREATE INDEX builds_status ON builds (status, created_at DESC, id DESC);
CREATE INDEX builds_queue ON builds (created_at, id) WHERE status = 'queued';

-- Log lines of runs, builds and states: a few hundred to a row, as newline-delimited JSON in the shape of the API.
CREATE TABLE log_chunks (
  subject uuid NOT NULL,
  first integer NOT NULL,
  last integer NOT NULL,
  -- {"<source>": {"<severity>": lines}}: filtered totals without reading the lines.
  counts jsonb NOT NULL,
  lines text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, first)
);

-- What the runtime may execute.
CREATE TABLE runtime_registrations (
  version_id uuid PRIMARY KEY REFERENCES connector_versions ON DELETE CASCADE,
  digest text NOT NULL,
  command text NOT NULL,
  arguments text,
  execution_mode text NOT NULL,
  memory_mb integer NOT NULL,
  cpus numeric NOT NULL,
  timeout_seconds integer NOT NULL,
  container_api_constraint text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now()
);
