-- Rows of the broker's lists that cannot be read now: shown by `status` while that lasts.

CREATE TABLE unreadable_rows (
    account_id text NOT NULL REFERENCES accounts,
    list text NOT NULL CHECK (list <> ''),
    symbol text NOT NULL,
    field text NOT NULL CHECK (field <> ''),
    session_date date NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, list, symbol, field)
);
COMMENT ON COLUMN unreadable_rows.symbol IS 'Empty where the row does not say which stock it is about';
COMMENT ON COLUMN unreadable_rows.field IS 'The broker''s name of the field that is missing or cannot be';
COMMENT ON COLUMN unreadable_rows.session_date IS 'KST calendar date on which the row was last read';
COMMENT ON COLUMN unreadable_rows.seen_at IS 'Real time (database clock) of that';
