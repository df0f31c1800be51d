"""One recorded day on real processes and in a backtest: the trades compared, each difference with its cause."""
