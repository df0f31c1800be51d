"""Buys a stock that opened well below yesterday's close and has started to close the gap."""

from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent, change_rate


class GapFadeParameters(Parameters):
    """The size of the gap, and the share of it that must be closed before the purchase."""

    least_gap: Percent = Field(default=Decimal("0.015"), ge=0, le=Decimal("0.3"))
    greatest_gap: Percent = Field(default=Decimal("0.08"), ge=0, le=Decimal("0.3"))
    """A larger gap usually has a reason that one day does not undo."""
    closed: Percent = Field(default=Decimal("0.25"), ge=0, le=1)


class GapFade:
    """A gap down at the opening that starts to close."""

    name = "gap_fade"
    version = "1"
    Parameters = GapFadeParameters

    def entry(self, view: MarketView, parameters: GapFadeParameters) -> EntrySignal | None:
        """Return a signal while the price is between the start of the recovery and yesterday's close."""
        quote, reference = view.quote, view.reference
        if reference is None or not quote.open_price:
            return None
        gap = -change_rate(quote.open_price, reference.previous_close)
        if not parameters.least_gap <= gap <= parameters.greatest_gap:
            return None
        missing = reference.previous_close - quote.open_price
        recovered = Decimal(quote.price - quote.open_price) / missing
        if not parameters.closed <= recovered < Decimal("0.75"):
            return None
        reason = f"opened {gap:.1%} below yesterday's close and has recovered {recovered:.0%} of it"
        return EntrySignal(self.name, self.version, Decimal("0.4"), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: GapFadeParameters) -> bool:  # noqa: ARG002 the interface's
        """Return whether the gap has closed, or the price is below the opening again."""
        quote, reference = view.quote, view.reference
        is_closed = reference is not None and quote.price >= reference.previous_close
        return is_closed or 0 < quote.price < quote.open_price
