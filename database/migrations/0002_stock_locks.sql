-- The right to act on a symbol. The row stays for ever, so that its fencing token can only rise; a free lock has no worker.
CREATE TABLE stock_locks (
    account_id text NOT NULL REFERENCES accounts,
    symbol text NOT NULL CHECK (symbol ~ '^[0-9A-Z]{6}$'),
    worker_id text CHECK (worker_id <> ''),
    fencing_token bigint NOT NULL CHECK (fencing_token > 0),
    acquired_at timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol)
) WITH (fillfactor = 70);
COMMENT ON COLUMN stock_locks.fencing_token IS 'Rises with each acquisition; what was decided under an older one is never sent';
COMMENT ON COLUMN stock_locks.acquired_at IS 'Real time (database clock) at which this token was given';
COMMENT ON COLUMN stock_locks.heartbeat_at IS 'Real time (database clock) of the last renewal';
COMMENT ON COLUMN stock_locks.expires_at IS 'Real time (database clock) after which another worker may take over';

CREATE FUNCTION refuse_older_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'fencing token of % cannot fall from % to %', OLD.symbol, OLD.fencing_token, NEW.fencing_token
        USING ERRCODE = 'check_violation', CONSTRAINT = 'fencing_token_rises';
END
$$;
CREATE TRIGGER fencing_token_rises BEFORE UPDATE ON stock_locks
    FOR EACH ROW WHEN (NEW.fencing_token < OLD.fencing_token) EXECUTE FUNCTION refuse_older_token();
