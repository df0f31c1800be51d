"""What can make two played days differ, and one difference with its cause."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from domain.market import Symbol
from domain.rules import TradingRules
from tools.parity.book import Book
from tools.parity.oracle import Oracle

ONE_MINUTE: Final = timedelta(minutes=1)
_STEP: Final = timedelta(seconds=1)
"""Real time that a step takes at most between a scan and its order, or between two looks."""
_STEPS_OF_A_LOOK: Final = 4
"""On a busy machine a step is as slow as a few of the tool's own looks at the database."""


class Cause(StrEnum):
    """Why both days differ. The last one needs a look at the code."""

    SCAN = "scan times"
    SHORT = "signal between two looks"
    BUSY = "no free worker"
    HELD = "stock held"
    COOLING = "cool-down"
    SHUT = "worker may not buy"
    OTHER = "another candidate first"
    LAST_LOOK = "refused at the last look"
    NOT_FILLED = "order not filled"
    PRICES = "other price of the same second"
    MOVED = "price moved between the orders"
    BOOK = "depth at the order"
    SIZE = "limit price sets the size"
    VOLUME = "volume so far caps the size"
    ENTRY = "follows from the entry"
    LOOK = "price seen later"
    MISSED = "crossing between two looks"
    SAMPLES = "average of other samples"
    CLOSE = "start of the market close"
    TRADED = "shares of the minute"
    MINUTE = "looks at minute starts"
    UNEXPLAINED = "UNEXPLAINED"


class Difference(NamedTuple):
    """One difference of a pair: what differs, both values, the cause, and the evidence for it."""

    symbol: Symbol
    at: datetime
    what: str
    real: str
    lab: str
    cause: Cause
    evidence: str


class Why(NamedTuple):
    """A cause with its evidence."""

    cause: Cause
    evidence: str


@dataclass(frozen=True, slots=True)
class Sides:
    """Both played days, and what their differences are measured against."""

    real: Book
    lab: Book
    oracle: Oracle
    rules: TradingRules
    speed: int

    @property
    def step(self) -> timedelta:
        """Return the market time that one step on processes takes at most."""
        scans = self.real.played.scans
        slowest = timedelta(0) if scans is None else scans.slowest
        return max(_STEP, _STEPS_OF_A_LOOK * slowest) * self.speed

    @property
    def scan_age(self) -> timedelta:
        """Return the market time by which a price of a scan on processes may be old."""
        return max(self.rules.execution.scan_interval * self.speed, ONE_MINUTE) + self.step

    def look_gap(self, book: Book) -> timedelta:
        """Return the most market time between two looks of a watch."""
        if book.is_virtual:
            return ONE_MINUTE
        return self.rules.execution.price_interval * self.speed + self.step
