CREATE TABLE events (
    event_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id text NOT NULL,
    session_date date,
    worker_id text,
    symbol text,
    kind text NOT NULL CHECK (kind <> ''),
    level text NOT NULL CHECK (level IN ('info', 'warning', 'error', 'critical')),
    detail jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL,
    event_key text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_event_per_key UNIQUE (account_id, event_key)
);
COMMENT ON TABLE events IS 'What happened, in order; append-only by trigger';
COMMENT ON COLUMN events.session_date IS 'KST calendar date of the session';
COMMENT ON COLUMN events.at IS 'Market time as the writer knew it';
COMMENT ON COLUMN events.event_key IS 'Same key, same event, however often it is written';
COMMENT ON COLUMN events.recorded_at IS 'Real time (database clock)';
CREATE INDEX events_of_a_session ON events (account_id, session_date, kind);

CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'events_are_append_only';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events();

CREATE TABLE scans (
    account_id text NOT NULL,
    session_date date NOT NULL,
    worker_id text NOT NULL,
    scans bigint NOT NULL CHECK (scans > 0),
    looked_at bigint NOT NULL CHECK (looked_at >= 0),
    last_key text NOT NULL,
    PRIMARY KEY (account_id, session_date, worker_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE scans IS 'How often a worker scanned in a session, and how many stocks it looked at in all';
COMMENT ON COLUMN scans.last_key IS 'The latest scan counted, so that a repeated one is not counted twice; empty when unnamed';

CREATE TABLE scan_drops (
    account_id text NOT NULL,
    session_date date NOT NULL,
    worker_id text NOT NULL,
    filter text NOT NULL CHECK (filter <> ''),
    dropped bigint NOT NULL CHECK (dropped >= 0),
    PRIMARY KEY (account_id, session_date, worker_id, filter)
) WITH (fillfactor = 70);
COMMENT ON TABLE scan_drops IS 'How many stocks each screening filter dropped';
