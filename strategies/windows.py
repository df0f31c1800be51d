"""What a stock did over a window of time: functions that strategies and entry rules share."""

from datetime import timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Final

from domain.market import MarketView, MinuteBar, PriceSample
from domain.money import Price, Quantity, change_rate

GREATEST_GAP: Final = 0.25
"""The share of the window by which its base may be older than its start."""


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


def opening_high(view: MarketView, length: timedelta) -> Price | None:
    """Return the high of the first minutes, or None if this host has not followed the stock since the opening."""
    return max((bar.high for bar in _opening(view, length)), default=None)


def opening_low(view: MarketView, length: timedelta) -> Price | None:
    """Return the low of the first minutes, or None if this host has not followed the stock since the opening."""
    return min((bar.low for bar in _opening(view, length)), default=None)


def _opening(view: MarketView, length: timedelta) -> tuple[MinuteBar, ...]:
    if view.session is None or not view.minutes or view.minutes[0].at > view.session.opens_at + timedelta(minutes=1):
        return ()
    start = view.session.opens_at
    return tuple(bar for bar in view.minutes if start <= bar.at < start + length)


def _base(view: MarketView, window: timedelta) -> PriceSample | None:
    """Return the last sample before the window, or None if a gap makes it older than the window by a quarter."""
    if window <= timedelta(0):
        return None
    start = view.quote.observed_at - window
    earlier = list(takewhile(lambda sample: sample.at <= start, view.recent))
    return earlier[-1] if earlier and start - earlier[-1].at <= window * GREATEST_GAP else None


def _pace(shares: Quantity | int, during: timedelta) -> Decimal:
    return Decimal(shares) / Decimal(during.total_seconds())
