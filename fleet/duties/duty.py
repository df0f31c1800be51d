"""What a duty is: work that every host of a fleet repeats beside the trading."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from domain.clock import MarketClock
from domain.event import EventLevel
from domain.identity import Environment

_SHORTEST: Final = 1.0
"""Real seconds; a market of high speed does not shorten an interval further."""


@dataclass(frozen=True, slots=True)
class Terms:
    """When a duty runs, how long a round may take, and what its errors mean. Seconds are real seconds."""

    name: str
    every: float = 5.0
    every_market: timedelta | None = None
    """Longest market time between two rounds. In a compressed day it shortens ``every``."""
    at_once: bool = False
    """Run the first round at the start. Otherwise it follows after one interval."""
    within: float = 60.0
    """A longer round hangs: it is cancelled and reported."""
    environments: frozenset[Environment] = frozenset(Environment)
    level: EventLevel = EventLevel.ERROR
    """Level of the event about a failure. Its channels decide whether it is also an alert."""
    ends_host: tuple[type[Exception], ...] = ()
    """Errors after which this process must not host. A fault of a server is retried; any other error is reported."""

    def interval(self, clock: MarketClock) -> float:
        """Return the real seconds between two rounds."""
        if self.every_market is None:
            return self.every
        return min(self.every, max(clock.real_duration(self.every_market).total_seconds(), _SHORTEST))


class Duty(Protocol):
    """Work that a host repeats until it stops."""

    @property
    def terms(self) -> Terms:
        """Return when it runs and what its errors mean."""
        ...

    async def look(self) -> None:
        """Run one round."""
        ...
