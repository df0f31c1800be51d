"""Buys a stock that rises above the high of its first minutes (opening-range breakout)."""

from datetime import timedelta
from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent, Price, change_rate


class OpeningRangeParameters(Parameters):
    """How long the opening range lasts, and how far above it a breakout still counts."""

    range_minutes: int = Field(default=15, ge=1, le=120)
    greatest_chase: Percent = Field(default=Decimal("0.01"), ge=0, le=Decimal("0.3"))
    latest: timedelta = Field(default=timedelta(hours=2), ge=timedelta(minutes=5), le=timedelta(hours=6))
    """After this time since the opening a breakout says little about the morning."""


class OpeningRange:
    """Price above the high of the first minutes."""

    name = "opening_range"
    version = "1"
    Parameters = OpeningRangeParameters

    def entry(self, view: MarketView, parameters: OpeningRangeParameters) -> EntrySignal | None:
        """Return a signal shortly after the breakout."""
        length = timedelta(minutes=parameters.range_minutes)
        high = opening_high(view, length)
        if high is None or not length <= view.open_for <= parameters.latest:
            return None
        above = change_rate(view.quote.price, high)
        if not 0 < above <= parameters.greatest_chase:
            return None
        reason = f"{view.quote.price:,} is above {high:,}, the high of the first {parameters.range_minutes} minutes"
        return EntrySignal(self.name, self.version, Decimal("0.5"), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: OpeningRangeParameters) -> bool:
        """Return whether the price is back inside the range, below its purchase."""
        high = opening_high(view, timedelta(minutes=parameters.range_minutes))
        return high is not None and 0 < view.quote.price < min(Decimal(high), position.entry_price)


def opening_high(view: MarketView, length: timedelta) -> Price | None:
    """Return the high of the first minutes, or None if this host has not followed the stock since the opening."""
    if view.session is None:
        return None
    start = view.session.opens_at
    highs = [bar.high for bar in view.minutes if start <= bar.at < start + length]
    followed = bool(view.minutes) and view.minutes[0].at <= start + timedelta(minutes=1)
    return max(highs) if followed and highs else None
