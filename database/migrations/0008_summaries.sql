CREATE TABLE daily_summaries (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    scope text NOT NULL CHECK (scope <> ''),
    summary jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date, scope)
);
COMMENT ON COLUMN daily_summaries.scope IS 'A worker''s name, or fleet';
COMMENT ON COLUMN daily_summaries.changed_at IS 'Real time (database clock) of the last real change; recomputing the same does not move it';

CREATE TABLE position_snapshots (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    symbol text NOT NULL CHECK (symbol ~ '^[0-9A-Z]{6}$'),
    worker_id text,
    ledger_quantity bigint NOT NULL CHECK (ledger_quantity >= 0),
    broker_quantity bigint NOT NULL CHECK (broker_quantity >= 0),
    cost bigint NOT NULL CHECK (cost >= 0),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date, symbol)
);
COMMENT ON TABLE position_snapshots IS 'What was held after the close, by our books and by the broker''s';
COMMENT ON COLUMN position_snapshots.cost IS 'Whole won our books paid for the shares still held';
COMMENT ON COLUMN position_snapshots.recorded_at IS 'Real time (database clock)';
