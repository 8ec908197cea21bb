-- Keys that wrap the data keys of vault_entries. One that was replaced wraps nothing any more: who adds a value holds a
-- share of its key's row, so a key is replaced only when nobody is adding values under it.
CREATE TABLE vault_keys (
  id text PRIMARY KEY,
  replaced_by text,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO vault_keys (id) SELECT DISTINCT key_id FROM vault_entries;
CREATE INDEX vault_entries_key ON vault_entries (key_id, id);
