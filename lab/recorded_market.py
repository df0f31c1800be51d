"""The part of the store of recorded bars that a report shows: traded stocks, daily bars, universe and indexes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from domain.market import Symbol
from domain.position import ClosedTrade
from history.errors import HistoryError
from history.indexes import read_indexes
from history.store import BarStore
from reporting.market import Recorded, RecordedDay
from reporting.research import turnover_before

_EARLIER: Final = timedelta(days=21)
"""Daily bars before the stretch, for the session before its first one."""

Traded = Mapping[date, Sequence[Symbol]]


def read_market(store: BarStore, traded: Traded, *, universe: bool = False) -> Recorded:
    """Read what the store has of these sessions; ``universe`` also reads the stocks that were not traded.

    Raises:
        HistoryError: a file cannot be read, or DuckDB is not installed.
    """
    first, last = min(traded), max(traded)
    stored = frozenset(store.sessions(first, last))
    days = {
        day: RecordedDay(
            minutes=store.minutes(day, symbols) if symbols else {},
            universe=store.symbols_on(day) if universe else (),
        )
        for day, symbols in traded.items()
        if day in stored
    }
    every = {symbol for symbols in traded.values() for symbol in symbols}
    every |= {symbol for day in days.values() for symbol in day.universe}
    daily = store.daily_between(first - _EARLIER, last, sorted(every))
    return Recorded(days, daily, read_indexes(store.folder))


def turnovers(bars: Path, trades: Sequence[ClosedTrade]) -> Callable[[ClosedTrade], int | None]:
    """Return how to find a stock's turnover in the session before a trade; nothing is found without stored bars."""
    recorded = Recorded()
    if trades and bars.exists():
        dates = [date(*trade.session_date.timetuple()[:3]) for trade in trades]
        symbols = sorted({trade.symbol for trade in trades})
        try:
            recorded = Recorded(daily=BarStore(bars).daily_between(min(dates) - _EARLIER, max(dates), symbols))
        except HistoryError:
            recorded = Recorded()
    return lambda trade: turnover_before(trade, recorded)
