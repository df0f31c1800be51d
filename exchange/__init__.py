"""What is public about the exchange itself: its calendar."""
