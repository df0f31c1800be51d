"""Sharpe, Sortino, Calmar and similar ratios, computed by `empyrical-reloaded` from daily returns.

It requires pandas and scipy, which trading does not need. It is therefore an extra, and a report says if it is missing.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.util import find_spec
from typing import Final

from domain.money import Won

EXTRA: Final = "empyrical-reloaded"
_NAMES: Final[Mapping[str, str]] = {
    "sharpe": "sharpe_ratio",
    "sortino": "sortino_ratio",
    "calmar": "calmar_ratio",
    "omega": "omega_ratio",
    "annual_return": "annual_return",
    "annual_volatility": "annual_volatility",
    "greatest_fall": "max_drawdown",
    "value_at_risk": "value_at_risk",
    "tail_ratio": "tail_ratio",
    "stability": "stability_of_timeseries",
}
"""Our name of each ratio and the library's."""
FEWEST_DAYS: Final = 20
"""A month of sessions. From fewer, a ratio for a year is chance."""


def are_available() -> bool:
    """Return whether the library is installed."""
    return find_spec("empyrical") is not None


def ratios(daily: Sequence[tuple[date, Won]], capital: Won) -> dict[str, float | None]:
    """Return ratios of daily net results on a capital (won), annualised to 252 sessions, with a risk-free rate of zero.

    Empty without capital or with fewer than twenty sessions; None where a ratio has no divisor.
    """
    if len(daily) < FEWEST_DAYS or not capital:
        return {}
    import empyrical  # type: ignore[import-untyped]  # noqa: PLC0415 - optional, and slow to load
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with it

    index = pd.DatetimeIndex([day for day, _ in daily])
    returns = pd.Series([net / capital for _, net in daily], index=index, dtype=float)
    return {name: _finite(getattr(empyrical, theirs)(returns)) for name, theirs in _NAMES.items()}


def _finite(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
