"""One stock's undisturbed day: minute bars from the plan, and a price for every second."""

import math
from typing import Final, NamedTuple

from simulator.day_plan import Character, DayPlan, seeded
from simulator.krx.prices import limits_around
from simulator.krx.units import Price
from simulator.listings import Listing

_TAPER_MINUTES: Final = 15
_LAST_SECOND: Final = 59
_REACH: Final = 0.7


class MinuteBar(NamedTuple):
    """The trades of one minute; prices in won, volume in shares."""

    open: int
    high: int
    low: int
    close: int
    volume: int


class NaturalDay:
    """Minute bars of continuous trading and a price for every second since the open, for one seed."""

    def __init__(self, seed: int, listing: Listing, plan: DayPlan, base: Price, minutes: int) -> None:
        self.plan = plan
        self.limits = limits_around(base, listing.grid)
        self._rng = seeded(seed, listing.symbol, base, plan.close_level, "minutes")
        self.bars = self._draw(base, minutes, listing.daily_volume * plan.volume / minutes)

    def price_at(self, second: int) -> Price:
        """Return the last price ``second`` seconds after the open. Past the last minute it stays constant."""
        minute, inside = divmod(min(max(second, 0), len(self.bars) * 60 - 1), 60)
        bar = self.bars[minute]
        turns, first_at, second_at = _turns(bar)
        if inside <= first_at:
            exact = _between(bar.open, turns[0], inside / first_at)
        elif inside <= second_at:
            exact = _between(turns[0], turns[1], (inside - first_at) / (second_at - first_at))
        else:
            exact = _between(turns[1], bar.close, (inside - second_at) / (_LAST_SECOND - second_at))
        if exact in bar[:4]:  # a recorded price may be half a tick off the grid
            return Price(int(exact))
        return self.limits.nearest(exact)

    def begun_bar(self, minute: int, inside: int) -> MinuteBar:
        """Return a partial bar: the first seconds of a minute, up to and including the second ``inside``."""
        bar = self.bars[minute]
        turns, first_at, second_at = _turns(bar)
        now = self.price_at(minute * 60 + inside)
        passed = [price for price, at in zip(turns, (first_at, second_at), strict=True) if inside >= at]
        prices = (bar.open, now, *passed)
        return MinuteBar(bar.open, max(prices), min(prices), now, bar.volume * (inside + 1) // 60)

    def liquidity_at(self, minute: int) -> float:
        """Return the depth of the order book (1 = usual)."""
        return self._fading(minute / len(self.bars))

    @property
    def closing_volume(self) -> int:
        """Return the shares traded in the closing auction."""
        return max(1, sum(bar.volume for bar in self.bars[-10:]) // 2)

    def _draw(self, base: Price, minutes: int, usual_volume: float) -> list[MinuteBar]:
        levels = self._levels(minutes)
        prices = [self.limits.nearest(base * math.exp(level)) for level in levels]
        bars = []
        for minute in range(minutes):
            move = abs(levels[minute + 1] - levels[minute])
            usual = usual_volume * _time_of_day(minute, minutes) * self._fading(minute / minutes)
            bars.append(self._bar(prices[minute], prices[minute + 1], move, usual))
        return bars

    def _bar(self, opened: Price, closed: Price, move: float, usual_volume: float) -> MinuteBar:
        reach = self.plan.noise * _REACH
        top, bottom = max(opened, closed), min(opened, closed)
        high = self.limits.nearest(top * math.exp(self._rng.expovariate(1) * reach))
        low = self.limits.nearest(bottom * math.exp(-self._rng.expovariate(1) * reach))
        activity = 0.4 + self._rng.expovariate(1.6) + 0.35 * move / self.plan.noise
        return MinuteBar(opened, max(high, top), min(low, bottom), closed, max(1, int(usual_volume * activity)))

    def _levels(self, minutes: int) -> list[float]:
        levels, wander = [], 0.0
        for minute in range(minutes + 1):
            calm = min(1.0, minute / 2, (minutes - minute) / _TAPER_MINUTES)
            levels.append(self.plan.level_at(minute / minutes) + wander * calm)
            wander = wander * self.plan.persistence + self._rng.gauss(0, self.plan.noise)
        return levels

    def _fading(self, share: float) -> float:
        return 1 - 0.93 * share**0.5 if self.plan.character is Character.THINNING else 1.0


def turns_of(high: int, low: int, volume: int) -> tuple[int, int]:
    """Return a minute's two extremes in the order that its path assumes."""
    return (high, low) if volume & 1 else (low, high)


def _turns(bar: MinuteBar) -> tuple[tuple[int, int], int, int]:
    """Return a minute's two extremes in order of time, and the seconds at which they occur."""
    return turns_of(bar.high, bar.low, bar.volume), 9 + bar.volume % 13, 33 + bar.volume % 17


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def _time_of_day(minute: int, minutes: int) -> float:
    return 0.55 + 2.2 * math.exp(-minute / 12) + 0.9 * math.exp((minute - minutes) / 18)
