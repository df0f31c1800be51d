"""What a simulation is set up with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from domain.clock import MarketClock
from domain.session import TradingCalendar
from simulator.clock import ManualClock, utc_now
from simulator.listings import LISTINGS

REAL = "real"
PAPER = "paper"


@dataclass(slots=True, kw_only=True)
class StreamSettings:
    """How the WebSocket behaves; it may be changed while the simulator runs. Seconds are real seconds.

    ``ping_interval`` between two PINGPONGs; ``ping_timeout`` until an unanswered one closes the session (0 = never);
    ``linger`` how long a session that was lost without a close frame still holds its app key; ``registrations`` the
    most in one session; ``look_interval`` between two looks at the market; ``records`` the most trades of one stock
    in one look; ``real_fields`` and ``paper_fields`` of a notice (26 or 23); ``hts_id`` the only one taken (blank =
    the first one that an app key names).
    """

    ping_interval: float = 10.0
    ping_timeout: float = 0.0
    linger: float = 0.0
    registrations: int = 41
    look_interval: float = 0.05
    records: int = 6
    real_fields: int = 26
    paper_fields: int = 23
    hts_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """Settings of one simulated broker.

    ``opening_cash`` is in won; ``rate_limit`` in calls per real second and app key (0 = none; KIS's paper
    service allows 1), ``paper_rate_limit`` the same for the paper service beside a real one; ``token_interval`` and
    ``approval_interval`` in real seconds between two issues of one key; ``listings`` the number of stocks;
    ``journal`` the folder that keeps the books (None = memory only); ``now`` the source of real time.
    """

    clock: MarketClock | ManualClock
    calendar: TradingCalendar
    seed: int = 7
    environment: str = REAL
    opening_cash: int = 100_000_000
    rate_limit: int = 18
    paper_rate_limit: int = 1
    token_interval: float = 60.0
    approval_interval: float = 1.0
    stream: StreamSettings = field(default_factory=StreamSettings)
    listings: int = len(LISTINGS)
    journal: Path | None = None
    now: Callable[[], datetime] = utc_now

    @property
    def is_paper(self) -> bool:
        """Tell whether this broker plays KIS's paper service."""
        return self.environment == PAPER
