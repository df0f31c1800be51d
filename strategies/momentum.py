"""Buys a stock that rises over a window while it trades faster than before the window."""

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from domain.market import MarketView
from domain.position import OpenPosition
from domain.strategy import EntrySignal
from strategies.entry_rule import EntryRule
from strategies.parameters import Parameters, Percent
from strategies.windows import window_return


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
    entry_rule: ClassVar = EntryRule(
        "risen = window_return(window)",
        "pace = volume_pace(window)",
        "change(price, base) < greatest_change",
        "risen > 0",
        "risen >= rise",
        "pace >= volume_ratio",
    )

    def entry(self, view: MarketView, parameters: MomentumParameters) -> EntrySignal | None:
        """Return a signal if price and pace have both risen enough and both could be measured."""
        found = self.entry_rule.met(view, parameters)
        if found is None:
            return None
        rise, pace = found["risen"], found["pace"]
        confidence = _strength(rise, parameters.rise) + _strength(pace, parameters.volume_ratio)
        minutes = int(parameters.window.total_seconds() // 60)
        reason = f"price rose {rise:.2%} in {minutes} min at {pace:.1f} times the earlier volume pace"
        return EntrySignal(self.name, self.version, confidence.quantize(Decimal("0.001")), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: MomentumParameters) -> bool:  # noqa: ARG002 required by the interface
        """Return whether the return over the window has turned negative by a share of the entry's rise."""
        change = window_return(view, parameters.window)
        return change is not None and change < -parameters.reversal * parameters.rise


def _strength(value: Decimal, least: Decimal) -> Decimal:
    """Return 0.25 at the least value that counts, and 0.5 from twice that value on."""
    return min(value / least, Decimal(2)) / 4 if least > 0 else Decimal("0.25")
