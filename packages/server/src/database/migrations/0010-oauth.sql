-- Who may ask users for access, and machines that act for a user. Clients of the product itself stand in the code.
CREATE TABLE oauth_clients (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('public', 'confidential')),
  secret_hash bytea,
  redirect_uris text[] NOT NULL,
  grant_types text[] NOT NULL,
  scopes text[] NOT NULL,
  user_id uuid REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((kind = 'confidential') = (secret_hash IS NOT NULL))
);
CREATE INDEX oauth_clients_newest ON oauth_clients (created_at DESC, id DESC);
CREATE INDEX oauth_clients_user ON oauth_clients (user_id) WHERE user_id IS NOT NULL;

-- What the provider remembers. The id of a token is the token, so ids are kept as hashes.
CREATE TABLE oauth_records (
  model text NOT NULL,
  id_hash bytea NOT NULL,
  payload jsonb NOT NULL,
  grant_id text,
  account_id uuid,
  client_id text,
  uid text,
  user_code text,
  consumed_at timestamptz,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (model, id_hash)
);
CREATE INDEX oauth_records_grant ON oauth_records (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX oauth_records_account ON oauth_records (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX oauth_records_client ON oauth_records (client_id) WHERE client_id IS NOT NULL;
CREATE UNIQUE INDEX oauth_records_uid ON oauth_records (model, uid) WHERE uid IS NOT NULL;
CREATE UNIQUE INDEX oauth_records_user_code ON oauth_records (user_code) WHERE user_code IS NOT NULL;
CREATE INDEX oauth_records_expiry ON oauth_records (expires_at);

-- Where a user is signed in: one row for each grant. An access token is good only while the row is there.
CREATE TABLE sign_ins (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  grant_id text NOT NULL UNIQUE,
  client_id text NOT NULL,
  client_name text NOT NULL,
  ip text,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_user ON sign_ins (user_id, created_at DESC, id DESC);
CREATE INDEX sign_ins_client ON sign_ins (client_id);
CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);

-- Keys that sign tokens and cookies. The private halves lie in the vault.
CREATE TABLE oauth_keys (
  id text PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('token', 'cookie')),
  vault_id uuid NOT NULL REFERENCES vault_entries,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Tries to sign in, for limits by address and by account.
CREATE TABLE sign_in_attempts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ip text NOT NULL,
  -- The account as it was typed, in lower case; null for an invitation.
  account text,
  failed boolean NOT NULL DEFAULT false,
  time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_attempts_ip ON sign_in_attempts (ip, time DESC);
CREATE INDEX sign_in_attempts_failed ON sign_in_attempts (account, ip, time DESC) WHERE failed;
CREATE INDEX sign_in_attempts_time ON sign_in_attempts (time);

CREATE TABLE invitations (
  token_hash bytea PRIMARY KEY,
  user_id uuid NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
