"""Recorded bars: import, download, check, and the store that keeps them as Parquet."""
