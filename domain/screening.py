"""From quotes to candidates: which stocks pass the filters, and in which order they are tried."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.market import InstrumentStatus, MarketView, Quote, Symbol, problem_with
from domain.money import Price
from domain.rules import ScreeningRules
from domain.strategy import EntrySignal

MOST_CANDIDATES: Final = 10
"""A worker that loses ten locks in a row is better off with a new scan."""


class ScreeningFilter(StrEnum):
    """The filter that dropped a stock from a scan."""

    UNREADABLE = "unreadable"
    """The broker shows no price for it, or refuses or garbles its data."""
    BAD_QUOTE = "bad_quote"
    TRADING_FLAG = "trading_flag"
    PRICE_RANGE = "price_range"
    THIN_VOLUME = "thin_volume"
    THIN_TURNOVER = "thin_turnover"
    WIDE_SPREAD = "wide_spread"
    RUN_UP = "run_up"
    LOCKED = "locked"
    COOLDOWN = "cooldown"
    CUSTOM = "custom"
    STRATEGY_FAILED = "strategy_failed"
    """A strategy or custom filter raised, timed out or returned an invalid value."""
    NO_SIGNAL = "no_signal"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stock that passed today's screening and that a strategy would buy. Price in won."""

    symbol: Symbol
    name: str
    price: Price
    score: Decimal
    strategy: str
    strategy_version: str
    reason: str
    known_since: datetime | None = None
    """Market time since which the scanning process has followed the price; None if it has not."""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The outcome of one scan: candidates, best first, and how many stocks each filter dropped."""

    looked_at: int
    candidates: tuple[Candidate, ...]
    dropped: dict[ScreeningFilter, int] = field(default_factory=dict)
    dropped_by_custom: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Return the dropped stocks by the name of each filter and custom filter."""
        return {str(name): count for name, count in [*self.dropped.items(), *self.dropped_by_custom.items()]}


@dataclass(frozen=True, slots=True)
class ScreenedStock:
    """A stock with the scanner's data about it.

    ``status`` is None while it has not been requested from the broker: no flag drops the stock then, so the buyer
    checks first.
    """

    view: MarketView
    status: InstrumentStatus | None
    locked: bool
    cooling_down: bool
    refused_by: str = ""
    """The custom filter that refused it."""
    signal: EntrySignal | None = None
    """Why a strategy would buy it."""
    code_failed: bool = False
    """Whether a custom filter or strategy failed to give a valid answer about it."""


CustomFilter = Callable[[ScreenedStock], bool]
"""Keeps a stock by returning True. Must be pure, like every decision of a scan."""


def spread_is_wide(quote: Quote, rules: ScreeningRules) -> bool:
    """Return whether best bid and ask are too far apart, or one is missing.

    A quote without them passes: the buyer reads the order book first.
    """
    spread = quote.spread_rate
    return quote.shows_book and (spread is None or spread > rules.greatest_spread)


@dataclass(frozen=True, slots=True)
class _Look:
    stock: ScreenedStock
    rules: ScreeningRules
    now: datetime
    greatest_age: timedelta


def _bad_quote(look: _Look) -> bool:
    """Drop an untrusted quote, or one with an unreadable field: an unknown change may have any size."""
    quote = look.stock.view.quote
    return bool(quote.unreadable) or problem_with(quote, look.now, look.greatest_age) is not None


def _flagged(look: _Look) -> bool:
    return look.stock.status is not None and bool(look.stock.status.flags)


def _outside_price_range(look: _Look) -> bool:
    return not look.rules.least_price <= look.stock.view.quote.price <= look.rules.greatest_price


def _thin_volume(look: _Look) -> bool:
    """Drop thin volume; without a trade today the exchange may open late, whatever the rules allow."""
    return look.stock.view.quote.volume < max(look.rules.least_volume, 1)


def _thin_turnover(look: _Look) -> bool:
    return look.stock.view.quote.turnover < look.rules.least_turnover


def _wide_spread(look: _Look) -> bool:
    return spread_is_wide(look.stock.view.quote, look.rules)


def _run_up(look: _Look) -> bool:
    return look.stock.view.quote.change_rate > look.rules.greatest_change


FILTERS: Final[tuple[tuple[ScreeningFilter, Callable[[_Look], bool]], ...]] = (
    (ScreeningFilter.BAD_QUOTE, _bad_quote),
    (ScreeningFilter.TRADING_FLAG, _flagged),
    (ScreeningFilter.PRICE_RANGE, _outside_price_range),
    (ScreeningFilter.THIN_VOLUME, _thin_volume),
    (ScreeningFilter.THIN_TURNOVER, _thin_turnover),
    (ScreeningFilter.WIDE_SPREAD, _wide_spread),
    (ScreeningFilter.RUN_UP, _run_up),
    (ScreeningFilter.LOCKED, lambda look: look.stock.locked),
    (ScreeningFilter.COOLDOWN, lambda look: look.stock.cooling_down),
    (ScreeningFilter.CUSTOM, lambda look: bool(look.stock.refused_by)),
    (ScreeningFilter.STRATEGY_FAILED, lambda look: look.stock.code_failed and look.stock.signal is None),
)
"""Every filter in the order in which it may drop a readable stock."""


def first_failed_filter(
    stock: ScreenedStock, rules: ScreeningRules, now: datetime, greatest_age: timedelta
) -> ScreeningFilter | None:
    """Return the first filter that drops the stock at a market instant, or None if it passes all of them."""
    look = _Look(stock, rules, now, greatest_age)
    return next((name for name, drops in FILTERS if drops(look)), None)


def select_candidates(
    stocks: Sequence[ScreenedStock], rules: ScreeningRules, now: datetime, greatest_age: timedelta
) -> ScanReport:
    """Return the candidates at a market instant, best score first and ties by symbol; ages in market time.

    The stocks carry the results of filters and strategies.
    """
    dropped: Counter[ScreeningFilter] = Counter()
    refused: Counter[str] = Counter()
    found: list[Candidate] = []
    for stock in stocks:
        failed = first_failed_filter(stock, rules, now, greatest_age)
        if failed is None and stock.signal is not None:
            found.append(candidate_of(stock.view, stock.signal))
            continue
        dropped[failed or ScreeningFilter.NO_SIGNAL] += 1
        if failed is ScreeningFilter.CUSTOM:
            refused[stock.refused_by] += 1
    return ScanReport(len(stocks), best_first(found), dict(dropped), dict(refused))


def best_first(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates that a worker tries: the best score first, ties by symbol."""
    return tuple(sorted(found, key=lambda candidate: (-candidate.score, candidate.symbol))[:MOST_CANDIDATES])


def candidate_of(view: MarketView, signal: EntrySignal) -> Candidate:
    """Return a stock that a strategy would buy as a candidate."""
    return Candidate(
        symbol=view.quote.symbol,
        name=view.quote.name,
        price=view.quote.price,
        score=signal.confidence,
        strategy=signal.strategy,
        strategy_version=signal.strategy_version,
        reason=signal.reason,
        known_since=view.recent[0].at if view.recent else None,
    )
