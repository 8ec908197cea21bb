-- What the hourly sweeper looks for: old, and still there.
CREATE INDEX notifications_created ON notifications (created_at);
CREATE INDEX runs_with_rows ON runs (created_at) WHERE input_available OR output_available;
CREATE INDEX log_chunks_created ON log_chunks (created_at);
