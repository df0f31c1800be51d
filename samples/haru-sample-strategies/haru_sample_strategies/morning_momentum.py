"""Buys, in the first hour only, a stock whose last minutes all closed higher."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent, change_rate


class MorningMomentumParameters(Parameters):
    """When, and how many rising minutes."""

    begins: timedelta = Field(default=timedelta(minutes=5), ge=timedelta(0), le=timedelta(hours=6))
    ends: timedelta = Field(default=timedelta(minutes=60), ge=timedelta(minutes=5), le=timedelta(hours=6))
    rising_minutes: int = Field(default=3, ge=2, le=20)
    least_rise: Percent = Field(default=Decimal("0.004"), ge=0, le=Decimal("0.3"))
    longest: timedelta = Field(default=timedelta(minutes=30), ge=timedelta(minutes=1), le=timedelta(hours=6))


class MorningMomentum:
    """A row of rising minutes within a time of the day."""

    name = "morning_momentum"
    version = "1"
    Parameters = MorningMomentumParameters

    def entry(self, view: MarketView, parameters: MorningMomentumParameters) -> EntrySignal | None:
        """Return a signal when the last completed minutes rose one after the other."""
        closes = [bar.close for bar in view.minutes[:-1]][-parameters.rising_minutes - 1 :]
        if len(closes) <= parameters.rising_minutes or not parameters.begins <= view.open_for <= parameters.ends:
            return None
        rise = change_rate(closes[-1], closes[0])
        if rise < parameters.least_rise or any(later <= earlier for earlier, later in pairwise(closes)):
            return None
        reason = f"rose {rise:.2%} in {parameters.rising_minutes} minutes, each above the one before"
        return EntrySignal(self.name, self.version, Decimal("0.5"), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: MorningMomentumParameters) -> bool:
        """Return whether it has been held for long enough, or the last completed minute fell."""
        if position.held_for(view.quote.observed_at) >= parameters.longest:
            return True
        return len(view.minutes) > 1 and view.minutes[-2].close < view.minutes[-2].open
