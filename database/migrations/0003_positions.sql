CREATE TABLE positions (
    position_id text PRIMARY KEY CHECK (position_id <> ''),
    account_id text NOT NULL REFERENCES accounts,
    worker_id text NOT NULL CHECK (worker_id <> ''),
    session_date date NOT NULL,
    symbol text NOT NULL CHECK (symbol ~ '^[0-9A-Z]{6}$'),
    name text NOT NULL,
    market text NOT NULL CHECK (market IN ('kospi', 'kosdaq')),
    status text NOT NULL DEFAULT 'opening'
        CHECK (status IN ('opening', 'open', 'exiting', 'closed', 'abandoned')),
    is_live boolean NOT NULL GENERATED ALWAYS AS (status IN ('opening', 'open', 'exiting')) STORED,
    decision_price bigint NOT NULL CHECK (decision_price > 0),
    bought_quantity bigint NOT NULL DEFAULT 0 CHECK (bought_quantity >= 0),
    cost bigint NOT NULL DEFAULT 0 CHECK (cost >= 0),
    sold_quantity bigint NOT NULL DEFAULT 0 CHECK (sold_quantity >= 0),
    proceeds bigint NOT NULL DEFAULT 0 CHECK (proceeds >= 0),
    opened_at timestamptz,
    high_water_mark bigint CHECK (high_water_mark > 0),
    last_price bigint CHECK (last_price > 0),
    strategy_name text NOT NULL,
    strategy_version text NOT NULL,
    strategy_parameters jsonb NOT NULL DEFAULT '{}',
    strategy_reason text NOT NULL DEFAULT '',
    exit_rules jsonb NOT NULL,
    rules_version integer NOT NULL,
    closed_at timestamptz,
    exit_reason text CHECK (exit_reason IN ('kill_switch', 'operator', 'deadline', 'stop_loss', 'trailing_stop',
        'take_profit', 'trend_break', 'strategy', 'time_stop', 'foreign_sale')),
    realised_pnl bigint,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT never_sold_more_than_bought CHECK (sold_quantity <= bought_quantity),
    CONSTRAINT nothing_held_before_it_opens CHECK (status NOT IN ('opening', 'abandoned') OR bought_quantity = 0),
    CONSTRAINT held_has_shares_time_and_prices CHECK (status IN ('opening', 'abandoned') OR (
        bought_quantity > 0 AND cost > 0
        AND opened_at IS NOT NULL AND high_water_mark IS NOT NULL AND last_price IS NOT NULL)),
    CONSTRAINT open_has_sold_nothing CHECK (status <> 'open' OR sold_quantity = 0),
    CONSTRAINT only_closed_has_reason_and_pnl CHECK (
        (status = 'closed') = (exit_reason IS NOT NULL)
        AND (status = 'closed') = (realised_pnl IS NOT NULL)
        AND (status = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT closed_is_flat CHECK (status <> 'closed' OR sold_quantity = bought_quantity)
);
COMMENT ON COLUMN positions.status IS
    'opening → open (first entry fill), abandoned (no fill); open → exiting (sale decided) → closed';
COMMENT ON COLUMN positions.session_date IS 'KST calendar date of the session in which it was opened';
COMMENT ON COLUMN positions.decision_price IS 'Won per share when the entry was decided';
COMMENT ON COLUMN positions.cost IS 'Whole won paid for all shares ever bought, before commission';
COMMENT ON COLUMN positions.proceeds IS 'Whole won received for all shares sold, before commission and tax';
COMMENT ON COLUMN positions.opened_at IS 'Market time of the first entry fill';
COMMENT ON COLUMN positions.high_water_mark IS 'Best price (won) seen while holding; never falls';
COMMENT ON COLUMN positions.last_price IS 'Latest price (won) seen while holding';
COMMENT ON COLUMN positions.exit_rules IS 'The exit rules it lives under: rates as text, durations in seconds of market time';
COMMENT ON COLUMN positions.closed_at IS 'Market time of the last exit fill';
COMMENT ON COLUMN positions.realised_pnl IS 'Whole won, after commission and tax of both sides';
COMMENT ON COLUMN positions.created_at IS 'Real time (database clock)';
COMMENT ON COLUMN positions.changed_at IS 'Real time (database clock)';

CREATE UNIQUE INDEX one_live_position_per_symbol ON positions (account_id, symbol) WHERE is_live;
CREATE UNIQUE INDEX one_live_position_per_worker ON positions (account_id, worker_id) WHERE is_live;
