-- The account's one real-time session at the broker: which process holds it, and what it is registered for.
CREATE TABLE stream_leases (
    account_id text PRIMARY KEY REFERENCES accounts,
    owner text NOT NULL CHECK (owner <> ''),
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    connected_since timestamptz,
    symbols text[] NOT NULL DEFAULT '{}',
    trouble text NOT NULL DEFAULT '',
    CONSTRAINT registered_only_when_connected CHECK (connected_since IS NOT NULL OR symbols = '{}')
);
COMMENT ON TABLE stream_leases IS 'At most one process keeps the session';
COMMENT ON COLUMN stream_leases.taken_at IS 'Real time (database clock) since which this process is the owner';
COMMENT ON COLUMN stream_leases.expires_at IS 'Real time (database clock) from which another process may take it';
COMMENT ON COLUMN stream_leases.connected_since IS 'Real time (database clock) since which the session is open; null when there is none';
COMMENT ON COLUMN stream_leases.owner IS 'The hosting process: machine, process id, and a part that tells two lives of both apart';
COMMENT ON COLUMN stream_leases.symbols IS 'The stocks that the broker has confirmed';
COMMENT ON COLUMN stream_leases.trouble IS 'Why there is no session, if there is none';
