"""The rules of a fleet: one frozen value, read once and passed in the workflow's input."""

from dataclasses import InitVar, dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from domain.clock import duration_text
from domain.market import Symbol
from domain.money import Price, Quantity, Rate, Won, rate_text


@dataclass(frozen=True, slots=True)
class UniverseRules:
    """The stocks to scan: the volume ranking, a list, or both."""

    ranking_size: int = 30
    symbols: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True)
class ScreeningRules:
    """Conditions on a quote before a strategy evaluates it. Amounts in won, volume in shares."""

    least_volume: Quantity = Quantity(1_000)
    least_turnover: Won = Won(50_000_000)
    greatest_spread: Rate = Rate("0.01")
    least_price: Price = Price(1_000)
    greatest_price: Price = Price(1_000_000)
    greatest_change: Rate = Rate("0.25")
    custom_filters: tuple[str, ...] = ()
    """Names of the fleet's own filters, looked up in ``strategies.filters``."""


@dataclass(frozen=True, slots=True)
class StrategyRules:
    """The strategies that decide entries, and their parameters.

    The last four arguments are the parameters of earlier versions. Stored rules and settings may still have them.
    """

    names: tuple[str, ...] = ("volatility_breakout", "momentum")
    parameters: tuple[tuple[str, str], ...] = ()
    """What differs from a strategy's defaults: ``momentum.window`` and its text, sorted.

    Each strategy reads its own texts, so that a workflow carries them without knowing the strategy.
    """
    breakout_factor: InitVar[Decimal | None] = None
    momentum_window: InitVar[timedelta | None] = None
    momentum_rise: InitVar[Decimal | None] = None
    momentum_volume_ratio: InitVar[Decimal | None] = None

    def __post_init__(
        self,
        breakout_factor: Decimal | None,
        momentum_window: timedelta | None,
        momentum_rise: Decimal | None,
        momentum_volume_ratio: Decimal | None,
    ) -> None:
        """Sort the parameters, and move those of earlier versions among them."""
        earlier = {
            "breakout_factor": breakout_factor,
            "momentum_window": momentum_window,
            "momentum_rise": momentum_rise,
            "momentum_volume_ratio": momentum_volume_ratio,
        }
        moved = {
            RENAMED[name]: _text_of(name, value)
            for name, value in earlier.items()
            if value is not None and value != EARLIER_DEFAULTS[name]
        }
        object.__setattr__(self, "parameters", tuple(sorted((dict(self.parameters) | moved).items())))

    def parameters_of(self, strategy: str) -> dict[str, str]:
        """Return the texts of one strategy by parameter."""
        return {name.partition(".")[2]: text for name, text in self.parameters if name.partition(".")[0] == strategy}


RENAMED: Final = {
    "breakout_factor": "volatility_breakout.factor",
    "momentum_window": "momentum.window",
    "momentum_rise": "momentum.rise",
    "momentum_volume_ratio": "momentum.volume_ratio",
}
"""Parameters of earlier versions, and their names since each strategy has its own."""
EARLIER_DEFAULTS: Final[dict[str, Decimal | timedelta]] = {
    "breakout_factor": Decimal("0.5"),
    "momentum_window": timedelta(minutes=10),
    "momentum_rise": Rate("0.012"),
    "momentum_volume_ratio": Decimal("1.5"),
}
"""Earlier versions stored these with every run, although no operator had chosen them."""


_MOST_DIGITS: Final = 30
"""A number with a huge exponent would have millions of digits as text."""


def _text_of(name: str, value: Decimal | timedelta) -> str:
    if isinstance(value, timedelta):
        return duration_text(value)
    is_plain = value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS
    return rate_text(value) if name == "momentum_rise" and is_plain else str(value)


@dataclass(frozen=True, slots=True)
class ExitRules:
    """When a held position is sold. Rates are fractions of the entry or the best price; market time."""

    stop_loss: Rate = Rate("0.03")
    take_profit: Rate = Rate("0.05")
    trailing_start: Rate = Rate("0.02")
    trailing_distance: Rate = Rate("0.015")
    trend_window: timedelta = timedelta(minutes=20)
    trend_break: Rate = Rate("0.012")
    longest_holding: timedelta = timedelta(minutes=120)


@dataclass(frozen=True, slots=True)
class RiskRules:
    """Limits that stop entries. Won per session; durations in market time."""

    capital_per_trade: Won = Won(5_000_000)
    worker_daily_loss: Won = Won(500_000)
    fleet_daily_loss: Won = Won(2_000_000)
    trades_per_worker: int = 30
    cooldown_after_loss: timedelta = timedelta(minutes=5)
    losses_in_a_row: int = 4
    """Consecutive losing trades of one worker that start the longer pause; 0 turns it off."""
    cooldown_after_streak: timedelta = timedelta(minutes=30)
    give_back_from: Won = Won(0)
    """The fleet's net result (won) from which the day's profit is guarded; 0 turns it off."""
    give_back_share: Rate = Rate("0.5")
    """The share of the day's highest result that may be given back before entries end."""
    symbol_cooldown: timedelta = timedelta(minutes=10)
    slippage_allowance: Rate = Rate("0.005")


@dataclass(frozen=True, slots=True)
class ExecutionRules:
    """How orders are executed. Durations are real time, like the broker and the network."""

    scan_interval: timedelta = timedelta(seconds=2)
    price_interval: timedelta = timedelta(milliseconds=500)
    entry_timeout: timedelta = timedelta(seconds=10)
    exit_reprice: timedelta = timedelta(seconds=3)
    greatest_quote_age: timedelta = timedelta(seconds=5)
    entry_ticks: int = 2
    """Maximum ticks above the best ask for a marketable buy limit."""
    exit_ticks: int = 0
    """Ticks below the best bid for a marketable sell limit before the market order."""
    exit_limit_attempts: int = 2
    after_market: bool = False
    """Whether shares unsold at the close may be sold in the evening, from 16:00 to 20:00, at evening prices."""


@dataclass(frozen=True, slots=True)
class TradingRules:
    """All rules of a trading worker; ``version`` rises with each accepted change."""

    version: int = 1
    universe: UniverseRules = field(default_factory=UniverseRules)
    screening: ScreeningRules = field(default_factory=ScreeningRules)
    strategy: StrategyRules = field(default_factory=StrategyRules)
    exits: ExitRules = field(default_factory=ExitRules)
    risk: RiskRules = field(default_factory=RiskRules)
    execution: ExecutionRules = field(default_factory=ExecutionRules)
