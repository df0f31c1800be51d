"""Each symbol's price path as observed by our watchers, with the trades on it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from database.day_seen import PriceBar
from domain.clock import in_seoul
from domain.market import Symbol
from domain.position import ClosedTrade
from reporting.curves import bars_by_position
from reporting.reading import DayBooks
from reporting.tables import milliseconds


def price_paths(day: DayBooks) -> list[dict[str, Any]]:
    """Return a path per symbol: segments of minute bars [instant, open, high, low, close], and indexes of its trades.

    Prices exist only for the time in which shares were held. A symbol held before its first bar has only its fills.
    """
    bars = bars_by_position([bar for bar in day.bars if in_seoul(bar.minute).date() == day.date])
    names = {each.symbol: each.name for each in day.positions}
    paths = []
    for symbol in sorted(names):
        positions = [each.position_id for each in day.positions if each.symbol == symbol]
        paths.append(
            {
                "symbol": symbol,
                "name": names[symbol],
                "stretches": [list(_points(bars.get(position_id, ()))) for position_id in positions],
                "trades": [place for place, trade in enumerate(day.trades) if trade.symbol == symbol],
                "net": _net(day.trades, symbol),
            }
        )
    return sorted(paths, key=lambda path: -abs(path["net"]))


def _points(bars: Sequence[PriceBar]) -> Iterator[list[int]]:
    for bar in bars:
        at = milliseconds((bar.minute + timedelta(seconds=30)).timestamp())
        yield [at, bar.open, bar.high, bar.low, bar.close]


def _net(trades: Sequence[ClosedTrade], symbol: Symbol) -> int:
    return sum(trade.net_pnl for trade in trades if trade.symbol == symbol)
