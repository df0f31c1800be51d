-- What the day's report shows and nothing else needs: prices while holding, states of workers, and the verifier's word.
CREATE TABLE price_marks (
    position_id text NOT NULL REFERENCES positions,
    minute timestamptz NOT NULL,
    open bigint NOT NULL CHECK (open > 0),
    high bigint NOT NULL,
    low bigint NOT NULL CHECK (low > 0),
    close bigint NOT NULL,
    PRIMARY KEY (position_id, minute),
    CONSTRAINT high_and_low_enclose CHECK (low <= LEAST(open, close) AND high >= GREATEST(open, close))
) WITH (fillfactor = 70);
COMMENT ON TABLE price_marks IS 'The prices (won) that a watcher saw of a position, one row a minute at most';
COMMENT ON COLUMN price_marks.minute IS 'Market time, cut down to the minute';

CREATE TABLE worker_states (
    change bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id text NOT NULL,
    worker_id text NOT NULL,
    state text NOT NULL,
    symbol text,
    since timestamptz NOT NULL
);
COMMENT ON TABLE worker_states IS 'Every change of a worker''s state or symbol, written by trigger';
COMMENT ON COLUMN worker_states.since IS 'Market time';
CREATE INDEX states_of_a_time ON worker_states (account_id, since);

CREATE FUNCTION record_worker_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO worker_states (account_id, worker_id, state, symbol, since)
    VALUES (NEW.account_id, NEW.worker_id, NEW.state, NEW.symbol, NEW.last_event_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER state_changes AFTER UPDATE ON workers
    FOR EACH ROW WHEN (NEW.last_event_at IS NOT NULL
        AND (OLD.last_event_at IS NULL OR (OLD.state, OLD.symbol) IS DISTINCT FROM (NEW.state, NEW.symbol)))
    EXECUTE FUNCTION record_worker_state();

CREATE TABLE verdicts (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    verdict jsonb NOT NULL,
    judged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE verdicts IS 'What the verifier said of a session, the latest word only';
COMMENT ON COLUMN verdicts.judged_at IS 'Real time (database clock)';
