-- What the broker shows late or corrects: provisional fills, corrected amounts, and trades corrected after booking.

ALTER TABLE fills
    ADD COLUMN kind text NOT NULL DEFAULT 'listed' CHECK (kind IN ('listed', 'provisional', 'correction')),
    ADD COLUMN revision integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    DROP CONSTRAINT fills_pkey,
    ADD PRIMARY KEY (account_id, order_date, branch, order_no, cumulative_quantity, revision),
    DROP CONSTRAINT fills_quantity_check,
    DROP CONSTRAINT fills_amount_check,
    ADD CONSTRAINT fills_quantity_check CHECK (quantity > 0 OR kind = 'correction'),
    ADD CONSTRAINT fills_amount_check CHECK (amount > 0 OR kind = 'correction'),
    ADD CONSTRAINT a_correction_changes_something CHECK (quantity <> 0 OR amount <> 0);
COMMENT ON COLUMN fills.kind IS
    'listed: from the order list; provisional: from holdings and notices, while no list shows the order; correction: what a later list changed';
COMMENT ON COLUMN fills.revision IS 'How many corrections the order had, this row included';
COMMENT ON COLUMN fills.quantity IS 'Shares that this row adds; a correction may take shares back';
COMMENT ON COLUMN fills.amount IS 'Whole won that this row adds, before commission and tax; a correction may take won back';

ALTER TABLE orders
    ADD COLUMN provisional_quantity bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT provisional_is_part_of_filled CHECK (provisional_quantity BETWEEN 0 AND filled_quantity);
COMMENT ON COLUMN orders.provisional_quantity IS 'Of the filled shares, those that no order list has confirmed yet';

CREATE TABLE trade_corrections (
    position_id text NOT NULL REFERENCES trades,
    number integer NOT NULL CHECK (number > 0),
    account_id text NOT NULL REFERENCES accounts,
    session_date date NOT NULL,
    quantity bigint NOT NULL,
    entry_amount bigint NOT NULL,
    exit_amount bigint NOT NULL,
    entry_commission bigint NOT NULL,
    entry_tax bigint NOT NULL,
    exit_commission bigint NOT NULL,
    exit_tax bigint NOT NULL,
    net_pnl bigint NOT NULL GENERATED ALWAYS AS
        (exit_amount - entry_amount - entry_commission - entry_tax - exit_commission - exit_tax) STORED,
    closed_at timestamptz NOT NULL,
    exit_reason text NOT NULL CHECK (exit_reason IN ('kill_switch', 'operator', 'deadline', 'stop_loss',
        'trailing_stop', 'take_profit', 'trend_break', 'strategy', 'time_stop', 'foreign_sale')),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (position_id, number)
);
COMMENT ON TABLE trade_corrections IS 'What fills that came or changed after a trade was booked add to it; append-only by trigger';
COMMENT ON COLUMN trade_corrections.session_date IS
    'KST calendar date that the difference counts for: the trade''s own, or the date on which late shares were sold';
COMMENT ON COLUMN trade_corrections.quantity IS 'Shares more than were booked before';
COMMENT ON COLUMN trade_corrections.entry_amount IS 'Whole won paid, more than were booked before';
COMMENT ON COLUMN trade_corrections.exit_amount IS 'Whole won received, more than were booked before';
COMMENT ON COLUMN trade_corrections.entry_commission IS 'Whole won more';
COMMENT ON COLUMN trade_corrections.entry_tax IS 'Whole won more';
COMMENT ON COLUMN trade_corrections.exit_commission IS 'Whole won more';
COMMENT ON COLUMN trade_corrections.exit_tax IS 'Whole won more';
COMMENT ON COLUMN trade_corrections.net_pnl IS 'Whole won by which the result is better';
COMMENT ON COLUMN trade_corrections.exit_reason IS 'The exit reason of the whole trade from here on';
COMMENT ON COLUMN trade_corrections.closed_at IS 'Market time of the last exit fill that it includes';
COMMENT ON COLUMN trade_corrections.recorded_at IS 'Real time (database clock)';
CREATE INDEX corrections_of_a_session ON trade_corrections (account_id, session_date);

CREATE FUNCTION refuse_change_of_corrections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'trade_corrections are append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_corrections_are_append_only';
END
$$;
CREATE TRIGGER trade_corrections_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trade_corrections
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_corrections();

-- The one place to read results from. A correction of the trade's own date is part of its row; late shares that were
-- sold on another date are a row of that date.
CREATE VIEW booked_trades AS
WITH corrections AS (
    SELECT position_id, session_date, sum(quantity)::bigint AS quantity, sum(entry_amount)::bigint AS entry_amount,
        sum(exit_amount)::bigint AS exit_amount, sum(entry_commission)::bigint AS entry_commission,
        sum(entry_tax)::bigint AS entry_tax, sum(exit_commission)::bigint AS exit_commission,
        sum(exit_tax)::bigint AS exit_tax, sum(net_pnl)::bigint AS net_pnl, max(closed_at) AS closed_at,
        (array_agg(exit_reason ORDER BY number DESC))[1] AS exit_reason
    FROM trade_corrections GROUP BY position_id, session_date
)
SELECT trades.position_id, trades.account_id, trades.worker_id, trades.session_date, trades.symbol, trades.name,
    trades.market,
    trades.quantity + COALESCE(own.quantity, 0) AS quantity,
    trades.entry_amount + COALESCE(own.entry_amount, 0) AS entry_amount,
    trades.exit_amount + COALESCE(own.exit_amount, 0) AS exit_amount,
    trades.entry_commission + COALESCE(own.entry_commission, 0) AS entry_commission,
    trades.entry_tax + COALESCE(own.entry_tax, 0) AS entry_tax,
    trades.exit_commission + COALESCE(own.exit_commission, 0) AS exit_commission,
    trades.exit_tax + COALESCE(own.exit_tax, 0) AS exit_tax,
    trades.net_pnl + COALESCE(own.net_pnl, 0) AS net_pnl,
    trades.opened_at, GREATEST(trades.closed_at, own.closed_at) AS closed_at,
    COALESCE(own.exit_reason, trades.exit_reason) AS exit_reason,
    trades.strategy_name, trades.strategy_version, trades.strategy_parameters, trades.strategy_reason,
    trades.entry_decision_price, trades.exit_decision_price
FROM trades LEFT JOIN corrections AS own
    ON own.position_id = trades.position_id AND own.session_date = trades.session_date
UNION ALL
SELECT trades.position_id, trades.account_id, trades.worker_id, later.session_date, trades.symbol, trades.name,
    trades.market, later.quantity, later.entry_amount, later.exit_amount, later.entry_commission, later.entry_tax,
    later.exit_commission, later.exit_tax, later.net_pnl, trades.opened_at, later.closed_at, later.exit_reason,
    trades.strategy_name, trades.strategy_version, trades.strategy_parameters, trades.strategy_reason,
    trades.entry_decision_price, trades.exit_decision_price
FROM trades JOIN corrections AS later
    ON later.position_id = trades.position_id AND later.session_date <> trades.session_date;
COMMENT ON VIEW booked_trades IS 'Trades with their corrections, by the date that each result counts for';
