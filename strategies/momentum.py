"""Buys a stock that rises over a window while it trades faster than before the window."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Final

from domain.market import MarketView, PriceSample
from domain.money import Quantity, Rate, change_rate
from domain.position import OpenPosition
from domain.rules import StrategyRules
from domain.strategy import EntrySignal

_GREATEST_GAP: Final = 0.25
"""The share of the window by which its base may be older than its start."""


@dataclass(frozen=True, slots=True)
class Momentum:
    """Rise over the window and pace of volume against the earlier pace, both from the recent samples."""

    name: str = "momentum"
    version: str = "2"
    greatest_change: Rate = Rate("0.20")
    """Above this the daily limit leaves too little room for profit."""
    reversal: Rate = Rate("0.5")
    """The fall over the window that triggers a sale, as a share of the entry's rise."""

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        """Return the parameters in force, to be stored with the trade."""
        return {
            "window_seconds": str(int(rules.momentum_window.total_seconds())),
            "rise": str(rules.momentum_rise),
            "volume_ratio": str(rules.momentum_volume_ratio),
            "greatest_change": str(self.greatest_change),
            "reversal": str(self.reversal),
        }

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        """Return a signal if price and pace have both risen enough and both could be measured."""
        rise = window_return(view, rules.momentum_window)
        pace = volume_pace(view, rules.momentum_window)
        if rise is None or pace is None or view.quote.change_rate >= self.greatest_change:
            return None
        if rise <= 0 or rise < rules.momentum_rise or pace < rules.momentum_volume_ratio:
            return None
        confidence = _strength(rise, rules.momentum_rise) + _strength(pace, rules.momentum_volume_ratio)
        minutes = int(rules.momentum_window.total_seconds() // 60)
        reason = f"price rose {rise:.2%} in {minutes} min at {pace:.1f} times the earlier volume pace"
        return EntrySignal(self.name, self.version, confidence.quantize(Decimal("0.001")), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:  # noqa: ARG002 required by the interface
        """Return whether the return over the window has turned negative by a share of the entry's rise."""
        change = window_return(view, rules.momentum_window)
        return change is not None and change < -self.reversal * rules.momentum_rise


def window_return(view: MarketView, window: timedelta) -> Decimal | None:
    """Return the price's change over the window up to the quote, or None without a sample near its start."""
    base = _base(view, window)
    return None if base is None or view.quote.price <= 0 else change_rate(view.quote.price, base.price)


def volume_pace(view: MarketView, window: timedelta) -> Decimal | None:
    """Return the window's volume per time over that of the time before it, or None if either is unknown."""
    base = _base(view, window)
    if base is None or base.at - view.recent[0].at < window / 2:
        return None
    earlier = _pace(base.volume - view.recent[0].volume, base.at - view.recent[0].at)
    latest = _pace(view.quote.volume - base.volume, view.quote.observed_at - base.at)
    return latest / earlier if earlier > 0 else None


def _base(view: MarketView, window: timedelta) -> PriceSample | None:
    """Return the last sample before the window, or None if a gap makes it older than the window by a quarter."""
    start = view.quote.observed_at - window
    earlier = list(takewhile(lambda sample: sample.at <= start, view.recent))
    return earlier[-1] if earlier and start - earlier[-1].at <= window * _GREATEST_GAP else None


def _pace(shares: Quantity | int, during: timedelta) -> Decimal:
    return Decimal(shares) / Decimal(during.total_seconds())


def _strength(value: Decimal, least: Decimal) -> Decimal:
    """Return 0.25 at the least value that counts, and 0.5 from twice that value on."""
    return min(value / least, Decimal(2)) / 4 if least > 0 else Decimal("0.25")
