"""What a scan decided about each stock, for the operator: a candidate, or the filter that dropped it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.market import Symbol
from domain.money import Price
from domain.rules import ScreeningRules
from domain.screening import ScreenedStock, ScreeningFilter, first_failed_filter

MOST_STOCKS: Final = 40
"""Stocks that are kept of a scan."""
_ORDER: Final = {name: place for place, name in enumerate(ScreeningFilter)}


@dataclass(frozen=True, slots=True)
class StockOutcome:
    """A stock in a scan. ``price`` in won, 0 if it is unknown; ``change`` against the previous close."""

    symbol: Symbol
    name: str
    price: Price
    change: Decimal
    dropped_by: str
    """The filter that dropped it; empty for a candidate."""
    detail: str = ""
    """The custom filter's name, or why a strategy would buy the stock."""
    score: Decimal = Decimal(0)


def outcomes_of(
    stocks: Iterable[ScreenedStock],
    unreadable: Iterable[Symbol],
    rules: ScreeningRules,
    now: datetime,
    greatest_age: timedelta,
) -> tuple[StockOutcome, ...]:
    """Return the stocks of a scan: candidates, best first, then those that got through the most filters."""
    found = [_outcome(stock, first_failed_filter(stock, rules, now, greatest_age)) for stock in stocks]
    found += [StockOutcome(each, "", Price(0), Decimal(0), ScreeningFilter.UNREADABLE.value) for each in unreadable]
    return tuple(sorted(found, key=_nearness)[:MOST_STOCKS])


def _outcome(stock: ScreenedStock, failed: ScreeningFilter | None) -> StockOutcome:
    quote, signal = stock.view.quote, stock.signal
    about = (quote.symbol, quote.name, quote.price, quote.change_rate)
    if failed is None and signal is not None:
        return StockOutcome(*about, "", signal.reason, signal.confidence)
    detail = stock.refused_by if failed is ScreeningFilter.CUSTOM else ""
    return StockOutcome(*about, (failed or ScreeningFilter.NO_SIGNAL).value, detail)


def _nearness(outcome: StockOutcome) -> tuple[int, Decimal, Symbol]:
    place = len(_ORDER) if not outcome.dropped_by else _ORDER[ScreeningFilter(outcome.dropped_by)]
    return -place, -(outcome.score or outcome.change), outcome.symbol
