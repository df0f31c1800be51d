-- Repeated attempts of a buy: a later one shuts out the earlier ones, whose process may have been stopped and go on.
CREATE TABLE entry_attempts (
    intent_id text PRIMARY KEY,
    attempt integer NOT NULL CHECK (attempt > 1),
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE entry_attempts IS 'The latest attempt of a buy that was attempted more than once';
COMMENT ON COLUMN entry_attempts.began_at IS 'Real time (database clock) from which earlier attempts change no row';
