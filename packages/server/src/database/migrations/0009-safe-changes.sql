-- The first answer to a request with an Idempotency-Key, kept for 24 hours. It is written in the transaction of the
-- change itself, so there is no row for a request that is still going on.
CREATE TABLE idempotency_keys (
  user_id uuid NOT NULL,
  key text NOT NULL,
  -- Request and answer, sealed: either may hold secrets.
  answer uuid NOT NULL REFERENCES vault_entries,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_answer ON idempotency_keys (answer);

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  url text NOT NULL,
  description text,
  -- Names of events; {*} stands for all.
  events text[] NOT NULL CHECK (cardinality(events) > 0),
  -- Whose connectors it hears; null: everybody's.
  owner_id uuid,
  active boolean NOT NULL,
  -- Key of the signature, in the vault.
  secret uuid NOT NULL REFERENCES vault_entries,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT webhooks_name UNIQUE NULLS NOT DISTINCT (owner_id, name)
);
CREATE INDEX webhooks_newest ON webhooks (created_at DESC, id DESC);
-- Who listens to an event is asked at each one.
CREATE INDEX webhooks_events ON webhooks USING gin (events) WHERE active;
CREATE INDEX webhooks_secret ON webhooks (secret);

CREATE TABLE webhook_deliveries (
  id uuid PRIMARY KEY,
  webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  -- The header webhook-id: the same one again when a delivery is repeated.
  message_id uuid NOT NULL,
  event text NOT NULL,
  -- The body as it is sent; json, so that not a byte of it changes between attempts.
  payload json NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  response_status integer,
  response_body text,
  next_attempt_at timestamptz DEFAULT now(),
  delivered_at timestamptz,
  -- Until when the attempt that is being made keeps others away.
  leased_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL))
);
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at);
