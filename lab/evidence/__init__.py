"""Whether a backtest is evidence of an edge: statistics by day, random entries, capacity, and the conclusion."""
