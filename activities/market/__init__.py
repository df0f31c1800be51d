"""What one process knows of the market: quotes, prices, order news."""
