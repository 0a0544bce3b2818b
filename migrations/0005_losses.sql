-- How often the worker that had a job was lost while it had it: what ends its workers is given up before it ends many.
ALTER TABLE jobs ADD COLUMN losses BIGINT NOT NULL DEFAULT 0;
