-- What the broker's cash is compared with: one row a session, taken at the first reconciliation that could compare it.
CREATE TABLE cash_baselines (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    cash bigint NOT NULL,
    own_moved bigint NOT NULL,
    others_moved bigint NOT NULL,
    doubt bigint NOT NULL CHECK (doubt >= 0),
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON COLUMN cash_baselines.session_date IS 'KST calendar date';
COMMENT ON COLUMN cash_baselines.cash IS 'The broker''s D+2 cash in won';
COMMENT ON COLUMN cash_baselines.own_moved IS 'Won by which our booked fills of the session had changed it by then, costs included';
COMMENT ON COLUMN cash_baselines.others_moved IS 'The same of orders of the session that are not ours';
COMMENT ON COLUMN cash_baselines.doubt IS 'Won by which the costs within both may differ from the broker''s';
COMMENT ON COLUMN cash_baselines.taken_at IS 'Market time';
