"""Conversion between market time and real time: equal when live, faster in a compressed day."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

KST: Final = ZoneInfo("Asia/Seoul")


@dataclass(frozen=True, slots=True)
class MarketClock:
    """A line through one pair of instants; ``speed`` is market seconds per real second.

    Both anchors are aware UTC instants. The value travels in workflow inputs, so a replay computes the same times.
    """

    real_anchor: datetime
    market_anchor: datetime
    speed: int = 1

    def market_time(self, real: datetime) -> datetime:
        """Return the market's instant (UTC) at a real instant."""
        return self.market_anchor + (real - self.real_anchor) * self.speed

    def real_time(self, market: datetime) -> datetime:
        """Return the real instant (UTC) at which the market reaches ``market``."""
        return self.real_anchor + (market - self.market_anchor) / self.speed

    def real_duration(self, market_duration: timedelta) -> timedelta:
        """Return the real duration of a market duration."""
        return market_duration / self.speed

    def market_duration(self, real_duration: timedelta) -> timedelta:
        """Return the market duration of a real duration."""
        return real_duration * self.speed

    @property
    def is_live(self) -> bool:
        """Return whether market time and real time are the same."""
        return self.speed == 1 and self.real_anchor == self.market_anchor


_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
LIVE_CLOCK: Final = MarketClock(real_anchor=_EPOCH, market_anchor=_EPOCH, speed=1)


def in_seoul(instant: datetime) -> datetime:
    """Convert an aware instant to Seoul wall-clock time."""
    return instant.astimezone(KST)


_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h)")
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}


def read_duration(text: str) -> timedelta:
    """Read a duration such as ``90s``, ``250ms``, ``10m`` or ``1.5h``.

    Raises:
        ValueError: the text has another form.
        ArithmeticError: the number is too large.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return float(match[1]) * _UNITS[match[2]]


def duration_text(duration: timedelta) -> str:
    """Format a duration in seconds, as ``read_duration`` reads it."""
    return f"{Decimal(duration // timedelta(milliseconds=1)) / 1000}s"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Another clock's reading between two of our instants (UTC, real time); ``step`` is its resolution."""

    asked_at: datetime
    shown: datetime
    answered_at: datetime
    step: timedelta = timedelta(0)

    @property
    def skew(self) -> timedelta:
        """Return the least amount by which our clock is ahead, negative when behind; zero if the reading allows it."""
        if self.asked_at > self.shown + self.step:
            return self.asked_at - self.shown - self.step
        return min(self.answered_at - self.shown, timedelta(0))

    @property
    def took(self) -> timedelta:
        """Return the round-trip time of the reading."""
        return self.answered_at - self.asked_at
