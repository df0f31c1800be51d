"""H0STCNT0: at most one trade a market second, at the price and volume that REST shows for that second."""

from datetime import datetime, timedelta
from typing import Final

from domain.market import Symbol
from domain.session import Session
from simulator.exchange import Snapshot
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.backgrounds import Backgrounds
from simulator.stream.books import book_of
from simulator.stream.records import depth_of, trade_fields

_SECOND: Final = timedelta(seconds=1)


class TradeFeed:
    """The trades of one stock from a market instant on."""

    def __init__(self, simulation: Simulation, symbol: Symbol, settings: StreamSettings, at: datetime) -> None:
        self._simulation = simulation
        self._symbol = symbol
        self._settings = settings
        self._last = simulation.exchange.snapshot(symbol, at)
        self._backgrounds = Backgrounds(simulation.exchange, symbol)

    def look(self, at: datetime) -> list[list[str]]:
        """Return the trades since the last look; where there are too many, some stand for those between them."""
        exchange = self._simulation.exchange
        trades = []
        for instant in self._instants(exchange.shown_session(at), at):
            seen = exchange.snapshot(self._symbol, instant)
            last, self._last = self._last, seen
            before = last.totals.volume if last.session.date == seen.session.date else 0
            grown = seen.totals.volume - before
            if grown > 0 or (seen.price != last.price and seen.totals.volume):
                trades.append((seen, max(grown, 1)))
        return self._records(trades)

    def _records(self, trades: list[tuple[Snapshot, int]]) -> list[list[str]]:
        """Return the trades field by field; the depth of the whole book (38, 39) is the last trade's in all of them."""
        if not trades:
            return []
        depth = depth_of(book_of(self._simulation, trades[-1][0]))
        return [
            trade_fields(seen, size, book_of(self._simulation, seen, 1), self._backgrounds.of(seen, depth))
            for seen, size in trades
        ]

    def _instants(self, session: Session, at: datetime) -> list[datetime]:
        """Return the market seconds to look at: those of continuous trading and the closing auction's last one."""
        after = max(self._last.at, session.opens_at - _SECOND)
        end = min(at, session.auction_at - _SECOND)
        count = int((end - after).total_seconds())
        instants = [after + _SECOND * step for step in _steps(count, self._settings.records)]
        if self._last.at < session.ends_at <= at:
            instants.append(session.ends_at)
        elif self._last.at == at and session.opens_at <= at:
            instants.append(at)
        return instants


def _steps(count: int, most: int) -> list[int]:
    """Return 1…count, or as many of them as may be, evenly spread and with the last one."""
    if count <= most:
        return list(range(1, count + 1))
    return [count * step // most for step in range(1, most + 1)]
