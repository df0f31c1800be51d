"""Market data of one process: quotes, prices, order notices."""
