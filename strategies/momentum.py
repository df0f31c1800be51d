"""Buys a stock that rises over a window while it trades faster than before the window."""

from datetime import timedelta
from decimal import Decimal
from itertools import takewhile
from typing import ClassVar, Final

from pydantic import Field

from domain.market import MarketView, PriceSample
from domain.money import Quantity, change_rate
from domain.position import OpenPosition
from domain.strategy import EntrySignal
from strategies.parameters import Parameters, Percent

_GREATEST_GAP: Final = 0.25
"""The share of the window by which its base may be older than its start."""


class MomentumParameters(Parameters):
    """What counts as a rise and as a faster pace."""

    window: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(minutes=30))
    rise: Percent = Field(default=Decimal("0.012"), ge=0, le=1)
    volume_ratio: Decimal = Field(default=Decimal("1.5"), ge=0, le=1000)
    greatest_change: Percent = Field(default=Decimal("0.20"), ge=0, le=Decimal("0.3"))
    """Above this the daily limit leaves too little room for profit."""
    reversal: Percent = Field(default=Decimal("0.5"), ge=0, le=1)
    """The fall over the window that triggers a sale, as a share of the entry's rise."""


class Momentum:
    """Rise over the window and pace of volume against the earlier pace, both from the recent samples."""

    name: ClassVar[str] = "momentum"
    version: ClassVar[str] = "2"
    Parameters = MomentumParameters

    def entry(self, view: MarketView, parameters: MomentumParameters) -> EntrySignal | None:
        """Return a signal if price and pace have both risen enough and both could be measured."""
        rise = window_return(view, parameters.window)
        pace = volume_pace(view, parameters.window)
        if rise is None or pace is None or view.quote.change_rate >= parameters.greatest_change:
            return None
        if rise <= 0 or rise < parameters.rise or pace < parameters.volume_ratio:
            return None
        confidence = _strength(rise, parameters.rise) + _strength(pace, parameters.volume_ratio)
        minutes = int(parameters.window.total_seconds() // 60)
        reason = f"price rose {rise:.2%} in {minutes} min at {pace:.1f} times the earlier volume pace"
        return EntrySignal(self.name, self.version, confidence.quantize(Decimal("0.001")), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: MomentumParameters) -> bool:  # noqa: ARG002 required by the interface
        """Return whether the return over the window has turned negative by a share of the entry's rise."""
        change = window_return(view, parameters.window)
        return change is not None and change < -parameters.reversal * parameters.rise


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
