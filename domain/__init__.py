"""The rules of the trade: pure values and decisions, without clock, chance or I/O."""
