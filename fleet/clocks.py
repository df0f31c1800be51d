"""Compare this machine's clock with PostgreSQL's and the broker's: tokens, sessions and proofs depend on it (F44)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from domain.clock import ClockReading
from domain.errors import TradingError
from fleet.errors import ClockSkewError

if TYPE_CHECKING:
    from database.database import Database

logger = logging.getLogger("haru.clocks")

SUSPICIOUS: Final = timedelta(seconds=2)
INTOLERABLE: Final = timedelta(seconds=10)
_UNREMARKABLE: Final = 0.05
REMEDY: Final = "set the clock by NTP (timedatectl set-ntp true), then start again"


class TellsTime(Protocol):
    """A broker whose clock can be read."""

    async def read_clock(self) -> ClockReading:
        """Return what the broker's clock shows (real time)."""
        ...


def system_now() -> datetime:
    """Return this machine's time (UTC)."""
    return datetime.now(UTC)  # noqa: TID251 - this is the clock under comparison


@dataclass(frozen=True, slots=True)
class Skew:
    """Minimum distance between this machine's clock and another clock; positive when this machine is ahead."""

    other: str
    by: timedelta

    @property
    def is_suspicious(self) -> bool:
        return abs(self.by) > SUSPICIOUS

    @property
    def is_intolerable(self) -> bool:
        return abs(self.by) > INTOLERABLE

    def __str__(self) -> str:
        seconds = self.by.total_seconds()
        if abs(seconds) < _UNREMARKABLE:
            return f"in step with {self.other}"
        return f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} {self.other}"


async def database_skew(database: "Database", now: Callable[[], datetime] = system_now) -> Skew:
    """Compare with PostgreSQL's clock."""
    asked_at = now()
    shown = await database.server.now()
    return Skew("PostgreSQL", ClockReading(asked_at, shown, now()).skew)


async def broker_skew(broker: TellsTime) -> Skew:
    """Compare with the broker's clock.

    Raises:
        TradingError: the broker does not answer or does not report its time.
    """
    return Skew("the broker", (await broker.read_clock()).skew)


async def check_clocks(database: "Database", broker: TellsTime, now: Callable[[], datetime] = system_now) -> None:
    """Warn about a clock that is off by seconds; refuse one that is off by more than ten.

    Raises:
        ClockSkewError: the clock is too far off to trade.
    """
    skews = [await database_skew(database, now)]
    try:
        skews.append(await broker_skew(broker))
    except TradingError as fault:
        logger.warning("broker_clock_unread", extra={"cause": str(fault)})
    for skew in skews:
        if skew.is_intolerable:
            raise ClockSkewError(f"this machine's clock is {skew}, more than {INTOLERABLE.seconds} s; {REMEDY}")
        if skew.is_suspicious:
            logger.warning("clock_skew", extra={"skew": str(skew), "fix": REMEDY})
