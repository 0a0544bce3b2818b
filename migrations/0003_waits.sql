-- Why a job was last given back to wait, since when and until when, as JSON; nothing if it never was.
ALTER TABLE jobs ADD COLUMN wait TEXT;
