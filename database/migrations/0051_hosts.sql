-- Which processes host the trading, and when each was last heard of: a death is written down by another host, or by
-- the one that starts next.
CREATE TABLE hosts (
    account_id text NOT NULL REFERENCES accounts,
    host_id text NOT NULL CHECK (host_id <> ''),
    machine text NOT NULL CHECK (machine <> ''),
    pid integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    died boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, host_id),
    CONSTRAINT only_what_has_ended_died CHECK (NOT died OR ended_at IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON COLUMN hosts.started_at IS 'Real time (database clock)';
COMMENT ON COLUMN hosts.seen_at IS 'Real time (database clock) of its last heartbeat';
COMMENT ON COLUMN hosts.ended_at IS 'Real time (database clock) of its end; of one that died, of its last heartbeat';
COMMENT ON COLUMN hosts.died IS 'Whether it ended without saying so';
CREATE INDEX living_hosts ON hosts (account_id, seen_at) WHERE ended_at IS NULL;
