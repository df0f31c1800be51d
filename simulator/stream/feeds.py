"""New records of a stock or an index since the last check, from the same snapshots that REST shows."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from simulator.krx.units import Symbol
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.auctions import ExpectedFeed, StatusFeed
from simulator.stream.books import BookFeed
from simulator.stream.index_records import ExpectedIndexFeed, IndexFeed
from simulator.stream.participants import SampledFeed, broker_record, program_record
from simulator.stream.topics import Kind, Topic
from simulator.stream.trades import TradeFeed
from simulator.venues import Division


class Feed(Protocol):
    """One stock's data for one TR id. Each check advances it."""

    def look(self, at: datetime) -> list[list[str]]:
        """Return the fields of the new records at a market instant (whole seconds), oldest first."""


class Wanted(NamedTuple):
    """What a feed is of: a stock or an index from a market instant on."""

    simulation: Simulation
    topic: Topic
    symbol: Symbol
    settings: StreamSettings
    at: datetime

    @property
    def division(self) -> Division:
        """Return the venues."""
        return self.topic.division


_FEEDS: Final[dict[Kind, Callable[[Wanted], Feed]]] = {
    Kind.TRADES: lambda one: TradeFeed(one.simulation, one.symbol, one.division, one.settings, one.at),
    Kind.BOOK: lambda one: BookFeed(one.simulation, one.symbol, one.division, one.settings),
    Kind.EXPECTED: lambda one: ExpectedFeed(one.simulation, one.symbol, one.division),
    Kind.STATUS: lambda one: StatusFeed(one.simulation, one.symbol, one.at),
    Kind.PROGRAMS: lambda one: SampledFeed(one.simulation, one.symbol, one.division, program_record),
    Kind.BROKERS: lambda one: SampledFeed(one.simulation, one.symbol, one.division, broker_record),
    Kind.INDEX: lambda one: IndexFeed(one.simulation, one.symbol),
    Kind.EXPECTED_INDEX: lambda one: ExpectedIndexFeed(one.simulation, one.symbol),
}


def feed_of(wanted: Wanted) -> Feed:
    """Return the feed of a topic."""
    return _FEEDS[wanted.topic.kind](wanted)
