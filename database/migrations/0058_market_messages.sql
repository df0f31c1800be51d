-- What the exchange itself says about open and close, as the stream brought it last.

CREATE TABLE market_messages (
    account_id text PRIMARY KEY REFERENCES accounts,
    session_date date NOT NULL,
    word text NOT NULL CHECK (word IN ('opening_auction', 'open', 'closing_auction', 'closed', 'halted')),
    code text NOT NULL CHECK (code <> ''),
    heard_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE market_messages IS 'The last market-wide message of the exchange';
COMMENT ON COLUMN market_messages.session_date IS 'KST calendar date on which it was heard';
COMMENT ON COLUMN market_messages.code IS 'The broker''s code (MKOP_CLS_CODE)';
COMMENT ON COLUMN market_messages.heard_at IS 'Market time at which this word was first heard in a row';
COMMENT ON COLUMN market_messages.recorded_at IS
    'Real time (database clock) at which the stream last said it: one of an earlier stream session may be outdated';
