"""Settings of a simulation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from simulator.access import AccessList
from simulator.clock import ManualClock, MarketClock, utc_now
from simulator.hardships import Hardship
from simulator.krx.sessions import TradingCalendar
from simulator.listings import LISTINGS
from simulator.recorded import Recording

REAL = "real"
PAPER = "paper"

_ABOVE_ZERO: Final = (lambda value: value > 0, "seconds above 0")
_NOT_NEGATIVE: Final = (lambda value: value >= 0, "seconds of at least 0")
_WHOLE: Final = (lambda value: isinstance(value, int) and value > 0, "a whole number above 0")
_YES_OR_NO: Final = (lambda value: value in (0, 1), "0 or 1")
_LENGTH: Final = (lambda value: value in (26, 23), "26 or 23")
_STREAM_VALUES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "ping_interval": _ABOVE_ZERO,
    "ping_timeout": _NOT_NEGATIVE,
    "linger": _NOT_NEGATIVE,
    "registrations": _WHOLE,
    "look_interval": _ABOVE_ZERO,
    "records": _WHOLE,
    "waiting": _WHOLE,
    "real_fields": _LENGTH,
    "paper_fields": _LENGTH,
    "market_class": _YES_OR_NO,
    "hts_id": (lambda value: isinstance(value, str), "text"),
}


@dataclass(slots=True, kw_only=True)
class StreamSettings:
    """WebSocket behaviour; may change while the simulator runs. Seconds are real seconds.

    ``ping_interval``: time between two PINGPONGs. ``ping_timeout``: time until an unanswered one closes the session (0
    = never). ``linger``: how long a session lost without a close frame still holds its app key. ``registrations``:
    maximum per session. ``look_interval``: time between two market checks. ``records``: maximum trades of one stock per
    check. ``waiting``: frames that may queue for a slow reader. ``real_fields`` and ``paper_fields``: fields of a
    notice (26 or 23). ``market_class``: 1 ends trades and books with the market, as KIS does since 2026-09-14 (47 and
    63 fields), 0 never does (46 and 59). ``hts_id``: the only accepted HTS id (blank = the first one that a key names).
    """

    ping_interval: float = 10.0
    ping_timeout: float = 0.0
    linger: float = 0.0
    registrations: int = 41
    look_interval: float = 0.05
    records: int = 4
    waiting: int = 5_000
    real_fields: int = 26
    paper_fields: int = 23
    market_class: int = 1
    hts_id: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        for name, (is_right, wanted) in _STREAM_VALUES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not is_right(value):
                raise ValueError(f"{name} must be {wanted}, not {value!r}")

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some of the values. If one is invalid, change none and raise TypeError or ValueError."""
        changed = replace(self, **values)
        for name in values:
            setattr(self, name, getattr(changed, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """Settings of one simulated broker.

    ``opening_cash`` is in won. ``rate_limit`` is calls per real second and app key (0 = none; KIS's paper service
    allows 1), ``paper_rate_limit`` the same for the paper service beside a real one. ``token_interval`` and
    ``approval_interval`` are real seconds between two issues of one key. ``listings`` is the number of stocks,
    ``added`` names what is listed beside them, as ``--add`` does.
    ``interruptions``: whether seeded prices cause volatility interruptions. ``recording``: bars that the tape follows
    on their days. ``ledger_limit``: account calls per real second over all callers (0 = no limit). ``allowed``: the
    only keys and accounts (None = all). ``strict``: whether to refuse headers that KIS mostly tolerates. ``journal``:
    the folder of the books (None = memory only). ``harsh``: hardships
    whose rules stand from the start. ``now``: the source of real time.
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
    added: tuple[str, ...] = ()
    interruptions: bool = True
    recording: Recording | None = None
    ledger_limit: int = 0
    allowed: AccessList | None = None
    strict: bool = False
    journal: Path | None = None
    harsh: tuple[Hardship, ...] = ()
    now: Callable[[], datetime] = utc_now
