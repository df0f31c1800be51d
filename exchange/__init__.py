"""Public facts about the exchange: its calendar."""
