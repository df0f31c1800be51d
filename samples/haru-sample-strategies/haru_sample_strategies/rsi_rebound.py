"""Buys a stock whose relative strength index (RSI) comes back from below a level. Needs TA-Lib."""

from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters
from strategies.indicators import indicators


class RsiReboundParameters(Parameters):
    """The period, and the levels between which a rebound runs."""

    period: int = Field(default=14, ge=2, le=60)
    oversold: int = Field(default=30, ge=1, le=50)
    recovered: int = Field(default=55, ge=50, le=99)
    window: int = Field(default=45, ge=10, le=300)
    """Minutes over which RSI is computed: a fixed number gives every host the same value."""


class RsiRebound:
    """An oversold stock that has turned."""

    name = "rsi_rebound"
    version = "1"
    Parameters = RsiReboundParameters

    def entry(self, view: MarketView, parameters: RsiReboundParameters) -> EntrySignal | None:
        """Return a signal when the last completed minute lifts RSI back over the lower level."""
        before = indicators(view, parameters.window + 1)
        if before is None or len(before.bars) <= parameters.period + 1:
            return None
        rsi, last = rsi_of(view, parameters), type(before)(before.bars[:-1]).rsi(parameters.period)
        if rsi is None or last is None or not last < parameters.oversold <= rsi:
            return None
        reason = f"RSI({parameters.period}) rose from {last:.0f} to {rsi:.0f}"
        return EntrySignal(self.name, self.version, Decimal("0.4"), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: RsiReboundParameters) -> bool:  # noqa: ARG002 the interface's
        """Return whether the rebound is over: RSI stands above the upper level."""
        rsi = rsi_of(view, parameters)
        return rsi is not None and rsi >= parameters.recovered


def rsi_of(view: MarketView, parameters: RsiReboundParameters) -> float | None:
    """Return RSI over the window, or None before there are so many minutes."""
    window = indicators(view, parameters.window)
    return None if window is None else window.rsi(parameters.period)
