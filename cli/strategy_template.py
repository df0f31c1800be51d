"""The file and the test that ``starter.py strategy new`` writes."""

from typing import Final

STRATEGY: Final = '''"""Buys a stock that opened above yesterday's high and still stands above its open.

Change it to your own idea.
"""

from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent, change_rate


class @CLASS@Parameters(Parameters):
    """What an operator may change: each is a setting and a name of `starter.py rules`, with these bounds."""

    least_gap: Percent = Field(default=Decimal("0.005"), ge=0, le=Decimal("0.3"))


class @CLASS@:
    """Open above yesterday's high, price above the open."""

    name = "@NAME@"
    version = "1"  # change it whenever a decision could change
    Parameters = @CLASS@Parameters

    def entry(self, view: MarketView, parameters: @CLASS@Parameters) -> EntrySignal | None:
        """Say buy while the gap is open upwards."""
        quote, reference = view.quote, view.reference
        if reference is None or not reference.previous_high < quote.open_price < quote.price:
            return None
        gap = change_rate(quote.open_price, reference.previous_close)
        if gap < parameters.least_gap:
            return None
        reason = f"opened {gap:.1%} above yesterday's close, at {quote.open_price:,}"
        return EntrySignal(self.name, self.version, Decimal("0.5"), reason)

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: @CLASS@Parameters) -> bool:
        """Give up when the gap has closed. Stop, target and time limits sell without asking this."""
        return view.reference is not None and 0 < view.quote.price < view.reference.previous_high
'''

TEST: Final = '''"""What @NAME@ buys, and what it does not."""

from datetime import UTC, datetime
from pathlib import Path

from domain.market import DailyReference, MarketView, Quote, Symbol
from domain.money import Price, Quantity
from domain.rules import StrategyRules
from domain.tick_size import price_limits
from runtime.strategy_loading import install_strategies

STRATEGY = install_strategies(Path(__file__).with_name("@NAME@.py")).strategies["@NAME@"]
YESTERDAY = DailyReference(
    Symbol("005930"), Price(70_000), Price(70_500), Price(69_000), Quantity(1_000_000), price_limits(Price(70_000))
)


def view(price: int, opened_at: int) -> MarketView:
    """Return a stock at ten in the morning."""
    at = datetime(2026, 11, 23, 1, tzinfo=UTC)
    return MarketView(Quote(Symbol("005930"), Price(price), at, open_price=Price(opened_at)), YESTERDAY)


def test_it_buys_an_open_gap() -> None:
    signal = STRATEGY.entry(view(71_500, opened_at=71_000), StrategyRules())

    assert signal is not None
    assert signal.reason == "opened 1.4% above yesterday's close, at 71,000"


def test_it_does_not_buy_without_a_gap_or_below_the_open() -> None:
    assert STRATEGY.entry(view(71_500, opened_at=70_400), StrategyRules()) is None
    assert STRATEGY.entry(view(70_900, opened_at=71_000), StrategyRules()) is None
'''


def filled(template: str, name: str) -> str:
    """Return a template for a strategy's name, such as ``opening_gap``."""
    return template.replace("@NAME@", name).replace("@CLASS@", "".join(part.title() for part in name.split("_")))
