CREATE TABLE connectors (
  id uuid PRIMARY KEY,
  type text NOT NULL,
  name text NOT NULL,
  description text,
  readme text,
  flow text NOT NULL,
  main_version integer,
  owner_id uuid NOT NULL,
  owner_kind text NOT NULL CHECK (owner_kind IN ('organization', 'user')),
  -- Numbers are never used twice, so the highest one is remembered when its version is deleted.
  last_major integer NOT NULL DEFAULT 1,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX connectors_newest ON connectors (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX connectors_owner ON connectors (owner_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX connectors_type ON connectors (type, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX connectors_bin ON connectors (created_at DESC, id DESC) WHERE deleted_at IS NOT NULL;
CREATE INDEX connectors_bin_owner ON connectors (owner_id, created_at DESC, id DESC) WHERE deleted_at IS NOT NULL;

CREATE TABLE connector_versions (
  id uuid PRIMARY KEY,
  connector_id uuid NOT NULL REFERENCES connectors ON DELETE CASCADE,
  major integer NOT NULL CHECK (major > 0),
  patch integer NOT NULL DEFAULT 0,
  name text NOT NULL,
  description text,
  readme text,
  has_logo boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),

  -- The state machine (chapter 4); state_before is where a failed or cancelled action returns to.
  state text NOT NULL,
  state_before text,
  update_progress text[] NOT NULL DEFAULT '{}',

  -- config.application, config.vcs, config.docker
  command text,
  arguments text,
  health_check text,
  vcs_authorization text,
  vcs_url text,
  vcs_branch text,
  vcs_username text,
  vcs_directory text,
  vcs_token uuid REFERENCES vault_entries,
  vcs_deploy_key uuid REFERENCES vault_entries,
  vcs_deploy_key_public text,
  vcs_latest_commit text,
  image_name text,
  image_tag text,
  image_digest text,
  registry_url text,

  authentication_fields text[] NOT NULL DEFAULT '{}',
  legacy_executable integer,
  feature_flags text[] NOT NULL DEFAULT '{}',

  -- config.execution and the limits of a run
  execution_mode text NOT NULL,
  container_api_default_image text NOT NULL,
  docker_host text,
  container_api_image text,
  container_api_constraint text NOT NULL,
  container_api_config json,
  memory_mb integer,
  cpus numeric,
  timeout_seconds integer,
  network text NOT NULL DEFAULT 'open',
  allow_list text[] NOT NULL DEFAULT '{}',

  -- The part of the configuration that only one kind of connector has, as the API shows it; null for the others.
  export_config json,
  data_service_config json,
  datasource_config json,

  dev_account integer,
  dev_project integer,
  dev_site integer,
  dev_executable integer,
  dev_platform_connector integer,
  dev_assigned_to_site integer,
  dev_assigned_to_channel integer,
  dev_assigned_to_channel_site integer,
  dev_assigned_to_channel_site_destination integer,
  dev_runtime_environment text NOT NULL DEFAULT 'cre',
  dev_runtime_version text,

  prod_executable integer,
  prod_platform_connector integer,
  target_accounts integer[] NOT NULL DEFAULT '{}',
  target_projects integer[] NOT NULL DEFAULT '{}',
  target_sites integer[] NOT NULL DEFAULT '{}',
  enabled_for_accounts integer[] NOT NULL DEFAULT '{}',
  enabled_for_projects integer[] NOT NULL DEFAULT '{}',
  enabled_for_sites integer[] NOT NULL DEFAULT '{}',
  assigned_to_sites integer[] NOT NULL DEFAULT '{}',
  released boolean NOT NULL DEFAULT false,
  prod_version text,
  prod_runtime_environment text NOT NULL DEFAULT 'cre',
  prod_runtime_version text,

  -- Copies of config as it runs there, with the digest that it runs.
  dev_config json,
  dev_digest text,
  prod_config json,
  prod_digest text,

  UNIQUE (connector_id, major)
);
CREATE INDEX connector_versions_released ON connector_versions (connector_id) WHERE released;
CREATE INDEX connector_versions_dev_site ON connector_versions (dev_site) WHERE dev_site IS NOT NULL;

CREATE TABLE individual_configs (
  version_id uuid NOT NULL REFERENCES connector_versions ON DELETE CASCADE,
  command_option text NOT NULL,
  field_type text NOT NULL,
  field_name text NOT NULL,
  field_required boolean NOT NULL DEFAULT false,
  field_placeholder text,
  field_description text,
  field_default_value text,
  field_config text,
  "order" integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (version_id, command_option)
);

CREATE TABLE version_secrets (
  version_id uuid NOT NULL REFERENCES connector_versions ON DELETE CASCADE,
  place integer NOT NULL,
  secret_id uuid NOT NULL REFERENCES secrets,
  PRIMARY KEY (version_id, place)
);
CREATE INDEX version_secrets_secret ON version_secrets (secret_id);

CREATE TABLE version_authentications (
  version_id uuid NOT NULL REFERENCES connector_versions ON DELETE CASCADE,
  place integer NOT NULL,
  authentication_id integer NOT NULL REFERENCES authentications,
  PRIMARY KEY (version_id, place)
);
CREATE INDEX version_authentications_authentication ON version_authentications (authentication_id);

CREATE TABLE buckets (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  owner_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (owner_id, name)
);

CREATE TABLE version_buckets (
  version_id uuid NOT NULL REFERENCES connector_versions ON DELETE CASCADE,
  environment text NOT NULL CHECK (environment IN ('dev', 'prod')),
  bucket_id uuid NOT NULL REFERENCES buckets,
  type text NOT NULL DEFAULT 'free',
  PRIMARY KEY (version_id, environment)
);
CREATE INDEX version_buckets_bucket ON version_buckets (bucket_id);
