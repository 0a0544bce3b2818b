-- The GUID of a delivery is not signed: what makes one is its GUID together with its body. `digest` is the SHA-256 of the body
-- in lower-case hexadecimal; empty for what was kept before this column was.
ALTER TABLE deliveries ADD COLUMN digest TEXT NOT NULL DEFAULT '';
DROP INDEX deliveries_once;
CREATE UNIQUE INDEX deliveries_once ON deliveries (hook_type, hook_id, guid, digest);
