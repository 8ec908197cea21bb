-- What each source brought to the merge of an import: [{"id","rows","repeated","without-id","unmatched"}].
ALTER TABLE processes ADD COLUMN sources json NOT NULL DEFAULT '[]';
