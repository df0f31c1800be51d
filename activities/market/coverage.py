"""For which stocks the stream speaks now: their last price counts as confirmed for longer, until it proves deaf."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.market import Quote, Symbol

if TYPE_CHECKING:
    from activities.support.pace import Pace

logger = logging.getLogger("haru.stream")

_LASTS: Final = timedelta(seconds=3)
"""Real time after which a stream that nobody vouches for any more counts as gone."""
_DEAF_AFTER: Final = timedelta(seconds=2)
"""Real time that a trade's tick may be on its way after the broker shows its volume."""


class Coverage:
    """Kept by whoever hears the stream, asked by the feed. Ages are market time, limits above real time."""

    def __init__(self, pace: "Pace") -> None:
        self._pace = pace
        self._until: dict[Symbol, datetime] = {}
        self._volumes: dict[Symbol, int] = {}
        self._missed_since: dict[Symbol, datetime] = {}
        self._silent: set[Symbol] = set()

    def covers(self, symbol: Symbol) -> bool:
        """Tell whether a trade of this stock would be heard of now."""
        until = self._until.get(symbol)
        return until is not None and self._pace.now() < until and symbol not in self._silent

    def extend(self, symbols: Iterable[Symbol]) -> None:
        """Vouch for these stocks, and for no others, for a few seconds more."""
        until = self._pace.now() + self._pace.clock.market_duration(_LASTS)
        self._until = dict.fromkeys(symbols, until)

    def withdraw(self) -> None:
        """Vouch for nothing: the stream is gone, and what it last said is old."""
        self._until.clear()
        self._volumes.clear()
        self._missed_since.clear()
        self._silent.clear()

    def silent(self) -> tuple[Symbol, ...]:
        """Return the stocks that trade without the stream telling."""
        return tuple(self._silent)

    def heard(self, tick: Quote) -> None:
        """Note that the stream tells of this stock."""
        self._volumes[tick.symbol] = tick.volume
        self._missed_since.pop(tick.symbol, None)
        self._silent.discard(tick.symbol)

    def compare(self, asked: Quote) -> None:
        """Hold the stream against an answer of the broker's: its volume may not grow twice without a tick."""
        symbol, before = asked.symbol, self._volumes.get(asked.symbol)
        if not self.covers(symbol):
            return
        self._volumes[symbol] = asked.volume
        if before is None or asked.volume <= before:
            return
        now = self._pace.now()
        since = self._missed_since.setdefault(symbol, now)
        if now - since >= self._pace.clock.market_duration(_DEAF_AFTER):
            self._silent.add(symbol)
            logger.warning("stream_silent", extra={"symbol": symbol})
