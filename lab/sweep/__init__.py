"""Many variants of a strategy over recorded sessions, by the pure functions that trade."""
