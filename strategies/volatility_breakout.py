"""Buys a stock that breaks out of its open by a share of yesterday's range (Larry Williams' rule)."""

from dataclasses import dataclass
from decimal import Decimal

from domain.market import DailyReference, MarketView, Quote
from domain.money import Rate, change_rate
from domain.position import OpenPosition
from domain.rules import StrategyRules
from domain.strategy import EntrySignal


@dataclass(frozen=True, slots=True)
class VolatilityBreakout:
    """Price ≥ open + k × yesterday's range, while the breakout is still fresh. Rates are shares of the price."""

    name: str = "volatility_breakout"
    version: str = "1"
    least_range: Rate = Rate("0.005")
    """A smaller range yesterday makes the target mere noise."""
    greatest_chase: Rate = Rate("0.03")
    """Further above the target, the stop-loss is inside the breakout itself."""
    greatest_change: Rate = Rate("0.20")
    """Above this the daily limit leaves too little room for profit."""

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        """Return the parameters in force, to be stored with the trade."""
        return {
            "k": str(rules.breakout_factor),
            "least_range": str(self.least_range),
            "greatest_chase": str(self.greatest_chase),
            "greatest_change": str(self.greatest_change),
        }

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        """Return a signal while the price is at or slightly above the target."""
        quote, reference = view.quote, view.reference
        if reference is None or not self._is_worth_a_look(quote, reference):
            return None
        target = quote.open_price + rules.breakout_factor * reference.previous_range
        above = change_rate(quote.price, target)
        if not 0 <= above <= self.greatest_chase:
            return None
        return EntrySignal(self.name, self.version, self._confidence(above, view), _sentence(quote, target))

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:  # noqa: ARG002 required by the interface
        """Return whether the price is back below both the day's open and the entry price."""
        return 0 < view.quote.price < min(Decimal(view.quote.open_price), position.entry_price)

    def _is_worth_a_look(self, quote: Quote, reference: DailyReference) -> bool:
        wide_enough = reference.previous_range >= max(Decimal(1), self.least_range * reference.previous_close)
        change = change_rate(quote.price, reference.previous_close)
        return wide_enough and quote.open_price > 0 and change < self.greatest_change

    def _confidence(self, above: Decimal, view: MarketView) -> Decimal:
        freshness = 1 - above / self.greatest_chase
        before = view.reference.previous_volume if view.reference else 0
        participation = min(Decimal(1), Decimal(view.quote.volume) / before) if before else Decimal(0)
        return (Decimal("0.4") + Decimal("0.3") * freshness + Decimal("0.3") * participation).quantize(Decimal("0.001"))


def _sentence(quote: Quote, target: Decimal) -> str:
    return f"price {quote.price:,} broke the target {target:,.0f} above the open {quote.open_price:,}"
