-- Workers that wait for an offer of candidates. The watch of the account's scans holds shard -1 of the market watch.
ALTER TABLE market_watches DROP CONSTRAINT market_watches_shard_check;
ALTER TABLE market_watches ADD CONSTRAINT market_watches_shard_check CHECK (shard >= -1);
COMMENT ON COLUMN market_watches.shard IS 'Number of a shard of held positions; -1: the scans of the account''s workers';

CREATE TABLE scan_wishes (
    account_id text NOT NULL REFERENCES accounts,
    worker_id text NOT NULL CHECK (worker_id <> ''),
    scan_id text NOT NULL CHECK (scan_id <> ''),
    workflow_id text NOT NULL CHECK (workflow_id <> ''),
    run_id text NOT NULL,
    request jsonb NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, worker_id)
);
COMMENT ON TABLE scan_wishes IS 'The workers that wait for an offer of candidates; the row ends with the offer';
COMMENT ON COLUMN scan_wishes.scan_id IS 'The wait that an offer answers; an offer for an earlier one has no effect';
COMMENT ON COLUMN scan_wishes.request IS 'Rules and session plan, as the worker''s workflow gave them';
COMMENT ON COLUMN scan_wishes.asked_at IS 'Real time (database clock)';
