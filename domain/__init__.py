"""The trading rules: pure values and decisions, without clock, randomness or I/O."""
