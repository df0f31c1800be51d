-- Whose money this database keeps books for. One account a database: the second is refused by "only_one".
CREATE TABLE accounts (
    account_id text PRIMARY KEY CHECK (account_id <> ''),
    environment text NOT NULL CHECK (environment IN ('live', 'paper', 'simulated')),
    fingerprint text NOT NULL,
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one),
    pinned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fleet text,
    fleet_expires_at timestamptz,
    CONSTRAINT fleet_has_an_end CHECK ((fleet IS NULL) = (fleet_expires_at IS NULL))
);
COMMENT ON COLUMN accounts.fingerprint IS 'Digest of the real account and keys; the account number itself is never stored';
COMMENT ON COLUMN accounts.pinned_at IS 'Real time (database clock)';
COMMENT ON COLUMN accounts.fleet IS 'The fleet that trades the account now; a second one is refused while this lease is live';
COMMENT ON COLUMN accounts.fleet_expires_at IS 'Real time (database clock) at which the fleet''s lease ends unless it is renewed';

-- The gate of every entry. Senders share the row, writers of anything the review reads take it alone.
CREATE TABLE risk_state (
    account_id text PRIMARY KEY REFERENCES accounts,
    kill_switch_on boolean NOT NULL DEFAULT false,
    kill_switch_by text NOT NULL DEFAULT '',
    kill_switch_reason text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN risk_state.changed_at IS 'Real time (database clock) of the last press or lift of the kill switch';

CREATE TABLE closed_entries (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE closed_entries IS 'Sessions in which nothing more is bought';
COMMENT ON COLUMN closed_entries.session_date IS 'KST calendar date of the session';
COMMENT ON COLUMN closed_entries.closed_at IS 'Real time (database clock)';

CREATE TABLE symbol_cool_downs (
    account_id text NOT NULL REFERENCES accounts,
    symbol text NOT NULL CHECK (symbol ~ '^[0-9A-Z]{6}$'),
    until timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol)
);
COMMENT ON COLUMN symbol_cool_downs.until IS 'Market time before which the symbol is not bought again';
