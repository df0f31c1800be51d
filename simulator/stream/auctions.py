"""H0STANC0, the expected match while an auction collects orders, and H0STMKO0, a stock's market status."""

from datetime import datetime, timedelta
from typing import Final

from simulator.krx.units import Symbol
from simulator.quotes import expected_match, levels_of
from simulator.simulation import Simulation
from simulator.stream.backgrounds import Backgrounds
from simulator.stream.books import gathers
from simulator.stream.records import depth_of, expected_fields, status_fields
from simulator.venues import Division

_SAID_AGAIN_AFTER: Final = timedelta(seconds=10)


class ExpectedFeed:
    """Expected match of one stock in auctions and volatility interruptions: on change and every 10 market seconds."""

    def __init__(self, simulation: Simulation, symbol: Symbol, division: Division) -> None:
        self._simulation = simulation
        self._division = division
        self._symbol = symbol
        self._backgrounds = Backgrounds(simulation.exchange, symbol)
        self._said: tuple[tuple[int, int], datetime] | None = None

    def look(self, at: datetime) -> list[list[str]]:
        """Return the expected match if it is due."""
        exchange = self._simulation.exchange
        seen = exchange.snapshot(self._symbol, at).on(self._division)
        if not gathers(seen):
            self._said = None
            return []
        expected = expected_match(exchange, seen)
        if self._said and self._said[0] == expected and at - self._said[1] < _SAID_AGAIN_AFTER:
            return []
        self._said = (expected, at)
        book = levels_of(self._simulation, seen)
        return [expected_fields(seen, expected, book, self._backgrounds.of(seen, depth_of(book)))]


class StatusFeed:
    """Changes of phase, halts and volatility interruptions of one stock after the first check."""

    def __init__(self, simulation: Simulation, symbol: Symbol, at: datetime) -> None:
        self._simulation = simulation
        self._symbol = symbol
        self._shown = self._status(at)

    def look(self, at: datetime) -> list[list[str]]:
        """Return the status if it has changed."""
        status = self._status(at)
        if status == self._shown:
            return []
        self._shown = status
        return [status]

    def _status(self, at: datetime) -> list[str]:
        return status_fields(self._simulation.exchange.snapshot(self._symbol, at))
