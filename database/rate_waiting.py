"""Waiters for a rate-budget slot in this process, and the effect of a call's result on its slot."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.lane import Crowding

_AFTER_TOO_MANY: Final = timedelta(seconds=1)
"""Real time for which all processes pause after the broker refused a call as one too many."""
_AFTER_BUSY_LEDGER: Final = timedelta(seconds=0.3)
"""The same pause when the broker's ledger is overloaded by all customers, not by our calls."""
_LATE_ARRIVAL: Final = timedelta(seconds=1)
"""Extra rest for the slot of a call without a reply, since its request may still be in transit."""
LONG_REST: Final = timedelta(seconds=10)
"""Rest for the slot of a refused call: the broker seems to allow fewer calls than there are slots."""


@dataclass(slots=True)
class Waiter:
    """A waiter for a slot: its lane, and its weight (won at stake for a sale)."""

    lane: int
    granted: "asyncio.Future[Grant]"
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """A taken slot, the holder name for its release, and when it becomes usable (event loop seconds)."""

    slot: int
    holder: str
    usable_at: float


@dataclass(slots=True)
class Slot:
    """Permission to make one call; the crowding that its reply reports is applied when the slot is released."""

    grant: Grant
    rest: timedelta
    pause: timedelta = timedelta(0)

    def learn(self, crowding: Crowding) -> None:
        """Apply the reply's crowding: ``ours`` slows this slot and all processes, ``ledger`` all processes."""
        if crowding is Crowding.UNKNOWN:
            self.rest += _LATE_ARRIVAL
        elif crowding is Crowding.OURS:
            self.rest, self.pause = LONG_REST, _AFTER_TOO_MANY
        elif crowding is Crowding.LEDGER:
            self.pause = _AFTER_BUSY_LEDGER


@dataclass(slots=True)
class WaitingLine:
    """Waiters, most urgent lane first; within a lane the greatest weight, then the earliest arrival."""

    heap: list[tuple[int, int, int, Waiter]] = field(default_factory=list)
    arrivals: "itertools.count[int]" = field(default_factory=itertools.count)

    def push(self, waiter: Waiter) -> None:
        heapq.heappush(self.heap, (waiter.lane, -waiter.weight, next(self.arrivals), waiter))

    def drop_cancelled(self) -> None:
        while self.heap and self.heap[0][-1].granted.done():
            heapq.heappop(self.heap)

    def head_lane(self) -> tuple[int, int]:
        """Return the most urgent lane and its number of waiters."""
        lane = self.heap[0][0]
        return lane, sum(1 for each in self.heap if each[0] == lane and not each[-1].granted.done())

    def pop(self) -> Waiter | None:
        self.drop_cancelled()
        return heapq.heappop(self.heap)[-1] if self.heap else None
