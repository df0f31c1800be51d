"""The order of activities: the trading worker's loop and the market close."""
