"""Stocks that the stream covers now: their last price stays confirmed longer, until the stream misses trades."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.market import Quote, Symbol

if TYPE_CHECKING:
    from activities.support.pace import Pace

logger = logging.getLogger("haru.stream")

_LASTS: Final = timedelta(seconds=3)
"""Real time after which coverage that is not extended ends."""
_DEAF_AFTER: Final = timedelta(seconds=2)
"""Real time that a trade's tick may arrive after the broker shows its volume."""


class Coverage:
    """Updated by the stream consumer, read by the feed. Ages are market time, limits above real time."""

    def __init__(self, pace: "Pace", deaf_after: timedelta = _DEAF_AFTER) -> None:
        self._pace = pace
        self._deaf_after = deaf_after
        self._until: dict[Symbol, datetime] = {}
        self._volumes: dict[Symbol, int] = {}
        self._missed_since: dict[Symbol, datetime] = {}
        self._silent: set[Symbol] = set()

    def covers(self, symbol: Symbol) -> bool:
        """Return whether the stream currently reports trades of this stock."""
        until = self._until.get(symbol)
        return until is not None and self._pace.now() < until and symbol not in self._silent

    def extend(self, symbols: Iterable[Symbol]) -> None:
        """Extend coverage of these stocks by a few seconds, and end that of all others."""
        until = self._pace.now() + self._pace.clock.market_duration(_LASTS)
        self._until = dict.fromkeys(symbols, until)

    def withdraw(self) -> None:
        """Drop all coverage: the stream is gone, and its last prices are old."""
        self._until.clear()
        self._volumes.clear()
        self._missed_since.clear()
        self._silent.clear()

    def silent(self) -> tuple[Symbol, ...]:
        """Return the stocks whose trades the stream misses."""
        return tuple(self._silent)

    def heard(self, tick: Quote) -> None:
        """Record a tick of this stock."""
        self._volumes[tick.symbol] = tick.volume
        self._missed_since.pop(tick.symbol, None)
        self._silent.discard(tick.symbol)

    def compare(self, asked: Quote) -> None:
        """Check the stream against a broker quote: its volume must not grow twice without a tick."""
        symbol, before = asked.symbol, self._volumes.get(asked.symbol)
        if not self.covers(symbol):
            return
        self._volumes[symbol] = asked.volume
        if before is None or asked.volume <= before:
            return
        now = self._pace.now()
        since = self._missed_since.setdefault(symbol, now)
        if now - since >= self._pace.clock.market_duration(self._deaf_after):
            self._silent.add(symbol)
            logger.warning("stream_silent", extra={"symbol": symbol})
