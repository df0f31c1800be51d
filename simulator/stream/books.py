"""H0STASP0: the whole book whenever it has changed."""

from datetime import datetime
from typing import Final

from domain.market import Side, Symbol
from domain.session import SessionPhase
from simulator.exchange import Snapshot, second_of
from simulator.quotes import expected_match
from simulator.simulation import Simulation
from simulator.stream.records import LEVELS, Book, book_fields

_AUCTIONS: Final = (SessionPhase.OPENING_AUCTION, SessionPhase.CLOSING_AUCTION)
_NO_MATCH: Final = (0, 0)


def book_of(simulation: Simulation, seen: Snapshot, most: int = LEVELS) -> Book:
    """Return at most so many asks and bids; empty when nothing can trade."""
    if seen.phase is SessionPhase.CLOSED or seen.conditions.halted:
        return (), ()
    second, levels = second_of(seen.session, seen.at), simulation.engine.liquidity.levels
    symbol = seen.listing.symbol
    asks = levels(symbol, Side.SELL, seen.session, second, most)
    return asks, levels(symbol, Side.BUY, seen.session, second, most)


class BookFeed:
    """The book of one stock."""

    def __init__(self, simulation: Simulation, symbol: Symbol) -> None:
        self._simulation = simulation
        self._symbol = symbol
        self._shown: tuple[object, ...] = ()

    def look(self, at: datetime) -> list[list[str]]:
        """Return the book unless it is the one shown last."""
        exchange = self._simulation.exchange
        seen = exchange.snapshot(self._symbol, at)
        book = book_of(self._simulation, seen)
        expected = expected_match(exchange, seen) if seen.phase in _AUCTIONS else _NO_MATCH
        shown = (*book, seen.phase, expected)
        if shown == self._shown:
            return []
        self._shown = shown
        return [book_fields(seen, book, expected)]
