"""When a scan or a watch of a backtest looks again: only when the recorded market can change its answer.

The rules and strategies are pure, so the lab asks them ahead of time, minute by minute, and lets the activities look
at the instants at which they decide something. At these instants the activities decide by themselves.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.close_plan import own_start, traded_per_minute
from domain.exits import ExitContext, decide_exit
from domain.market import MarketView, Symbol
from domain.money import Price
from domain.position import OpenPosition
from domain.rules import TradingRules
from domain.screening import ScreenedStock, first_failed_filter
from domain.strategy import Strategy
from lab.bounds import Bounds
from lab.inline import InlineCalls
from lab.market import LabMarket
from simulator.exchange import second_of

_MINUTE: Final = 60
_ONE_MINUTE: Final = timedelta(minutes=1)

Taken = Callable[[], frozenset[Symbol]]


@dataclass(frozen=True, slots=True)
class Moment:
    """The next instant of interest; ``looks`` is False if it only has to be computed again then."""

    at: datetime
    looks: bool = True


@dataclass
class Signals:
    """The stocks for which a strategy signals at the start of each minute, whatever the ledger says."""

    market: LabMarket
    rules: TradingRules
    strategies: tuple[Strategy, ...]
    calls: InlineCalls
    _known: dict[int, tuple[Symbol, ...]] = field(default_factory=dict)

    def at(self, minute: int) -> tuple[Symbol, ...]:
        """Return the stocks that a scan at a minute's start may return."""
        if minute not in self._known:
            instant = self.market.session.opens_at + minute * _ONE_MINUTE
            self._known[minute] = tuple(each for each in self.market.symbols if self.may_buy(each, instant))
        return self._known[minute]

    def minutes_of(self, symbols: Sequence[Symbol], minutes: int) -> dict[Symbol, tuple[int, ...]]:
        """Return the minutes of the session in which a scan may return each of these stocks."""
        seen: dict[Symbol, list[int]] = {symbol: [] for symbol in symbols}
        for minute in range(minutes):
            known, instant = self._known.get(minute), self.market.session.opens_at + minute * _ONE_MINUTE
            for symbol in symbols:
                if self.may_buy(symbol, instant) if known is None else symbol in known:
                    seen[symbol].append(minute)
        return {symbol: tuple(found) for symbol, found in seen.items()}

    def may_buy(self, symbol: Symbol, at: datetime) -> bool:
        """Return whether a scan at an instant may return a stock."""
        quote = self.market.quote(symbol, at)
        stock = ScreenedStock(self.market.view(quote), None, locked=False, cooling_down=False)
        age = self.rules.execution.greatest_quote_age
        if first_failed_filter(stock, self.rules.screening, at, age) is not None:
            return False
        return any(self._signals(strategy, stock.view) for strategy in self.strategies)

    def _signals(self, strategy: Strategy, view: MarketView) -> bool:
        """Return whether a strategy signals or fails: the scan then calls it again, contains the fault and reports."""
        found = self.calls.outcome(lambda: strategy.entry(view, self.rules.strategy))
        return bool(found.fault) or found.value is not None


@dataclass(frozen=True, slots=True)
class LiveLooks:
    """Seconds of the session at which a recorded fleet decided on a stock, in order: its replay looks at them too."""

    entries: Sequence[tuple[int, Symbol]] = ()
    exits: Mapping[Symbol, Sequence[int]] = field(default_factory=dict)


class DayMoments:
    """The looks of one session: scans at the start of a minute, watches also where the path crosses a bound.

    Both also look when the recorded fleet decided, if the session is its replay.
    """

    def __init__(
        self,
        market: LabMarket,
        rules: TradingRules,
        strategies: tuple[Strategy, ...],
        taken: Taken,
        live: LiveLooks,
    ) -> None:
        self._live = live
        self._market = market
        self._rules = rules
        self._calls = InlineCalls()
        self.signals = Signals(market, rules, strategies, self._calls)
        self._strategies = {strategy.name: strategy for strategy in strategies}
        self._taken = taken
        self._rests: dict[Symbol, datetime] = {}

    def rest(self, symbol: Symbol, until: datetime) -> None:
        """Note a stock's cool-down."""
        self._rests[symbol] = max(until, self._rests.get(symbol, until))

    def next_scan(self, now: datetime, until: datetime) -> Moment:
        """Return the first minute's start, now or later, at which a scan may find a candidate; at most ``until``."""
        session = self._market.session
        if now < session.opens_at:
            return Moment(min(session.opens_at, until), looks=False)
        taken = self._taken()
        # A stock that is held now may be bought again after its cool-down at the earliest.
        known_until = now + max(self._rules.risk.symbol_cooldown, _ONE_MINUTE)
        for at, signalled in self._scans(now):
            if at >= until:
                break
            wanted = [each for each in signalled if self._rests.get(each, at) <= at]
            if any(each not in taken for each in wanted):
                return Moment(at)
            if at >= known_until:
                return Moment(at, looks=bool(wanted))
        return Moment(max(until, now))

    def _scans(self, now: datetime) -> Iterator[tuple[datetime, Sequence[Symbol]]]:
        """Yield the instants of possible scans from now on, each with the stocks that it may return."""
        opens_at = self._market.session.opens_at
        first = (now - opens_at).total_seconds()
        live = deque((second, symbol) for second, symbol in self._live.entries if second >= first)
        for minute in range(-(-int(first * 1_000) // 60_000), self._market.minutes):
            while live and live[0][0] < minute * _MINUTE:
                second, symbol = live.popleft()
                at = opens_at + timedelta(seconds=second)
                yield at, [symbol] if self.signals.may_buy(symbol, at) else []
            yield opens_at + minute * _ONE_MINUTE, self.signals.at(minute)

    def next_look(self, now: datetime, position: OpenPosition, best: Price, deadline: datetime) -> datetime:
        """Return the next instant after ``now`` at which a watch decides, or sees the best price before it does."""
        strategy, top = self._strategies.get(position.strategy.name), None
        for at in self._looks(now, position, best, deadline):
            if at >= deadline:
                return top or at
            view = self._market.view(self._market.quote(position.symbol, at))
            price = view.quote.price
            if self._decides(at, replace(position, high_water_mark=best), view, deadline, strategy):
                return top or at
            if price > best:
                best, top = price, at
        return top or deadline

    def _decides(
        self, at: datetime, position: OpenPosition, view: MarketView, deadline: datetime, strategy: Strategy | None
    ) -> bool:
        session = self._market.session
        traded = traded_per_minute(view.recent, view.quote.volume, session, at)
        own = None if traded is None else own_start(session, deadline, position.quantity, traded)
        context = ExitContext(position, view, at, deadline if own is None else own.at)
        if decide_exit(context) is not None or strategy is None:
            return True
        found = self._calls.outcome(lambda: strategy.wants_out(view, position, self._rules.strategy))
        return bool(found.fault or found.value)

    def _looks(self, now: datetime, position: OpenPosition, best: Price, deadline: datetime) -> Iterator[datetime]:
        """Yield the instants to try, in order: each minute's start, and where the path leaves the bounds."""
        opens_at = self._market.session.opens_at
        second = second_of(self._market.session_there, now) if now >= opens_at else -1
        while second < self._market.minutes * _MINUTE:
            found = self._crossing(position, best, second)
            then = (second // _MINUTE + 1) * _MINUTE if found is None else found
            decided = self._live.exits.get(position.symbol, ())
            second = min((each for each in decided if second < each < then), default=then)
            at = opens_at + timedelta(seconds=second)
            best = Price(max(best, self._market.path(position.symbol).price_at(second)))
            yield min(at, deadline)
        yield deadline

    def _crossing(self, position: OpenPosition, best: Price, second: int) -> int | None:
        """Return the first later second of this minute at which an exit rule or the best price may change."""
        minute = second // _MINUTE
        if second < 0 or minute >= self._market.minutes or second % _MINUTE == _MINUTE - 1:
            return None
        bar, bounds = self._market.bar(position.symbol, minute), Bounds.of(position, best)
        if not bounds.may_leave(bar.low, bar.high):
            return None
        path = self._market.path(position.symbol)
        return bounds.first([(Price(path.price_at(each)), each) for each in range(second + 1, (minute + 1) * _MINUTE)])
