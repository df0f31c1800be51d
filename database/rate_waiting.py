"""Who waits in this process for a slot of the rate budget, and what is learnt from a call that had one."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.lane import Crowding

_AFTER_TOO_MANY: Final = timedelta(seconds=1)
"""Real time for which all processes call nobody after a call that the broker counted as one too many."""
_AFTER_BUSY_LEDGER: Final = timedelta(seconds=0.3)
"""The same where not our calls were too many but everybody's."""
_LATE_ARRIVAL: Final = timedelta(seconds=1)
"""How much longer the slot of a call without a reply rests, since its request may still be under way."""
LONG_REST: Final = timedelta(seconds=10)
"""How long the slot of a refused call rests: the broker seems to allow fewer calls than we have slots."""


@dataclass(slots=True)
class Waiter:
    """Who wants a slot, in which lane, and how much depends on it (won, where it is a sale)."""

    lane: int
    granted: "asyncio.Future[Grant]"
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """A slot taken, under which name it will be given back, and from when on it may be used (the loop's seconds)."""

    slot: int
    holder: str
    usable_at: float


@dataclass(slots=True)
class Slot:
    """Permission to make one call; what its reply says about the number of calls is learnt when it is given back."""

    grant: Grant
    rest: timedelta
    pause: timedelta = timedelta(0)

    def learn(self, crowding: Crowding) -> None:
        """Take note of what the reply said: ``ours`` slows this slot and everybody down, ``ledger`` everybody."""
        if crowding is Crowding.UNTOLD:
            self.rest += _LATE_ARRIVAL
        elif crowding is Crowding.OURS:
            self.rest, self.pause = LONG_REST, _AFTER_TOO_MANY
        elif crowding is Crowding.LEDGER:
            self.pause = _AFTER_BUSY_LEDGER


@dataclass(slots=True)
class WaitingLine:
    """Who waits, most urgent lane first; within it the greatest weight, then the earliest arrival."""

    heap: list[tuple[int, int, int, Waiter]] = field(default_factory=list)
    arrivals: "itertools.count[int]" = field(default_factory=itertools.count)

    def push(self, waiter: Waiter) -> None:
        heapq.heappush(self.heap, (waiter.lane, -waiter.weight, next(self.arrivals), waiter))

    def drop_cancelled(self) -> None:
        while self.heap and self.heap[0][-1].granted.done():
            heapq.heappop(self.heap)

    def head_lane(self) -> tuple[int, int]:
        """Return the most urgent lane and how many wait in it."""
        lane = self.heap[0][0]
        return lane, sum(1 for each in self.heap if each[0] == lane and not each[-1].granted.done())

    def pop(self) -> Waiter | None:
        self.drop_cancelled()
        return heapq.heappop(self.heap)[-1] if self.heap else None
