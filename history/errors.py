"""Errors of recorded bars. Each text names file, problem and remedy."""


class HistoryError(Exception):
    """Recorded bars cannot be read or written."""


class MissingDuckDBError(HistoryError):
    """The optional package that reads and writes Parquet is not installed."""

    def __init__(self) -> None:
        super().__init__("bars are kept as Parquet, which needs DuckDB; run: pip install duckdb (the extra `history`)")


class StoreBusyError(HistoryError):
    """Another process writes into the same store."""
