-- Logos as they were uploaded and checked: at most 256 KiB each, so they live with the version they belong to.
CREATE TABLE version_logos (
  version_id uuid PRIMARY KEY REFERENCES connector_versions ON DELETE CASCADE,
  svg bytea NOT NULL
);

CREATE TABLE connector_metadata (
  connector_id uuid PRIMARY KEY REFERENCES connectors ON DELETE CASCADE,
  id uuid NOT NULL UNIQUE,
  channel_owner text NOT NULL,
  confidence text,
  help_center text,
  internal_documentation text,
  notes text,
  last_reviewed_at timestamptz,
  last_updated_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX buckets_newest ON buckets (created_at DESC, id DESC);
CREATE INDEX buckets_owner ON buckets (owner_id, created_at DESC, id DESC);

-- What is kept of one version on all sites, to be removed with it.
CREATE INDEX form_values_version ON form_values (connector_id, major);
