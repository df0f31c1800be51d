-- Whose shares are left after a session, and what the broker's own statement says of its money.

CREATE TABLE first_looks (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE first_looks IS 'One row a session: the account was looked at, before its first order wherever possible';
COMMENT ON COLUMN first_looks.session_date IS 'KST calendar date';
COMMENT ON COLUMN first_looks.taken_at IS 'Market time';

CREATE TABLE owners_shares (
    account_id text NOT NULL,
    session_date date NOT NULL,
    symbol text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (account_id, session_date, symbol),
    FOREIGN KEY (account_id, session_date) REFERENCES first_looks
);
COMMENT ON TABLE owners_shares IS 'Shares that the account''s owner held before a session, beside ours';

CREATE TABLE flatness_proofs (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    flat boolean NOT NULL,
    open_orders integer NOT NULL CHECK (open_orders >= 0),
    proven_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE flatness_proofs IS 'What the close of a session found, from two equal reads of the broker; its stocks are in position_snapshots';
COMMENT ON COLUMN flatness_proofs.flat IS 'No position of ours, no order of ours that could fill, no share that nobody explains';
COMMENT ON COLUMN flatness_proofs.proven_at IS 'Market time';

ALTER TABLE position_snapshots
    ADD COLUMN owners_quantity bigint NOT NULL DEFAULT 0 CHECK (owners_quantity >= 0),
    ADD COLUMN unexplained_quantity bigint NOT NULL DEFAULT 0 CHECK (unexplained_quantity >= 0);
COMMENT ON COLUMN position_snapshots.owners_quantity IS 'Of the broker''s shares, those that the account''s owner held before the session or bought by hand';
COMMENT ON COLUMN position_snapshots.unexplained_quantity IS 'Of the broker''s shares, those that nobody explains';

CREATE TABLE statement_checks (
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    untold text NOT NULL,
    compared_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE statement_checks IS 'The broker''s own profit and loss of a session was asked for; its lines are in statement_lines';
COMMENT ON COLUMN statement_checks.untold IS 'Why the broker told nothing; empty where it told';
COMMENT ON COLUMN statement_checks.compared_at IS 'Market time';

CREATE TABLE statement_lines (
    account_id text NOT NULL,
    session_date date NOT NULL,
    symbol text NOT NULL CHECK (symbol ~ '^([0-9A-Z]{6})?$'),
    figure text NOT NULL,
    ledger bigint NOT NULL,
    broker bigint NOT NULL,
    named jsonb NOT NULL,
    unexplained bigint NOT NULL,
    PRIMARY KEY (account_id, session_date, symbol, figure),
    FOREIGN KEY (account_id, session_date) REFERENCES statement_checks
);
COMMENT ON COLUMN statement_lines.symbol IS 'Empty: the whole account';
COMMENT ON COLUMN statement_lines.ledger IS 'Won by our books';
COMMENT ON COLUMN statement_lines.broker IS 'Won by the broker''s statement';
COMMENT ON COLUMN statement_lines.named IS 'What explains the difference: won by name';
COMMENT ON COLUMN statement_lines.unexplained IS 'Won of the difference that nothing explains';
