"""What a simulation is set up with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from domain.clock import MarketClock
from domain.session import TradingCalendar
from simulator.clock import ManualClock, utc_now
from simulator.listings import LISTINGS

REAL = "real"
PAPER = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """Settings of one simulated broker.

    ``opening_cash`` is in won; ``rate_limit`` in calls per real second and app key (0 = none; KIS's paper
    service allows 1); ``token_interval`` in real seconds between two token issues; ``listings`` the number of stocks;
    ``journal`` the folder that keeps the books (None = memory only); ``now`` the source of real time.
    """

    clock: MarketClock | ManualClock
    calendar: TradingCalendar
    seed: int = 7
    environment: str = REAL
    opening_cash: int = 100_000_000
    rate_limit: int = 18
    token_interval: float = 60.0
    listings: int = len(LISTINGS)
    journal: Path | None = None
    now: Callable[[], datetime] = utc_now

    @property
    def is_paper(self) -> bool:
        """Tell whether this broker plays KIS's paper service."""
        return self.environment == PAPER
