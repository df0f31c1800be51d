"""Fields of a record beyond the trade: times of the day's extremes, and the previous day's volume by this time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from simulator.exchange import Exchange, Snapshot, second_of
from simulator.krx.sessions import Session
from simulator.krx.units import Price, Symbol
from simulator.pressure import pressure_of
from simulator.stream.records import Background

_MINUTE: Final = 60


class Backgrounds:
    """Caches values that change at most once a minute."""

    def __init__(self, exchange: Exchange, symbol: Symbol) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._minute: tuple[Session, int] | None = None
        self._reached: dict[Price, datetime] = {}
        self._previous_volume = 0

    def of(self, seen: Snapshot, depth: Iterable[int]) -> Background:
        """Return the background of a snapshot; ``depth`` is the shares asked and bid in the whole book."""
        self._turn_to(seen)
        return Background(
            seen.session.opens_at,
            self._reached_at(seen, seen.totals.high_price, highest=True),
            self._reached_at(seen, seen.totals.low_price, highest=False),
            self._exchange.previous_day(self._symbol, seen.session),
            self._previous_volume,
            pressure_of(self._exchange, seen),
            *depth,
        )

    def _turn_to(self, seen: Snapshot) -> None:
        minute = (seen.session, second_of(seen.session, seen.at) // _MINUTE)
        if minute == self._minute:
            return
        if self._minute is None or self._minute[0] != seen.session:
            self._reached.clear()
        self._minute = minute
        path = self._exchange.tapes[self._symbol].path(self._exchange.sessions.position(seen.session) - 1)
        self._previous_volume = path.totals_at(minute[1] * _MINUTE).volume

    def _reached_at(self, seen: Snapshot, price: Price, *, highest: bool) -> datetime:
        """Return when the day's extreme was first reached; to the minute if it was not observed."""
        if price not in self._reached:
            path = self._exchange.path(self._symbol, seen.session)
            last = min(second_of(seen.session, seen.at) // _MINUTE, path.minutes - 1)
            bars = (path.bar(minute) for minute in range(last))
            found = (place for place, bar in enumerate(bars) if price == (bar.high if highest else bar.low))
            minute = next(found, None)
            at = seen.at if minute is None else seen.session.opens_at + timedelta(minutes=minute)
            self._reached[price] = at
        return self._reached[price]
