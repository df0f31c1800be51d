"""What operators do with a running fleet: start, command, watch, close, and account for the day."""
