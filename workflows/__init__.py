"""The acts in their order: the trading worker's loop and the market close."""
