"""Buys a stock well below its volume-weighted average price of the day (VWAP) once its last minute has turned up."""

from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent


class VwapReversionParameters(Parameters):
    """The distance from the average that counts as cheap, and the one that is a fall."""

    least_distance: Percent = Field(default=Decimal("0.012"), ge=0, le=Decimal("0.3"))
    greatest_distance: Percent = Field(default=Decimal("0.04"), ge=0, le=Decimal("0.3"))
    least_minutes: int = Field(default=10, ge=2, le=120)
    """Minutes that must have been observed before."""


class VwapReversion:
    """A price below the day's average that turns up."""

    name = "vwap_reversion"
    version = "1"
    Parameters = VwapReversionParameters

    def entry(self, view: MarketView, parameters: VwapReversionParameters) -> EntrySignal | None:
        """Return a signal when the last minute closed above its open, still below the average."""
        average = vwap(view)
        if average is None or len(view.minutes) < parameters.least_minutes or not view.quote.price:
            return None
        distance = 1 - Decimal(view.quote.price) / average
        last = view.minutes[-2]
        if not parameters.least_distance <= distance <= parameters.greatest_distance or last.close <= last.open:
            return None
        reason = f"{view.quote.price:,} is {distance:.1%} below the day's average of {average:,.0f}"
        return EntrySignal(self.name, self.version, Decimal("0.4"), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: VwapReversionParameters) -> bool:  # noqa: ARG002 the interface's
        """Return whether the price has come back to the average."""
        average = vwap(view)
        return average is not None and view.quote.price >= average


def vwap(view: MarketView) -> Decimal | None:
    """Return the day's turnover per share in won, or None before the first trade."""
    quote = view.quote
    return Decimal(quote.turnover) / quote.volume if quote.volume and quote.turnover else None
