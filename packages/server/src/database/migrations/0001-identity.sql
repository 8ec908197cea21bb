-- Times as the API shows them: ISO 8601, whole seconds, numeric offset, in the session's zone (SLIPWAY_TIME_ZONE).
CREATE FUNCTION wire_time(timestamptz) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN to_char($1, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM');

CREATE TABLE users (
  id uuid PRIMARY KEY,
  name text,
  email text NOT NULL,
  role text NOT NULL CHECK (role IN ('admin', 'integrator', 'viewer')),
  status text NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
  password_hash text,
  -- Kept as json, not jsonb: the API gives the keys back in their fixed order.
  dev_defaults json,
  prod_defaults json,
  last_seen_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_newest ON users (created_at DESC, id DESC);

CREATE TABLE organizations (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE,
  connectors_limit integer NOT NULL,
  notification_config json,
  dev_defaults json,
  prod_defaults json,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX organizations_newest ON organizations (created_at DESC, id DESC);

CREATE TABLE organization_members (
  organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- Order of joining: "the organization joined first" owns what a member makes.
  place bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user ON organization_members (user_id, place);

CREATE TABLE tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  prefix text NOT NULL,
  hash bytea NOT NULL UNIQUE,
  scopes text[] NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tokens_user ON tokens (user_id, created_at DESC, id DESC);

CREATE TABLE audit_events (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL DEFAULT now(),
  actor_id uuid,
  actor_name text,
  actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'client', 'system')),
  action text NOT NULL,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  entity_name text,
  connector_id uuid,
  changes json NOT NULL,
  request_id text,
  ip text
);
CREATE INDEX audit_events_newest ON audit_events (time DESC, id DESC);
CREATE INDEX audit_events_connector ON audit_events (connector_id, time DESC, id DESC);
CREATE INDEX audit_events_actor ON audit_events (actor_id, time DESC, id DESC);
CREATE INDEX audit_events_action ON audit_events (action, time DESC, id DESC);
CREATE INDEX audit_events_entity ON audit_events (entity_type, entity_id, time DESC, id DESC);

-- A worker shows that it lives by its heartbeat and by a session lock on hashtext(id); work of a dead one is taken over.
CREATE TABLE workers (
  id uuid PRIMARY KEY,
  role text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  last_heartbeat_at timestamptz NOT NULL DEFAULT now()
);
