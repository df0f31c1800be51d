-- A closed position's whole story in numbers, written once.
CREATE TABLE trades (
    position_id text PRIMARY KEY REFERENCES positions,
    account_id text NOT NULL REFERENCES accounts,
    worker_id text NOT NULL,
    session_date date NOT NULL,
    symbol text NOT NULL,
    name text NOT NULL,
    market text NOT NULL CHECK (market IN ('kospi', 'kosdaq')),
    quantity bigint NOT NULL CHECK (quantity > 0),
    entry_amount bigint NOT NULL CHECK (entry_amount > 0),
    exit_amount bigint NOT NULL CHECK (exit_amount >= 0),
    entry_commission bigint NOT NULL CHECK (entry_commission >= 0),
    entry_tax bigint NOT NULL CHECK (entry_tax >= 0),
    exit_commission bigint NOT NULL CHECK (exit_commission >= 0),
    exit_tax bigint NOT NULL CHECK (exit_tax >= 0),
    net_pnl bigint NOT NULL GENERATED ALWAYS AS
        (exit_amount - entry_amount - entry_commission - entry_tax - exit_commission - exit_tax) STORED,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    exit_reason text NOT NULL CHECK (exit_reason IN ('kill_switch', 'operator', 'deadline', 'stop_loss',
        'trailing_stop', 'take_profit', 'trend_break', 'strategy', 'time_stop', 'foreign_sale')),
    strategy_name text NOT NULL,
    strategy_version text NOT NULL,
    strategy_parameters jsonb NOT NULL,
    strategy_reason text NOT NULL,
    entry_decision_price bigint NOT NULL CHECK (entry_decision_price > 0),
    exit_decision_price bigint NOT NULL CHECK (exit_decision_price > 0),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT closed_after_it_opened CHECK (closed_at >= opened_at)
);
COMMENT ON COLUMN trades.session_date IS 'KST calendar date of the session that the result counts for';
COMMENT ON COLUMN trades.entry_amount IS 'Whole won paid, before commission';
COMMENT ON COLUMN trades.exit_amount IS 'Whole won received, before commission and tax';
COMMENT ON COLUMN trades.entry_commission IS 'Whole won';
COMMENT ON COLUMN trades.entry_tax IS 'Whole won';
COMMENT ON COLUMN trades.exit_commission IS 'Whole won';
COMMENT ON COLUMN trades.exit_tax IS 'Whole won, transaction and agriculture tax together';
COMMENT ON COLUMN trades.net_pnl IS 'Whole won: exit amount less entry amount less all costs';
COMMENT ON COLUMN trades.opened_at IS 'Market time of the first entry fill';
COMMENT ON COLUMN trades.closed_at IS 'Market time of the last exit fill';
COMMENT ON COLUMN trades.entry_decision_price IS 'Won per share when the entry was decided';
COMMENT ON COLUMN trades.exit_decision_price IS 'Won per share when the exit was decided';
COMMENT ON COLUMN trades.recorded_at IS 'Real time (database clock)';
CREATE INDEX trades_of_a_session ON trades (account_id, session_date, worker_id) INCLUDE (net_pnl, closed_at);
