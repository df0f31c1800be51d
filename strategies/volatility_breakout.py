"""Buys a stock that breaks out of its open by a share of yesterday's range (Larry Williams' rule)."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from domain.market import DailyReference, MarketView, Quote
from domain.money import change_rate
from domain.position import OpenPosition
from domain.strategy import EntrySignal
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

    def entry(self, view: MarketView, parameters: BreakoutParameters) -> EntrySignal | None:
        """Return a signal while the price is at or slightly above the target."""
        quote, reference = view.quote, view.reference
        if reference is None or not _is_worth_a_look(quote, reference, parameters):
            return None
        target = quote.open_price + parameters.factor * reference.previous_range
        above = change_rate(quote.price, target)
        if not 0 <= above <= parameters.greatest_chase:
            return None
        confidence = _confidence(above / parameters.greatest_chase, view)
        return EntrySignal(self.name, self.version, confidence, _sentence(quote, target))

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: BreakoutParameters) -> bool:  # noqa: ARG002 required by the interface
        """Return whether the price is back below both the day's open and the entry price."""
        return 0 < view.quote.price < min(Decimal(view.quote.open_price), position.entry_price)


def _is_worth_a_look(quote: Quote, reference: DailyReference, parameters: BreakoutParameters) -> bool:
    wide_enough = reference.previous_range >= max(Decimal(1), parameters.least_range * reference.previous_close)
    change = change_rate(quote.price, reference.previous_close)
    return wide_enough and quote.open_price > 0 and change < parameters.greatest_change


def _confidence(chased: Decimal, view: MarketView) -> Decimal:
    """Return more for a price closer to the target (``chased`` is 0 at it, 1 too far above it) and for more volume."""
    before = view.reference.previous_volume if view.reference else 0
    participation = min(Decimal(1), Decimal(view.quote.volume) / before) if before else Decimal(0)
    return (Decimal("0.4") + Decimal("0.3") * (1 - chased) + Decimal("0.3") * participation).quantize(Decimal("0.001"))


def _sentence(quote: Quote, target: Decimal) -> str:
    return f"price {quote.price:,} broke the target {target:,.0f} above the open {quote.open_price:,}"
