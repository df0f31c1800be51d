"""How old the price of a held stock may get: the stream covers some stocks, the rate budget pays for the others."""

from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Final

from domain.lane import SLOT_RESTS, Lane, slots_of
from domain.risk import Denial, Denied, RiskSnapshot
from domain.rules import ExecutionRules

CALL_TAKES: Final = timedelta(milliseconds=100)
"""Real time of one call for prices, from the request to the response. An assumption on the safe side for KIS."""


@dataclass(frozen=True, slots=True)
class PriceSupply:
    """The sources of an account's prices, from its settings and from what the broker's service can do."""

    streamed: int
    """Stocks that one stream session covers beside its other registrations; 0 without a stream."""
    slots: int
    """Size of the rate budget that pays for quotes: calls a second."""
    stocks_per_call: int

    @property
    def calls_per_second(self) -> float:
        """Return the calls for prices that watches can make in a second.

        A slot is free again one second after its response. A process makes one call for prices at a time. Scans take
        only slots that no watch waits for (``domain/lane.py``), so the number of scanned stocks does not count.
        """
        call = CALL_TAKES.total_seconds()
        return min(slots_of(Lane.WATCH, self.slots) / (SLOT_RESTS.total_seconds() + call), 1 / call)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a supply allows under execution rules. Ages are real time."""

    supply: PriceSupply
    rules: ExecutionRules
    streamed: int
    """Stocks that the stream covers now: those of the supply, or none while no session is open."""

    def age(self, held: int) -> timedelta:
        """Return how old the price of one of ``held`` stocks may get.

        A streamed price arrives with its trade: its age is 0. Any other price rests for ``price_interval``, then waits
        at most for the calls of all held stocks. Streamed ones without a trade are among them, because the broker
        confirms their prices too.
        """
        if held <= self.streamed:
            return timedelta(0)
        calls = -(-held // self.supply.stocks_per_call)
        return self.rules.price_interval + timedelta(seconds=calls / self.supply.calls_per_second) + CALL_TAKES

    @property
    def most(self) -> int:
        """Return the largest number of held stocks whose prices stay within ``greatest_quote_age``."""
        left = self.rules.greatest_quote_age - self.rules.price_interval - CALL_TAKES
        calls = floor(left.total_seconds() * self.supply.calls_per_second + _ROUNDING)
        return max(self.streamed, calls * self.supply.stocks_per_call)

    def room(self, held: int) -> int:
        """Return how many more stocks may be held beside ``held``."""
        return max(self.most - held, 0)


_ROUNDING: Final = 1e-9


def objection_to_one_more(supply: PriceSupply, rules: ExecutionRules, snapshot: RiskSnapshot) -> Denied | None:
    """Return why another position would make held prices too old for their exit rules; None if there is room."""
    capacity = Capacity(supply, rules, supply.streamed if snapshot.stream_is_live else 0)
    held = snapshot.held_by_others + 1
    if held <= capacity.most:
        return None
    age, bound = capacity.age(held).total_seconds(), rules.greatest_quote_age.total_seconds()
    return Denied(
        Denial.PRICES_TOO_OLD,
        f"prices of {held:,} held stocks could get {age:.1f} s old; the exit rules need {bound:g} s, so at most "
        f"{capacity.most:,}",
    )
