"""From quotes to candidates: which stocks pass the filters, and in which order they are tried."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from domain.market import Symbol
from domain.money import Price


class ScreeningFilter(StrEnum):
    """The filter that dropped a stock from a scan."""

    BAD_QUOTE = "bad_quote"
    TRADING_FLAG = "trading_flag"
    PRICE_RANGE = "price_range"
    THIN_VOLUME = "thin_volume"
    THIN_TURNOVER = "thin_turnover"
    WIDE_SPREAD = "wide_spread"
    RUN_UP = "run_up"
    LOCKED = "locked"
    COOLDOWN = "cooldown"
    NO_SIGNAL = "no_signal"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stock that passed today's screening and that a strategy would buy. Price in won."""

    symbol: Symbol
    name: str
    price: Price
    score: Decimal
    strategy: str
    strategy_version: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The outcome of one scan: candidates, best first, and how many stocks each filter dropped."""

    looked_at: int
    candidates: tuple[Candidate, ...]
    dropped: dict[ScreeningFilter, int] = field(default_factory=dict)
