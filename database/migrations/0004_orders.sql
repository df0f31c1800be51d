CREATE TABLE orders (
    intent_id text PRIMARY KEY CHECK (intent_id <> ''),
    sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    account_id text NOT NULL REFERENCES accounts,
    worker_id text NOT NULL CHECK (worker_id <> ''),
    position_id text NOT NULL REFERENCES positions,
    session_date date NOT NULL,
    symbol text NOT NULL CHECK (symbol ~ '^[0-9A-Z]{6}$'),
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity bigint NOT NULL CHECK (quantity > 0),
    order_type text NOT NULL CHECK (order_type IN ('limit', 'market')),
    limit_price bigint CHECK (limit_price > 0),
    purpose text NOT NULL CHECK (purpose IN ('entry', 'exit')),
    reason text NOT NULL,
    fencing_token bigint NOT NULL CHECK (fencing_token > 0),
    decision_price bigint NOT NULL CHECK (decision_price > 0),
    decided_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'intended' CHECK (status IN ('intended', 'sending', 'unknown', 'accepted',
        'partially_filled', 'filled', 'cancelled', 'rejected', 'denied', 'never_placed', 'quarantined')),
    is_active boolean NOT NULL GENERATED ALWAYS AS (status IN
        ('intended', 'sending', 'unknown', 'accepted', 'partially_filled', 'quarantined')) STORED,
    sent_at timestamptz,
    order_date date,
    branch text,
    order_no text CHECK (order_no <> ''),
    filled_quantity bigint NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0),
    filled_amount bigint NOT NULL DEFAULT 0 CHECK (filled_amount >= 0),
    reject_code text NOT NULL DEFAULT '',
    reject_message text NOT NULL DEFAULT '',
    denial text,
    evidence text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT limit_order_has_a_price CHECK ((order_type = 'limit') = (limit_price IS NOT NULL)),
    CONSTRAINT entries_buy_and_exits_sell CHECK ((purpose = 'entry') = (side = 'buy')),
    CONSTRAINT reference_is_whole CHECK (num_nonnulls(order_date, branch, order_no) IN (0, 3)),
    CONSTRAINT working_has_a_reference CHECK (
        status NOT IN ('accepted', 'partially_filled', 'filled', 'cancelled') OR order_no IS NOT NULL),
    CONSTRAINT unsent_has_no_reference CHECK (status NOT IN ('intended', 'denied', 'never_placed') OR order_no IS NULL),
    CONSTRAINT sent_has_a_time CHECK (status IN ('intended', 'denied', 'never_placed') OR sent_at IS NOT NULL),
    CONSTRAINT denied_has_a_denial CHECK ((status = 'denied') = (denial IS NOT NULL)),
    CONSTRAINT never_filled_more_than_ordered CHECK (filled_quantity <= quantity),
    CONSTRAINT fills_have_an_amount CHECK ((filled_quantity = 0) = (filled_amount = 0)),
    CONSTRAINT filled_is_full CHECK ((status = 'filled') = (filled_quantity = quantity)),
    CONSTRAINT partly_filled_has_shares CHECK (status <> 'partially_filled' OR filled_quantity > 0),
    CONSTRAINT fills_need_a_working_order CHECK (
        filled_quantity = 0 OR status IN ('partially_filled', 'filled', 'cancelled'))
);
COMMENT ON COLUMN orders.status IS
    'intended → sending, denied, never_placed; sending → accepted, rejected, unknown; the rest in domain/order.py';
COMMENT ON COLUMN orders.worker_id IS 'Who answers for it now; an adopted orphan changes hands, its fencing token does not';
COMMENT ON COLUMN orders.session_date IS 'KST calendar date of the session';
COMMENT ON COLUMN orders.limit_price IS 'Won per share; null for a market order';
COMMENT ON COLUMN orders.decision_price IS 'Last price (won) when the order was decided';
COMMENT ON COLUMN orders.decided_at IS 'Market time of the decision';
COMMENT ON COLUMN orders.sent_at IS 'Real time (database clock) just before the one request left';
COMMENT ON COLUMN orders.order_date IS 'KST date under which the broker numbers the order';
COMMENT ON COLUMN orders.filled_amount IS 'Whole won over all fills, before commission and tax';
COMMENT ON COLUMN orders.evidence IS 'What an adoption, a proof of absence or a quarantine rests on';
COMMENT ON COLUMN orders.created_at IS 'Real time (database clock)';
COMMENT ON COLUMN orders.changed_at IS 'Real time (database clock)';

CREATE UNIQUE INDEX one_active_order_per_side ON orders (account_id, symbol, side) WHERE is_active;
CREATE UNIQUE INDEX one_intent_per_broker_order ON orders (account_id, order_date, branch, order_no)
    WHERE order_no IS NOT NULL;
CREATE INDEX orders_of_a_position ON orders (position_id);

CREATE TABLE fills (
    account_id text NOT NULL,
    order_date date NOT NULL,
    branch text NOT NULL,
    order_no text NOT NULL,
    cumulative_quantity bigint NOT NULL,
    intent_id text NOT NULL REFERENCES orders,
    quantity bigint NOT NULL CHECK (quantity > 0),
    amount bigint NOT NULL CHECK (amount > 0),
    filled_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, order_date, branch, order_no, cumulative_quantity),
    CONSTRAINT part_of_the_whole CHECK (quantity <= cumulative_quantity)
);
COMMENT ON COLUMN fills.cumulative_quantity IS 'Shares of the order filled up to and including this row: its identity';
COMMENT ON COLUMN fills.quantity IS 'Shares that this row adds';
COMMENT ON COLUMN fills.amount IS 'Whole won that this row adds, before commission and tax';
COMMENT ON COLUMN fills.filled_at IS 'Market time at which we learned of it';
COMMENT ON COLUMN fills.recorded_at IS 'Real time (database clock)';
CREATE INDEX fills_of_an_order ON fills (intent_id);
