-- Sealed values: AES-256-GCM under a data key of their own, the data key wrapped by the key provider.
CREATE TABLE vault_entries (
  id uuid PRIMARY KEY,
  -- What the value is ('vcs-token', 'deploy-key', 'secret', …); part of the sealed context with the id, so a
  -- ciphertext copied into another row does not open there.
  purpose text NOT NULL,
  key_id text NOT NULL,
  wrapped_key bytea NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz
);

CREATE TABLE secrets (
  id uuid PRIMARY KEY,
  -- Sorted by its characters, whatever the database's language: lists are in this order.
  path text COLLATE "C" NOT NULL UNIQUE,
  ini_header text NOT NULL,
  -- Null: shared with everybody.
  owner_id uuid,
  last_updated_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX secrets_owner ON secrets (owner_id, path);

CREATE TABLE secret_fields (
  secret_id uuid NOT NULL REFERENCES secrets ON DELETE CASCADE,
  place integer NOT NULL,
  name text NOT NULL,
  value uuid NOT NULL REFERENCES vault_entries,
  PRIMARY KEY (secret_id, name)
);
CREATE INDEX secret_fields_value ON secret_fields (value);

CREATE TABLE authentications (
  id integer PRIMARY KEY CHECK (id > 0),
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('fields', 'oauth2')),
  -- [{"name","label","secret"}]
  fields json NOT NULL,
  -- {"authorization-url","token-url","scopes","client-id"}; the client secret lies in the vault.
  oauth2 json,
  client_secret uuid REFERENCES vault_entries,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX authentications_client_secret ON authentications (client_secret);
