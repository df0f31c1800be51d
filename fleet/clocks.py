"""This machine's clock against PostgreSQL's and the broker's: tokens, sessions and proofs go by them (F44)."""

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
MEND: Final = "set the clock by NTP (timedatectl set-ntp true), then start again"


class TellsTime(Protocol):
    """A broker whose clock can be read."""

    async def read_clock(self) -> ClockReading:
        """Return what its clock shows (real time)."""
        ...


def system_now() -> datetime:
    """Return this machine's instant (UTC)."""
    return datetime.now(UTC)  # noqa: TID251 - it is this very clock that is compared


@dataclass(frozen=True, slots=True)
class Skew:
    """How far this machine's clock is from another one, at least; ahead when positive."""

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
        TradingError: the broker is away or does not tell the time.
    """
    return Skew("the broker", (await broker.read_clock()).skew)


async def check_clocks(database: "Database", broker: TellsTime, now: Callable[[], datetime] = system_now) -> None:
    """Warn of a clock that is off by seconds; refuse one that is off by more than ten.

    Raises:
        ClockSkewError: nothing may be traded by this clock.
    """
    skews = [await database_skew(database, now)]
    try:
        skews.append(await broker_skew(broker))
    except TradingError as fault:
        logger.warning("broker_clock_unread", extra={"cause": str(fault)})
    for skew in skews:
        if skew.is_intolerable:
            raise ClockSkewError(f"this machine's clock is {skew}, more than {INTOLERABLE.seconds} s; {MEND}")
        if skew.is_suspicious:
            logger.warning("clock_skew", extra={"skew": str(skew), "mend": MEND})
