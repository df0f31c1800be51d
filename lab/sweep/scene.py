"""One recorded session as all variants of a sweep see it: each view, path and signal is made once."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from math import floor
from typing import Any, Final, Protocol, TypeVar

from activities.support.bounded_calls import Outcome
from domain.close_plan import PARTICIPATION, sellable_quantity, traded_per_minute
from domain.exits import moving_average
from domain.market import InstrumentStatus, MarketView, Symbol
from domain.money import NO_SHARES, Quantity, Rate
from domain.rules import ExitRules, ScreeningRules, StrategyRules, TradingRules
from domain.screening import (
    Candidate,
    CustomFilter,
    ScreenedStock,
    best_first,
    candidate_of,
    first_failed_filter,
)
from domain.session import SessionPlan, TradingCalendar
from domain.strategy import EntrySignal, objection_to_flag, objection_to_ranks, objection_to_signal, strongest
from lab.day import BEFORE_THE_OPEN
from lab.exchange import open_exchange
from lab.inline import InlineCalls
from lab.market import LabMarket
from lab.recording import RecordedSession
from simulator.exchange import second_of
from strategies import filters_named, strategies_named
from strategies.admission import Admitted

T = TypeVar("T")

_MINUTE: Final = 60
_ONE_MINUTE: Final = timedelta(minutes=1)
_LEAST_TO_RANK: Final = 2
_NEARLY: Final = Decimal("0.999")


@dataclass(frozen=True, slots=True)
class Signal:
    """A stock that a strategy would buy at a minute's start, whatever the worker holds."""

    stock: ScreenedStock
    signal: EntrySignal
    candidate: Candidate


class Entries(Protocol):
    """Finds the stocks that may be bought before any function is asked."""

    def by_minute(self, rules: TradingRules) -> Sequence[Sequence[Symbol]] | None:
        """Return the stocks that may be bought in each minute, and all that are; None if code decides that."""
        ...


Screened = dict[int, list[ScreenedStock]]


@dataclass(slots=True)
class Signals:
    """The signals of one set of screening rules and strategy parameters, minute by minute."""

    rules: TradingRules
    screened: Screened
    """The stocks that pass the screening, by minute; shared by all sets with the same screening rules."""
    strategies: tuple[Admitted, ...]
    filters: dict[str, CustomFilter]
    found: dict[int, tuple[Signal, ...]] = field(default_factory=dict)
    opinions: dict[Hashable, Any] = field(default_factory=dict)
    """What the strategies say of each purchase."""
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    chosen: Sequence[Sequence[Symbol]] | None = None
    """By minute: the stocks of which the compiled rules leave open whether they are bought; None without such rules."""


class TrendFloors(dict[int, int]):
    """By second: the price at or below which ``trend_break`` may fire; 0 while it cannot."""

    def __init__(self, average: Callable[[int], Decimal | None], limit: Rate) -> None:
        super().__init__()
        self._average, self._limit = average, limit

    def __missing__(self, second: int) -> int:
        average = self._average(second) if self._limit else None
        found = self[second] = 0 if average is None else floor(average * (1 - self._limit))
        return found


class Scene:
    """The market of one session, the signals of all variants, and what they have in common."""

    def __init__(
        self,
        recorded: RecordedSession,
        plan: SessionPlan,
        capital: int,
        calendar: TradingCalendar,
        entries: Entries | None = None,
    ) -> None:
        self.recorded, self.plan, self.session = recorded, plan, recorded.session
        simulation = open_exchange(recorded, capital, calendar, self.session.opens_at - BEFORE_THE_OPEN)
        self.exchange = simulation.exchange
        self.market = LabMarket(recorded, simulation)
        self.calls = InlineCalls()
        self.faults = 0
        """Calls of strategies and filters that have failed."""
        self._starts = tuple(self.session.opens_at + minute * _ONE_MINUTE for minute in range(self.market.minutes))
        self._views: dict[tuple[Symbol, int], MarketView] = {}
        self._prices: dict[tuple[Symbol, int], tuple[int, ...]] = {}
        self._traded: dict[tuple[Symbol, int], Decimal | None] = {}
        self._statuses: dict[tuple[Symbol, int], InstrumentStatus] = {}
        self._sellable: dict[tuple[Symbol, int], Quantity] = {}
        self._thin: dict[tuple[Symbol, int], int] = {}
        self._averages: dict[tuple[Symbol, int, timedelta], Decimal | None] = {}
        self._trends: dict[tuple[Symbol, timedelta, Rate], TrendFloors] = {}
        self._ranges: dict[Symbol, list[tuple[int, int]]] = {}
        self._opens: dict[Symbol, list[int]] = {}
        self.dealt: dict[Hashable, Any] = {}
        """The fills of orders that no earlier order of the same variant has touched."""
        self._entries = entries
        self._signals: dict[tuple[ScreeningRules, StrategyRules], Signals] = {}
        self._screened: dict[ScreeningRules, Screened] = {}

    @property
    def minutes(self) -> int:
        """Return the minutes of continuous trading."""
        return self.market.minutes

    def instant(self, second: int) -> datetime:
        """Return the market instant of a second since the open."""
        minute, inside = divmod(second, _MINUTE)
        if not inside and minute < self.minutes:
            return self._starts[minute]
        return self.session.opens_at + timedelta(seconds=second)

    def second(self, at: datetime) -> int:
        """Return the second since the open of a market instant."""
        return second_of(self.market.session_there, at)

    def view(self, symbol: Symbol, second: int) -> MarketView:
        """Return what a strategy sees of a stock in a second."""
        found = self._views.get((symbol, second))
        if found is None:
            found = self.market.view(self.market.quote(symbol, self.instant(second)))
            self._views[symbol, second] = found
        return found

    def prices(self, symbol: Symbol, minute: int) -> tuple[int, ...]:
        """Return the price of each second of a minute."""
        found = self._prices.get((symbol, minute))
        if found is None:
            price_at = self.market.path(symbol).price_at
            found = tuple(price_at(second) for second in range(minute * _MINUTE, (minute + 1) * _MINUTE))
            self._prices[symbol, minute] = found
        return found

    def ranges(self, symbol: Symbol) -> list[tuple[int, int]]:
        """Return the lowest and the highest price of each minute."""
        found = self._ranges.get(symbol)
        if found is None:
            found = [(bar.low, bar.high) for bar in self.market.path(symbol).natural.bars]
            self._ranges[symbol] = found
        return found

    def opens(self, symbol: Symbol) -> list[int]:
        """Return the price at the start of each minute."""
        found = self._opens.get(symbol)
        if found is None:
            found = self._opens[symbol] = [bar.open for bar in self.market.path(symbol).natural.bars]
        return found

    def traded(self, symbol: Symbol, second: int) -> Decimal | None:
        """Return the shares that trade in a minute, as the close plans with them."""
        key = (symbol, second)
        if key not in self._traded:
            view = self.view(symbol, second)
            self._traded[key] = traded_per_minute(view.recent, view.quote.volume, self.session, self.instant(second))
        return self._traded[key]

    def status(self, symbol: Symbol, second: int) -> InstrumentStatus:
        """Return a stock's board and flags in a second."""
        found = self._statuses.get((symbol, second))
        if found is None:
            found = self._statuses[symbol, second] = self.market.status(symbol, self.instant(second))
        return found

    def sellable(self, symbol: Symbol, second: int) -> Quantity:
        """Return how many shares bought in a second can be sold by the close."""
        found = self._sellable.get((symbol, second))
        if found is None:
            traded = self.traded(symbol, second)
            found = NO_SHARES if traded is None else sellable_quantity(self.session, self.instant(second), traded)
            self._sellable[symbol, second] = found
        return found

    def thin_from(self, symbol: Symbol, second: int) -> int:
        """Return the shares from which a position may have to be sold before the fleet's; rounded down."""
        found = self._thin.get((symbol, second))
        if found is None:
            traded = self.traded(symbol, second) or Decimal(0)
            left = Decimal((self.session.auction_at - self.instant(second)) / _ONE_MINUTE)
            found = self._thin[symbol, second] = floor(traded * PARTICIPATION * left * _NEARLY)
        return found

    def trend_floors(self, symbol: Symbol, exits: ExitRules) -> TrendFloors:
        """Return the prices at or below which ``trend_break`` may fire."""
        key = (symbol, exits.trend_window, exits.trend_break)
        found = self._trends.get(key)
        if found is None:
            average = partial(self._average, symbol, exits.trend_window)
            found = self._trends[key] = TrendFloors(average, exits.trend_break)
        return found

    def _average(self, symbol: Symbol, window: timedelta, second: int) -> Decimal | None:
        """Return the moving average of a stock, as the rule ``trend_break`` takes it."""
        key = (symbol, second, window)
        if key not in self._averages:
            self._averages[key] = moving_average(self.view(symbol, second), self.instant(second), window)
        return self._averages[key]

    def signals_of(self, rules: TradingRules) -> Signals:
        """Return the signals of a variant; variants that differ in other rules share them."""
        key = (rules.screening, rules.strategy)
        found = self._signals.get(key)
        if found is None:
            named = tuple(each for each in strategies_named(rules.strategy.names) if isinstance(each, Admitted))
            screened = self._screened.setdefault(rules.screening, {})
            filters = filters_named(rules.screening.custom_filters)
            chosen = None if self._entries is None else self._entries.by_minute(rules)
            found = self._signals[key] = Signals(rules, screened, named, filters, chosen=chosen)
        return found

    def signals_at(self, signals: Signals, minute: int) -> tuple[Signal, ...]:
        """Return the stocks that a scan at a minute's start would offer if the worker held none."""
        found = signals.found.get(minute)
        if found is None:
            stocks = self._kept(signals, self._passed(signals, minute))
            found = signals.found[minute] = tuple(filter(None, (self._judged(signals, each) for each in stocks)))
        return found

    def candidates(self, signals: Signals, found: Sequence[Signal]) -> tuple[Candidate, ...]:
        """Return the candidates of a scan, best first, among the stocks that are neither held nor cooling down."""
        ranking = [each for each in signals.strategies if each.ranks]
        if not ranking or len(found) < _LEAST_TO_RANK:
            return best_first([each.candidate for each in found])
        return best_first([candidate_of(each.stock.view, each.signal) for each in self._ranked(signals, found)])

    def _passed(self, signals: Signals, minute: int) -> list[ScreenedStock]:
        if signals.chosen is not None:
            return self._screened_among(signals, minute, signals.chosen[minute])
        found = signals.screened.get(minute)
        if found is None:
            found = signals.screened[minute] = self._screened_among(signals, minute, self.market.symbols)
        return found

    def _screened_among(self, signals: Signals, minute: int, symbols: Sequence[Symbol]) -> list[ScreenedStock]:
        at, age = self.instant(minute * _MINUTE), signals.rules.execution.greatest_quote_age
        looked = (
            ScreenedStock(self.view(symbol, minute * _MINUTE), None, locked=False, cooling_down=False)
            for symbol in symbols
        )
        return [each for each in looked if first_failed_filter(each, signals.rules.screening, at, age) is None]

    def _kept(self, signals: Signals, stocks: list[ScreenedStock]) -> list[ScreenedStock]:
        """Return the stocks that the custom filters keep; one that fails drops its stock."""
        for keeps in signals.filters.values():
            answers = [(each, self.asked(partial(keeps, each), objection_to_flag)) for each in stocks]
            stocks = [each for each, answer in answers if answer]
        return stocks

    def _judged(self, signals: Signals, stock: ScreenedStock) -> Signal | None:
        best: EntrySignal | None = None
        for strategy in signals.strategies:
            best = strongest(best, self._liked(strategy, stock.view, signals.rules.strategy))
        return None if best is None else Signal(stock, best, candidate_of(stock.view, best))

    def _liked(self, strategy: Admitted, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        return self.asked(partial(strategy.entry, view, rules), partial(objection_to_signal, strategy=strategy.name))

    def _ranked(self, signals: Signals, found: Sequence[Signal]) -> list[Signal]:
        """Return the signals with the ranks of strategies that compare stocks; what is not ranked is not bought."""
        best: dict[Symbol, Signal] = {}
        for strategy in signals.strategies:
            asked = ((each, self._liked(strategy, each.stock.view, signals.rules.strategy)) for each in found)
            liked = {each.candidate.symbol: (each.stock, signal) for each, signal in asked if signal is not None}
            if strategy.ranks and len(liked) >= _LEAST_TO_RANK:
                views = tuple(stock.view for stock, _ in liked.values())
                ask = partial(strategy.rank, views, signals.rules.strategy)
                ranks = self.asked(ask, partial(objection_to_ranks, symbols=liked.keys()))
                if ranks is not None:
                    liked = {
                        symbol: (stock, replace(signal, confidence=ranks[symbol]))
                        for symbol, (stock, signal) in liked.items()
                        if symbol in ranks
                    }
            for symbol, (stock, signal) in liked.items():
                before = best.get(symbol)
                chosen = strongest(before.signal if before else None, signal)
                assert chosen is not None  # noqa: S101 - one of both is there
                best[symbol] = Signal(stock, chosen, candidate_of(stock.view, chosen))
        return list(best.values())

    def asked(self, call: Callable[[], T], objection_to: Callable[[object], str]) -> T | None:
        """Return the answer of a strategy or filter; None, and a fault counted, if it fails or is not valid."""
        return self.sound(self.calls.outcome(call), objection_to)

    def sound(self, outcome: Outcome[T], objection_to: Callable[[object], str]) -> T | None:
        """Return an answer; None, and a fault counted, if there is none or it is not valid."""
        if outcome.fault or objection_to(outcome.value):
            self.faults += 1
            return None
        return outcome.value
