-- A password that was handed over has to be replaced by one of the user's own before it lets anybody in.
ALTER TABLE users ADD COLUMN password_temporary boolean NOT NULL DEFAULT false;

-- Who signs in through another provider: there a user is a subject, of which there is one for each user.
CREATE TABLE user_identities (
  issuer text NOT NULL,
  subject text NOT NULL,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (issuer, subject),
  UNIQUE (user_id, issuer)
);
