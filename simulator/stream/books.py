"""H0STASP0, H0UNASP0 and H0NXASP0: the whole book whenever it changes."""

from datetime import datetime
from typing import Final

from simulator.exchange import Snapshot
from simulator.krx.sessions import SessionPhase
from simulator.krx.units import Symbol, TradingFlag
from simulator.quotes import expected_match, flags_of, levels_of
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.records import book_fields, with_mid_price
from simulator.venues import Division

_AUCTIONS: Final = (SessionPhase.OPENING_AUCTION, SessionPhase.CLOSING_AUCTION)
_NO_MATCH: Final = (0, 0)


def gathers(seen: Snapshot) -> bool:
    """Return whether orders wait for a single price: in auctions and volatility interruptions."""
    interrupted = TradingFlag.VOLATILITY_INTERRUPTION in flags_of(seen)
    return seen.phase in _AUCTIONS or (interrupted and seen.phase is SessionPhase.CONTINUOUS)


class BookFeed:
    """The book of one stock."""

    def __init__(self, simulation: Simulation, symbol: Symbol, division: Division, settings: StreamSettings) -> None:
        self._simulation = simulation
        self._division = division
        self._settings = settings
        self._symbol = symbol
        self._shown: tuple[object, ...] = ()

    def look(self, at: datetime) -> list[list[str]]:
        """Return the book if it has changed."""
        exchange = self._simulation.exchange
        seen = exchange.snapshot(self._symbol, at).on(self._division)
        book = levels_of(self._simulation, seen)
        expected = expected_match(exchange, seen) if gathers(seen) else _NO_MATCH
        shown = (*book, seen.phase, expected)
        if shown == self._shown:
            return []
        self._shown = shown
        fields = book_fields(seen, book, expected)
        return [with_mid_price(fields, seen, book, is_new=bool(self._settings.market_class))]
