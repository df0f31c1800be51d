"""The character of one stock's day: the seeded curve that its price follows before noise."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate
from typing import Final

from simulator.listings import Listing

Knot = tuple[float, float]
"""A share of the session (0 to 1) and log(price ÷ base) at that point."""


class Character(StrEnum):
    """How a stock behaves today."""

    SURGE = "surge"
    FAILED_BREAKOUT = "failed_breakout"
    TREND_DOWN = "trend_down"
    RANGE = "range"
    JUMPS = "jumps"
    THINNING = "thinning"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Parameters of a day, fixed before the first trade; ``noise`` is the typical log move per minute."""

    character: Character
    knots: tuple[Knot, ...]
    noise: float
    persistence: float
    volume: float

    @property
    def close_level(self) -> float:
        """Return log(close ÷ base)."""
        return self.knots[-1][1]

    def level_at(self, share: float) -> float:
        """Return the curve's value at a share of the session."""
        left = self.knots[0]
        for right in self.knots[1:]:
            if share <= right[0]:
                width = right[0] - left[0]
                return left[1] + (right[1] - left[1]) * (share - left[0]) / width if width else right[1]
            left = right
        return left[1]


_WEIGHTS: Final = {
    Character.SURGE: 24,
    Character.FAILED_BREAKOUT: 18,
    Character.TREND_DOWN: 12,
    Character.RANGE: 14,
    Character.JUMPS: 12,
    Character.THINNING: 8,
    Character.DRIFT: 12,
}
_CHARACTERS: Final = tuple(_WEIGHTS)
_CUMULATED: Final = tuple(accumulate(_WEIGHTS.values()))
_NOISE: Final = 0.0011
_PULL_HOME: Final = 0.2
_GREATEST_PULL: Final = 0.05


def seeded(seed: int, *parts: object) -> random.Random:
    """Return a generator that depends only on its arguments."""
    return random.Random("|".join(map(str, (seed, *parts))))


def plan_day(seed: int, day: date, listing: Listing, displacement: float) -> DayPlan:
    """Draw a stock's day. ``displacement`` is log(base ÷ reference price); the day reverts a part of it."""
    rng = seeded(seed, day, listing.symbol, "plan")
    character = rng.choices(_CHARACTERS, cum_weights=_CUMULATED)[0]
    gap = rng.gauss(0.001, 0.004)
    home = max(-_GREATEST_PULL, min(_GREATEST_PULL, -_PULL_HOME * displacement))
    curve = _CURVES[character](rng)
    knots = tuple((share, gap + home * (0.3 + 0.7 * share) + level * listing.wildness) for share, level in curve)
    return DayPlan(
        character=character,
        knots=knots,
        noise=_NOISE * listing.wildness * _NOISE_FACTOR.get(character, 1.0),
        persistence=0.85 if character is Character.RANGE else 0.96,
        volume=rng.lognormvariate(0, 0.35) * _VOLUME_FACTOR.get(character, 1.0),
    )


def _surge(rng: random.Random) -> list[Knot]:
    start = rng.uniform(0.02, 0.35)
    peak_at = start + rng.uniform(0.12, 0.35)
    peak = rng.uniform(0.065, 0.13)
    return [
        (0, 0),
        (start, rng.uniform(-0.004, 0.006)),
        (peak_at, peak),
        (peak_at + 0.08, peak * rng.uniform(0.82, 0.95)),
        (1, peak * rng.uniform(0.7, 1.1)),
    ]


def _failed_breakout(rng: random.Random) -> list[Knot]:
    start = rng.uniform(0.02, 0.3)
    peak_at = start + rng.uniform(0.05, 0.12)
    floor = -rng.uniform(0.02, 0.06)
    return [
        (0, 0),
        (start, rng.uniform(-0.003, 0.003)),
        (peak_at, rng.uniform(0.028, 0.048)),
        (peak_at + rng.uniform(0.08, 0.2), floor),
        (1, floor * rng.uniform(0.5, 1.1)),
    ]


def _trend_down(rng: random.Random) -> list[Knot]:
    end = -rng.uniform(0.02, 0.07)
    return [(0, 0), (0.3, end * rng.uniform(0.2, 0.5)), (0.7, end * rng.uniform(0.6, 1.1)), (1, end)]


def _range(rng: random.Random) -> list[Knot]:
    width = rng.uniform(0.008, 0.018)
    swings = [(step / 8, rng.uniform(0.4, 1) * (width if step % 2 else -width)) for step in range(1, 8)]
    return [(0, 0), *swings, (1, rng.uniform(-0.004, 0.004))]


def _jumps(rng: random.Random) -> list[Knot]:
    knots: list[Knot] = [(0, 0)]
    level = 0.0
    for at in sorted(rng.uniform(0.05, 0.92) for _ in range(4)):
        knots.append((at, level))
        level += rng.choice((1, 1, -1)) * rng.uniform(0.012, 0.038)
        knots.append((at + 0.004, level))
    return [*knots, (1, level)]


def _thinning(rng: random.Random) -> list[Knot]:
    early = rng.choice((1, 1, -1)) * rng.uniform(0.015, 0.035)
    return [(0, 0), (0.08, early), (0.3, early * 0.8), (1, early * rng.uniform(0, 0.7))]


def _drift(rng: random.Random) -> list[Knot]:
    end = rng.uniform(-0.015, 0.02)
    return [(0, 0), (0.5, end * rng.uniform(0.2, 0.8)), (1, end)]


_CURVES: Final[dict[Character, Callable[[random.Random], list[Knot]]]] = {
    Character.SURGE: _surge,
    Character.FAILED_BREAKOUT: _failed_breakout,
    Character.TREND_DOWN: _trend_down,
    Character.RANGE: _range,
    Character.JUMPS: _jumps,
    Character.THINNING: _thinning,
    Character.DRIFT: _drift,
}
_NOISE_FACTOR: Final = {Character.JUMPS: 1.3, Character.DRIFT: 0.7, Character.THINNING: 0.8}
_VOLUME_FACTOR: Final = {
    Character.SURGE: 2.6,
    Character.FAILED_BREAKOUT: 1.9,
    Character.JUMPS: 1.6,
    Character.THINNING: 0.7,
}
