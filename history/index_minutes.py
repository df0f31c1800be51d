"""Minutes of KOSPI and KOSDAQ beside the stocks' bars: one Parquet file a session, ``index/YYYY-MM-DD.parquet``."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from domain.bar import IndexBar
from domain.market import Market
from history.parquet import Parquet

_COLUMNS: Final = {
    "market": "VARCHAR",
    "minute": "INTEGER",
    **dict.fromkeys(("open", "high", "low", "close"), "DECIMAL(12, 2)"),
}
_LONGEST_BREAK: Final = timedelta(days=14)
"""The age up to which an earlier level counts as the previous close, as for stocks."""


class IndexMinutes:
    """The indices below the folder of a store. The caller holds the store to write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "index"
        self._parquet = Parquet()

    def file(self, day: date) -> Path:
        """Return the file of a session, which may not exist."""
        return self._folder / f"{day}.parquet"

    def of(self, day: date) -> dict[Market, list[IndexBar]]:
        """Return a session's minutes in order; an index without bars is missing.

        Raises:
            HistoryError: the file cannot be read.
        """
        file = self.file(day)
        query = "SELECT market, minute, open, high, low, close FROM {files} ORDER BY market, minute"
        found: dict[Market, list[IndexBar]] = {}
        for market, *bar in self._parquet.rows(query, [file] if file.exists() else []):
            found.setdefault(Market(market), []).append(IndexBar(*bar))
        return found

    def close_before(self, day: date, market: Market) -> Decimal:
        """Return the last level of the stored session before; zero if unknown."""
        since = day - _LONGEST_BREAK
        earlier = (day - timedelta(days=back) for back in range(1, (day - since).days + 1))
        newest = next((each for each in earlier if self.file(each).exists()), None)
        bars = self.of(newest).get(market) if newest else None
        return bars[-1].close if bars else Decimal(0)

    def closes(self) -> dict[Market, list[tuple[date, Decimal]]]:
        """Return each index's last level of every stored session, oldest first.

        Raises:
            HistoryError: a file cannot be read.
        """
        days = {_day(file): file for file in self._folder.glob("*.parquet")}
        found: dict[Market, list[tuple[date, Decimal]]] = {}
        for day in sorted(each for each in days if each is not None):
            for market, bars in self.of(day).items():
                found.setdefault(market, []).append((day, bars[-1].close))
        return found

    def write(self, day: date, bars: Mapping[Market, Sequence[IndexBar]]) -> None:
        """Replace the minutes of these indices in a session; the others stay. Atomic."""
        rows = ((market.value, *bar) for market, found in bars.items() for bar in found)
        kept = "market NOT IN (SELECT market FROM new)"
        self._parquet.write(self.file(day), _COLUMNS, rows, kept=kept, order="market, minute")


def _day(file: Path) -> date | None:
    try:
        return date.fromisoformat(file.stem)
    except ValueError:
        return None
