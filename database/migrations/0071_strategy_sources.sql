-- Which code decided a trade, and which code each host runs: two hosts with different code under one name do not both buy.
ALTER TABLE positions ADD COLUMN strategy_source text NOT NULL DEFAULT '';
COMMENT ON COLUMN positions.strategy_source IS 'SHA-256 of the source that decided the entry; empty for earlier versions';
ALTER TABLE trades ADD COLUMN strategy_source text NOT NULL DEFAULT '';
COMMENT ON COLUMN trades.strategy_source IS 'SHA-256 of the source that decided the entry; empty for earlier versions';

CREATE OR REPLACE VIEW booked_trades AS
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
    trades.entry_decision_price, trades.exit_decision_price, trades.strategy_source
FROM trades LEFT JOIN corrections AS own
    ON own.position_id = trades.position_id AND own.session_date = trades.session_date
UNION ALL
SELECT trades.position_id, trades.account_id, trades.worker_id, later.session_date, trades.symbol, trades.name,
    trades.market, later.quantity, later.entry_amount, later.exit_amount, later.entry_commission, later.entry_tax,
    later.exit_commission, later.exit_tax, later.net_pnl, trades.opened_at, later.closed_at, later.exit_reason,
    trades.strategy_name, trades.strategy_version, trades.strategy_parameters, trades.strategy_reason,
    trades.entry_decision_price, trades.exit_decision_price, trades.strategy_source
FROM trades JOIN corrections AS later
    ON later.position_id = trades.position_id AND later.session_date <> trades.session_date;

CREATE TABLE strategy_sources (
    account_id text NOT NULL,
    host_id text NOT NULL,
    strategy text NOT NULL CHECK (strategy <> ''),
    version text NOT NULL,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, host_id, strategy),
    FOREIGN KEY (account_id, host_id) REFERENCES hosts
);
COMMENT ON TABLE strategy_sources IS 'The strategies of each hosting process, written at its start';
COMMENT ON COLUMN strategy_sources.source IS 'SHA-256 of the strategy''s source';
COMMENT ON COLUMN strategy_sources.recorded_at IS 'Real time (database clock)';
