-- Which build each host runs: runs that are pinned to a build without hosts must move to another.
ALTER TABLE hosts ADD COLUMN build text NOT NULL DEFAULT '';
COMMENT ON COLUMN hosts.build IS 'Build id of its workers; empty: it runs without Worker Versioning';
