"""Parts of the market watch: one loop that judges all positions of a shard."""
