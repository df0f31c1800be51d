"""What a verdict needs to know of each trade, and where the conclusion's figures come from. Rates, not basis points."""

from dataclasses import dataclass
from datetime import date

from domain.market import Symbol
from lab.evidence.trials import Trials


@dataclass(frozen=True, slots=True)
class Sizing:
    """How large the market of a trade was: won of the session and of the entry's minute, and the day's volatility."""

    session: float
    minute: float
    volatility: float


@dataclass(frozen=True, slots=True)
class Traded:
    """One trade. Won, and net results ÷ entry amount; None where the bars do not answer."""

    date: date
    symbol: Symbol
    stake: float
    net: float
    own: float | None = None
    """The replay of this entry."""
    chance: float | None = None
    """The mean of the replays of random entries of the same session."""
    held: float | None = None
    """The same stock from its first price of the session to its last."""
    sizing: Sizing | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a verdict is based on."""

    sessions: tuple[date, ...]
    trades: tuple[Traded, ...]
    trials: Trials
    biases: tuple[str, ...] = ()
    """Why the data is known to flatter; such data never gives a pass."""
    unsound: int = 0
    """Days that failed their checks."""
    slippage: float = 0.0
    """The slippage that is in the results, ÷ entry amounts."""
    fills: str = "the stated fill model"
    """Where that slippage comes from."""
