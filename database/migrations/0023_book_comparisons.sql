-- The books of each session are compared once for the whole fleet before its first order, and again during the day.

CREATE TABLE book_comparisons (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    tried_at timestamptz,
    compared_at timestamptz,
    cause text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE book_comparisons IS 'When the books of a session were last compared with the broker''s';
COMMENT ON COLUMN book_comparisons.session_date IS 'KST calendar date of the session';
COMMENT ON COLUMN book_comparisons.tried_at IS 'Market time at which a process last began; others leave it alone for a while';
COMMENT ON COLUMN book_comparisons.compared_at IS 'Real time (database clock) at which the last comparison that succeeded began';
COMMENT ON COLUMN book_comparisons.cause IS 'Why the last comparison failed; empty when it succeeded';
