-- What the broker said of a date, asked once a day for the whole fleet.
CREATE TABLE session_days (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    broker_says_open boolean,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON COLUMN session_days.session_date IS 'KST calendar date';
COMMENT ON COLUMN session_days.broker_says_open IS 'Whether the exchange is open that day; null where the broker cannot tell (paper)';
COMMENT ON COLUMN session_days.asked_at IS 'Real time (database clock)';
