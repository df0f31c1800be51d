CREATE TABLE workers (
    account_id text NOT NULL REFERENCES accounts,
    worker_id text NOT NULL CHECK (worker_id <> ''),
    workflow_id text NOT NULL CHECK (workflow_id <> ''),
    state text NOT NULL DEFAULT 'idle' CHECK (state IN ('idle', 'scanning', 'holding', 'exiting')),
    paused boolean NOT NULL DEFAULT false,
    symbol text,
    last_event text NOT NULL DEFAULT '',
    last_event_at timestamptz,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, worker_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN workers.symbol IS 'What it is busy with, if anything';
COMMENT ON COLUMN workers.last_event_at IS 'Market time';
COMMENT ON COLUMN workers.registered_at IS 'Real time (database clock)';
COMMENT ON COLUMN workers.changed_at IS 'Real time (database clock)';
