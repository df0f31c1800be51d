-- Who watches which held position: a shard of positions is watched by one activity, the holder of the shard's present token.
CREATE TABLE market_watches (
    account_id text NOT NULL REFERENCES accounts,
    shard integer NOT NULL CHECK (shard >= 0),
    token bigint NOT NULL DEFAULT 0,
    owner text NOT NULL DEFAULT '',
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, shard)
) WITH (fillfactor = 70);
COMMENT ON TABLE market_watches IS 'The shards of held positions; only the holder of a shard''s present token renews leases for it';
COMMENT ON COLUMN market_watches.token IS 'Rises with each attempt that watches the shard';
COMMENT ON COLUMN market_watches.owner IS 'Process of that attempt; empty: no attempt watches';
COMMENT ON COLUMN market_watches.taken_at IS 'Real time (database clock) at which the token was given';
COMMENT ON COLUMN market_watches.renewed_at IS 'Real time (database clock) of the last renewal';

CREATE TABLE position_watches (
    account_id text NOT NULL,
    worker_id text NOT NULL CHECK (worker_id <> ''),
    shard integer NOT NULL,
    position_id text NOT NULL REFERENCES positions,
    symbol text NOT NULL,
    fencing_token bigint NOT NULL,
    workflow_id text NOT NULL CHECK (workflow_id <> ''),
    request jsonb NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, worker_id),
    FOREIGN KEY (account_id, shard) REFERENCES market_watches
);
COMMENT ON TABLE position_watches IS 'The held positions that a worker wants watched; the row ends when the worker sells';
COMMENT ON COLUMN position_watches.fencing_token IS 'The lease under which it is watched';
COMMENT ON COLUMN position_watches.request IS 'Rules and deadline, as the worker''s workflow gave them';
COMMENT ON COLUMN position_watches.asked_at IS 'Real time (database clock)';
CREATE INDEX position_watches_of_a_shard ON position_watches (account_id, shard);
