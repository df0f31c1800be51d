"""What has been observed of a stock's recorded day up to a minute. It is made as time passes, never ahead."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from domain.market import MinuteBar as SeenBar
from domain.market import PriceSample
from domain.money import Price, Quantity
from simulator.natural_day import MinuteBar

_MINUTE = 60


class Totals(NamedTuple):
    """What has traded before a minute; zeros before the first."""

    open_price: Price
    high: int
    low: int
    volume: int
    turnover: int


class SeenDay:
    """A stock's minutes as a host observes them. ``starts`` are the starts of all minutes."""

    def __init__(self, bars: Sequence[MinuteBar], starts: Sequence[datetime]) -> None:
        self._tape = bars
        self._starts = starts
        self._totals = [Totals(Price(0), 0, 0, 0, 0)]
        self._bars: list[SeenBar] = []
        self._samples: list[PriceSample] = []

    def __len__(self) -> int:
        return len(self._tape)

    def totals_before(self, minute: int) -> Totals:
        """Return what has traded before a minute."""
        found = self._totals
        while len(found) <= minute:
            last, bar = found[-1], self._tape[len(found) - 1]
            typical = (bar.open + bar.high + bar.low + bar.close) // 4
            found.append(
                Totals(
                    Price(self._tape[0].open),
                    max(last.high, bar.high),
                    min(last.low or bar.low, bar.low),
                    last.volume + bar.volume,
                    last.turnover + bar.volume * typical,
                )
            )
        return found[minute]

    def bars_before(self, minute: int) -> tuple[SeenBar, ...]:
        """Return the complete bars before a minute."""
        found = self._bars
        for at in range(len(found), minute):
            first, high, low, close, volume = self._tape[at]
            found.append(
                SeenBar(self._starts[at], Price(first), Price(high), Price(low), Price(close), Quantity(volume))
            )
        return tuple(found[:minute])

    def samples(self, first: int, last: int) -> tuple[PriceSample, ...]:
        """Return the samples at the starts of minutes, the last one included."""
        found = self._samples
        for at in range(len(found), last + 1):
            bar = self._tape[at]
            volume = Quantity(self.totals_before(at).volume + bar.volume // _MINUTE)
            found.append(PriceSample(self._starts[at], Price(bar.open), volume))
        return tuple(found[first : last + 1])
