-- What the demo workspace made, so that "Remove demo" takes exactly that. The row of the workspace stays when it has been
-- removed: an empty installation whose demo was removed gets no second one.
CREATE TABLE demo_workspace (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  begun_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  removed_at timestamptz
);

CREATE TABLE demo_entities (
  kind text NOT NULL CHECK (kind IN ('organization', 'account', 'project', 'site', 'channel', 'connector', 'repository')),
  -- A uuid, an integer, or the absolute path of a repository.
  id text NOT NULL,
  PRIMARY KEY (kind, id)
);
