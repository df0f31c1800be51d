-- What the locks were, for whoever checks later: each token since when, and each stretch in which nobody renewed a lease.
CREATE TABLE lock_acquisitions (
    account_id text NOT NULL,
    symbol text NOT NULL,
    fencing_token bigint NOT NULL,
    worker_id text,
    acquired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, symbol, fencing_token)
);
COMMENT ON TABLE lock_acquisitions IS 'Every fencing token that was ever given; append-only, written by trigger';
COMMENT ON COLUMN lock_acquisitions.acquired_at IS
    'Real time (database clock) from which the token was the current one; taken while the lock''s row is held';

CREATE TABLE lease_lapses (
    account_id text NOT NULL,
    symbol text NOT NULL,
    worker_id text NOT NULL,
    fencing_token bigint NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, symbol, since)
);
COMMENT ON TABLE lease_lapses IS 'Stretches in which a holder did not renew when it was due; append-only, written by trigger';
COMMENT ON COLUMN lease_lapses.since IS 'Real time (database clock) of the last renewal before it';
COMMENT ON COLUMN lease_lapses.until IS 'Real time (database clock) of the first renewal or acquisition after it';

CREATE FUNCTION record_acquisition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lock_acquisitions (account_id, symbol, fencing_token, worker_id)
    VALUES (NEW.account_id, NEW.symbol, NEW.fencing_token, NEW.worker_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER first_acquisition AFTER INSERT ON stock_locks
    FOR EACH ROW EXECUTE FUNCTION record_acquisition();
CREATE TRIGGER next_acquisition AFTER UPDATE ON stock_locks
    FOR EACH ROW WHEN (NEW.fencing_token > OLD.fencing_token) EXECUTE FUNCTION record_acquisition();

CREATE FUNCTION record_lapse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lease_lapses (account_id, symbol, worker_id, fencing_token, since)
    VALUES (OLD.account_id, OLD.symbol, OLD.worker_id, OLD.fencing_token, OLD.heartbeat_at)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
-- A renewal is due every ten seconds (a third of the lease).
CREATE TRIGGER lapse_ends AFTER UPDATE ON stock_locks
    FOR EACH ROW WHEN (OLD.worker_id IS NOT NULL AND NEW.heartbeat_at > OLD.heartbeat_at + interval '12 seconds')
    EXECUTE FUNCTION record_lapse();

CREATE FUNCTION refuse_change_of_lock_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'lock_history_is_append_only';
END
$$;
CREATE TRIGGER acquisitions_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lock_acquisitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_lock_history();
CREATE TRIGGER lapses_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lease_lapses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_lock_history();
