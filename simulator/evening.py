"""The evening after a session: a calm seeded path around the close, for the after-market."""

import math
from typing import Final, NamedTuple

from simulator.day_plan import seeded
from simulator.krx.prices import DailyLimits
from simulator.krx.units import Price

_NOISE: Final = 0.0006
_WIDEST: Final = 0.03
_VOLUME_SHARE: Final = 0.0002
_MINUTE: Final = 60


class EveningMinute(NamedTuple):
    """Price (won) and shares of one minute."""

    price: Price
    volume: int


class Evening:
    """Evening prices by second after the open, from ``start`` to ``end``, starting at the close.

    The price changes each minute.
    """

    def __init__(self, seed: str, close: Price, limits: DailyLimits, seconds: range, daily_volume: int) -> None:
        self.seconds = seconds
        self.limits = limits
        self._forced: list[tuple[int, Price]] = []
        self.minutes = self._draw(seed, close, daily_volume)

    def price_at(self, second: int) -> Price:
        """Return the last price at a second. Past the end it stays constant."""
        forced = [price for since, price in self._forced if since <= second]
        return forced[-1] if forced else self.minutes[self._minute(second)].price

    def lived(self, second: int) -> list[EveningMinute]:
        """Return the minutes up to a second."""
        until = self._minute(second)
        return [
            EveningMinute(self.price_at(self.seconds.start + place * _MINUTE), minute.volume)
            for place, minute in enumerate(self.minutes[: until + 1])
        ]

    def force(self, second: int, price: Price | None) -> None:
        """Hold a price from a second on; None resumes the seeded path."""
        self._forced = [one for one in self._forced if one[0] < second]
        resumed = self.minutes[self._minute(second)].price
        self._forced.append((second, self.limits.clamp(price or resumed)))

    def _minute(self, second: int) -> int:
        return max(0, min((second - self.seconds.start) // _MINUTE, len(self.minutes) - 1))

    def _draw(self, seed: str, close: Price, daily_volume: int) -> list[EveningMinute]:
        chance, level, minutes = seeded(0, seed), 0.0, []
        for _ in range(len(self.seconds) // _MINUTE):
            price = self.limits.nearest(close * math.exp(level))
            minutes.append(EveningMinute(price, int(daily_volume * _VOLUME_SHARE * chance.expovariate(1))))
            level = max(-_WIDEST, min(_WIDEST, level + chance.gauss(0, _NOISE)))
        return minutes
