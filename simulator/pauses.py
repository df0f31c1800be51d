"""Pauses of continuous trading: volatility interruptions and circuit breakers."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from simulator.krx.prices import STOCK_GRID, PriceGrid
from simulator.krx.units import Market, Price

_STATIC_PERCENT: Final = 10
_DYNAMIC_PERCENT: Final = {Market.KOSPI: 3, Market.KOSDAQ: 6}
_VI_SECONDS: Final = 120
_LATEST_RANDOM_END: Final = 30
_BREAKER_HALT: Final = 20 * 60
_BREAKER_AUCTION: Final = 10 * 60
FOR_THE_DAY: Final = 10**6
"""A second beyond the end of any session."""


class PauseKind(StrEnum):
    """Why trading pauses. The volatility interruptions carry KIS's ``vi_kind_code``."""

    STATIC = "1"
    DYNAMIC = "2"
    BOTH = "3"
    CIRCUIT_BREAKER = "breaker"


class Pause(NamedTuple):
    """A pause of continuous trading. Seconds count from the open; ``end`` is the second of the single-price auction.

    ``price`` is the last trade before it, ``trigger`` the price that would have traded, ``static_reference`` and
    ``dynamic_reference`` the prices it was compared with (won). Orders queue from ``orders_from`` on.
    """

    start: int
    end: int
    kind: PauseKind
    price: Price
    trigger: Price
    static_reference: Price
    dynamic_reference: Price
    orders_from: int

    @property
    def is_interruption(self) -> bool:
        """Return whether the stock's own price caused the pause."""
        return self.kind is not PauseKind.CIRCUIT_BREAKER


class Breaker(NamedTuple):
    """A circuit breaker from a second of a session on. Stage 3 ends the day."""

    second: int
    stage: int

    def pause(self, price: Price) -> Pause:
        """Return its effect on a stock: 20 minutes without orders, then 10 of auction; stage 3 ends the day."""
        if self.stage == LAST_STAGE:
            times = (FOR_THE_DAY, FOR_THE_DAY)
        else:
            times = (self.second + _BREAKER_HALT + _BREAKER_AUCTION, self.second + _BREAKER_HALT)
        return Pause(self.second, times[0], PauseKind.CIRCUIT_BREAKER, price, price, price, price, times[1])


LAST_STAGE: Final = 3


@dataclass(frozen=True, slots=True)
class InterruptionRule:
    """When a stock's price interrupts its own trading (docs/krx.md §4.1).

    ``base`` is the first static reference; ``automatic`` False ignores the seeded path; ``seed`` draws the random ends.
    """

    base: Price
    market: Market
    automatic: bool
    seed: str
    grid: PriceGrid = STOCK_GRID

    def bounds(self, reference: Price) -> tuple[Price, Price]:
        """Return the prices at or beyond which a trade is ten percent from the static reference."""
        lower = self.grid.round_down(reference * (100 - _STATIC_PERCENT) // 100)
        return lower, self.grid.round_up(-(-reference * (100 + _STATIC_PERCENT) // 100))

    @property
    def jump_percent(self) -> int:
        """Return the change against the last trade, in percent, that triggers a dynamic interruption."""
        return _DYNAMIC_PERCENT[self.market]

    def interruption(self, second: int, price: Price, last: Price, reference: Price) -> Pause | None:
        """Return the interruption that a trade at ``price`` would cause, or None."""
        lower, upper = self.bounds(reference)
        static = price <= lower or price >= upper
        dynamic = abs(price - last) * 100 >= last * self.jump_percent
        if not static and not dynamic:
            return None
        kind = PauseKind.BOTH if static and dynamic else PauseKind.STATIC if static else PauseKind.DYNAMIC
        extension = random.Random(f"{self.seed}|{second}").randint(0, _LATEST_RANDOM_END)
        return Pause(second, second + _VI_SECONDS + extension, kind, last, price, reference, last, second)
