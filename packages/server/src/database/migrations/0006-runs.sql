CREATE TABLE runs (
  id uuid PRIMARY KEY,
  connector_id uuid NOT NULL,
  version_id uuid NOT NULL,
  major integer NOT NULL,
  connector_version text NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'running', 'finished', 'failed', 'cancelled')),
  environment text NOT NULL CHECK (environment IN ('dev', 'prod')),
  stage text NOT NULL,
  process_id uuid NOT NULL,
  site_id integer NOT NULL,
  site_name text NOT NULL,
  project_id integer NOT NULL,
  project_name text NOT NULL,
  account_id integer NOT NULL,
  account_name text NOT NULL,
  exit_code integer,
  container_api_image text,
  container_api_constraint text,
  cli_command text,
  registered_secrets json,
  authentications json,
  setup_config json,
  manual boolean NOT NULL DEFAULT false,
  -- What was frozen when the run was made: command, limits, form fields; and the form values, passwords sealed.
  spec json NOT NULL DEFAULT '{}',
  form_values json NOT NULL DEFAULT '{}',
  sealed_values uuid REFERENCES vault_entries,
  engine text,
  commit text,
  image_digest text,
  failure json,
  statistics json,
  -- {"files":[names],"columns":[names],"bytes","longestLine"} of each output stream, once the run has ended.
  output json,
  feedback json,
  rows_output integer,
  rows_feedback integer,
  -- Rows are removed before the run's record is.
  input_available boolean NOT NULL DEFAULT false,
  output_available boolean NOT NULL DEFAULT false,
  cancel_requested boolean NOT NULL DEFAULT false,
  worker_id uuid,
  attempts integer NOT NULL DEFAULT 0,
  triggered_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz
);
CREATE INDEX runs_newest ON runs (created_at DESC, id DESC);
CREATE INDEX runs_connector ON runs (connector_id, created_at DESC, id DESC);
CREATE INDEX runs_process ON runs (process_id);
CREATE INDEX runs_site ON runs (site_id, created_at DESC, id DESC);
CREATE INDEX runs_version ON runs (major, created_at DESC, id DESC);
CREATE INDEX runs_state ON runs (state, created_at DESC, id DESC);
CREATE INDEX runs_running ON runs (worker_id) WHERE state = 'running';
CREATE INDEX runs_active ON runs (version_id) WHERE state IN ('queued', 'running');
