"""Buys a stock that breaks out of its open by a share of yesterday's range (Larry Williams' rule)."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from domain.market import MarketView, Quote
from domain.position import OpenPosition
from domain.strategy import EntrySignal
from strategies.entry_rule import EntryRule
from strategies.parameters import Parameters, Percent


class BreakoutParameters(Parameters):
    """How far the price must rise above the open, and when the rise no longer counts. Rates are shares of the price."""

    factor: Decimal = Field(default=Decimal("0.5"), ge=0, le=5)
    """The share k of yesterday's range."""
    least_range: Percent = Field(default=Decimal("0.005"), ge=0, le=1)
    """A smaller range yesterday makes the target mere noise."""
    greatest_chase: Percent = Field(default=Decimal("0.03"), gt=0, le=Decimal("0.3"))
    """Further above the target, the stop-loss is inside the breakout itself."""
    greatest_change: Percent = Field(default=Decimal("0.20"), ge=0, le=Decimal("0.3"))
    """Above this the daily limit leaves too little room for profit."""


class VolatilityBreakout:
    """Price ≥ open + k × yesterday's range, while the breakout is still fresh."""

    name: ClassVar[str] = "volatility_breakout"
    version: ClassVar[str] = "1"
    Parameters = BreakoutParameters
    entry_rule: ClassVar = EntryRule(
        "previous_range >= max(1, least_range * previous_close)",
        "open > 0",
        "change(price, previous_close) < greatest_change",
        "target = open + factor * previous_range",
        "above = change(price, target)",
        "0 <= above <= greatest_chase",
    )

    def entry(self, view: MarketView, parameters: BreakoutParameters) -> EntrySignal | None:
        """Return a signal while the price is at or slightly above the target."""
        found = self.entry_rule.met(view, parameters)
        if found is None:
            return None
        confidence = _confidence(found["above"] / parameters.greatest_chase, view)
        return EntrySignal(self.name, self.version, confidence, _sentence(view.quote, found["target"]))

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: BreakoutParameters) -> bool:  # noqa: ARG002 required by the interface
        """Return whether the price is back below both the day's open and the entry price."""
        return 0 < view.quote.price < min(Decimal(view.quote.open_price), position.entry_price)


def _confidence(chased: Decimal, view: MarketView) -> Decimal:
    """Return more for a price closer to the target (``chased`` is 0 at it, 1 too far above it) and for more volume."""
    before = view.reference.previous_volume if view.reference else 0
    participation = min(Decimal(1), Decimal(view.quote.volume) / before) if before else Decimal(0)
    return (Decimal("0.4") + Decimal("0.3") * (1 - chased) + Decimal("0.3") * participation).quantize(Decimal("0.001"))


def _sentence(quote: Quote, target: Decimal) -> str:
    return f"price {quote.price:,} broke the target {target:,.0f} above the open {quote.open_price:,}"
