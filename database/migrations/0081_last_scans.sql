-- What the latest scan did with each stock, for the operator: one row per set of strategies, overwritten, of bounded size.
CREATE TABLE last_scans (
    account_id text NOT NULL REFERENCES accounts,
    strategies text NOT NULL CHECK (strategies <> ''),
    session_date date NOT NULL,
    scanned_at timestamptz NOT NULL,
    looked_at integer NOT NULL CHECK (looked_at >= 0),
    stocks jsonb NOT NULL,
    PRIMARY KEY (account_id, strategies)
) WITH (fillfactor = 50);
COMMENT ON TABLE last_scans IS 'The latest scan of each set of strategies, written every few seconds';
COMMENT ON COLUMN last_scans.strategies IS 'Names of the strategies, joined with commas';
COMMENT ON COLUMN last_scans.scanned_at IS 'Market time of the scan';
COMMENT ON COLUMN last_scans.looked_at IS 'Stocks that the scan examined';
COMMENT ON COLUMN last_scans.stocks IS 'Candidates first, then the stocks nearest to one: stock, price and the filter that dropped it';
