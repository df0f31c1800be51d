"""New records of a stock since the last check, from the same snapshots that REST shows."""

from datetime import datetime
from typing import Protocol

from simulator.krx.units import Symbol
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.auctions import ExpectedFeed, StatusFeed
from simulator.stream.books import BookFeed
from simulator.stream.topics import BOOK, EXPECTED, STATUS
from simulator.stream.trades import TradeFeed


class Feed(Protocol):
    """One stock's data for one TR id. Each check advances it."""

    def look(self, at: datetime) -> list[list[str]]:
        """Return the fields of the new records at a market instant (whole seconds), oldest first."""


def feed_of(tr_id: str, symbol: Symbol, simulation: Simulation, settings: StreamSettings, at: datetime) -> Feed:
    """Return the feed of a TR id that starts at a market instant."""
    if tr_id == BOOK:
        return BookFeed(simulation, symbol, settings)
    if tr_id == EXPECTED:
        return ExpectedFeed(simulation, symbol)
    if tr_id == STATUS:
        return StatusFeed(simulation, symbol, at)
    return TradeFeed(simulation, symbol, settings, at)
