-- Real money buys by a strategy's code that has passed its verdict, or that an operator has confirmed without one.
CREATE TABLE strategy_verdicts (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    strategy text NOT NULL CHECK (strategy <> ''),
    source text NOT NULL CHECK (source <> ''),
    conclusion text NOT NULL CHECK (conclusion IN ('pass', 'not_enough_evidence', 'no_edge_after_costs')),
    backtest text NOT NULL,
    judgement jsonb NOT NULL,
    judged_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE strategy_verdicts IS 'Verdicts on backtests; the latest of a strategy and source counts. Rows are never changed';
COMMENT ON COLUMN strategy_verdicts.source IS 'SHA-256 of the strategy''s source';
COMMENT ON COLUMN strategy_verdicts.judgement IS 'The checks and figures of the verdict';
COMMENT ON COLUMN strategy_verdicts.judged_at IS 'Real time (database clock)';
CREATE INDEX latest_verdict ON strategy_verdicts (strategy, source, number);

CREATE TABLE unproven_strategies (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id text NOT NULL REFERENCES accounts,
    strategy text NOT NULL CHECK (strategy <> ''),
    source text NOT NULL CHECK (source <> ''),
    is_accepted boolean NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE unproven_strategies IS
    'Operators'' decisions to trade a strategy''s code without a passing verdict; the latest counts. Rows are never changed';
COMMENT ON COLUMN unproven_strategies.is_accepted IS 'False: the confirmation was withdrawn';
COMMENT ON COLUMN unproven_strategies.decided_at IS 'Real time (database clock)';
CREATE INDEX latest_decision ON unproven_strategies (account_id, strategy, source, number);
