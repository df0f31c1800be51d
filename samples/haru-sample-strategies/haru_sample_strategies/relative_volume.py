"""Buys a rising stock that has traded far more than usual for this time of the day."""

from datetime import timedelta
from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent, Symbol, change_rate


class RelativeVolumeParameters(Parameters):
    """How much more than usual, and how large a rise."""

    least_ratio: Decimal = Field(default=Decimal(3), ge=1, le=100)
    least_rise: Percent = Field(default=Decimal("0.01"), ge=0, le=Decimal("0.3"))
    greatest_rise: Percent = Field(default=Decimal("0.12"), ge=0, le=Decimal("0.3"))
    least_days: int = Field(default=5, ge=1, le=14)
    """Earlier sessions that must be known."""
    warm_up: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(hours=2))


class RelativeVolume:
    """Today's pace of volume against the average of the last sessions."""

    name = "relative_volume"
    version = "1"
    Parameters = RelativeVolumeParameters

    def entry(self, view: MarketView, parameters: RelativeVolumeParameters) -> EntrySignal | None:
        """Return a signal for a busy, rising stock."""
        ratio = relative_volume(view, parameters.least_days)
        rise = change_rate(view.quote.price, view.quote.open_price)
        if ratio is None or ratio < parameters.least_ratio or view.open_for < parameters.warm_up:
            return None
        if not parameters.least_rise <= rise <= parameters.greatest_rise:
            return None
        reason = f"traded {ratio:.1f} times its usual volume for this time, {rise:.1%} above the open"
        return EntrySignal(self.name, self.version, Decimal("0.5"), reason)

    def rank(self, views: tuple[MarketView, ...], parameters: RelativeVolumeParameters) -> dict[Symbol, Decimal]:
        """Return more confidence for a busier stock, so that a scan tries it first; the quieter half is left out."""
        ratios = {view.quote.symbol: relative_volume(view, parameters.least_days) or Decimal(0) for view in views}
        busiest = sorted(ratios, key=lambda symbol: (-ratios[symbol], symbol))[: (len(ratios) + 1) // 2]
        return {symbol: 1 - Decimal(place) / len(busiest) for place, symbol in enumerate(busiest)}

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: RelativeVolumeParameters) -> bool:  # noqa: ARG002 the interface's
        """Return whether the price is below the day's open again."""
        return 0 < view.quote.price < view.quote.open_price


def relative_volume(view: MarketView, least_days: int) -> Decimal | None:
    """Return today's volume over its share, by elapsed time, of an average day; None without enough days."""
    days = view.days
    if len(days) < least_days or view.session is None or view.open_for <= timedelta(0):
        return None
    usual = Decimal(sum(day.volume for day in days)) / len(days)
    elapsed = Decimal(view.open_for / (view.session.ends_at - view.session.opens_at))
    return view.quote.volume / (usual * elapsed) if usual and elapsed else None
