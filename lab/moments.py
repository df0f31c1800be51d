"""When a scan or a watch of a backtest looks again: only when the recorded market can change its answer."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.exits import high_water_mark
from domain.market import Symbol
from domain.money import Price, change_rate
from domain.position import OpenPosition
from domain.rules import TradingRules
from domain.screening import ScreenedStock, first_failed_filter
from domain.strategy import Strategy
from lab.market import LabMarket
from simulator.exchange import second_of

_MINUTE: Final = 60


@dataclass
class Signals:
    """The stocks for which a strategy might signal at the start of each minute, whatever the ledger says.

    Locks and cool-downs only remove candidates, so a minute without an entry here needs no scan.
    """

    market: LabMarket
    rules: TradingRules
    strategies: tuple[Strategy, ...]
    _known: dict[int, bool] = field(default_factory=dict)

    def at(self, minute: int) -> bool:
        """Return whether a scan at a minute's start can find a candidate."""
        if minute not in self._known:
            instant = self.market.session.opens_at + timedelta(minutes=minute)
            self._known[minute] = any(self._may_buy(symbol, instant) for symbol in self.market.symbols)
        return self._known[minute]

    def _may_buy(self, symbol: Symbol, at: datetime) -> bool:
        quote = self.market.quote(symbol, at)
        stock = ScreenedStock(self.market.view(quote), None, locked=False, cooling_down=False)
        age = self.rules.execution.greatest_quote_age
        if first_failed_filter(stock, self.rules.screening, at, age) is not None:
            return False
        return any(_signals(strategy, stock, self.rules) for strategy in self.strategies)


def _signals(strategy: Strategy, stock: ScreenedStock, rules: TradingRules) -> bool:
    try:
        return strategy.entry(stock.view, rules.strategy) is not None
    except Exception:  # noqa: BLE001 - the scan itself calls it again, contains the fault and reports it
        return True


class DayMoments:
    """Looks of one session. Scans happen at the start of a minute, watches also where the path crosses a bound."""

    def __init__(self, market: LabMarket, rules: TradingRules, strategies: tuple[Strategy, ...]) -> None:
        self._market = market
        self._signals = Signals(market, rules, strategies)

    def next_scan(self, now: datetime, until: datetime) -> datetime:
        """Return the first minute's start, now or later, at which a scan may find a candidate; at most ``until``."""
        session = self._market.session
        if now < session.opens_at:
            return min(session.opens_at, until)
        minute = -(-int((now - session.opens_at).total_seconds() * 1_000) // (_MINUTE * 1_000))
        while minute < self._market.minutes:
            at = session.opens_at + timedelta(minutes=minute)
            if at >= until:
                break
            if self._signals.at(minute):
                return at
            minute += 1
        return max(until, now)

    def next_look(self, now: datetime, position: OpenPosition, best: Price, deadline: datetime) -> datetime:
        """Return the next instant after ``now`` at which a watch may decide or see a new best price."""
        session = self._market.session
        if now < session.opens_at:
            return session.opens_at
        second = second_of(session, now)
        next_minute = session.opens_at + timedelta(seconds=(second // _MINUTE + 1) * _MINUTE)
        found = self._crossing(position, best, second)
        looks = [next_minute] if found is None else [session.opens_at + timedelta(seconds=found)]
        if now < deadline:
            looks.append(deadline)
        return min(looks)

    def _crossing(self, position: OpenPosition, best: Price, second: int) -> int | None:
        """Return the first later second of this minute at which an exit rule or the best price may change."""
        minute = second // _MINUTE
        if minute >= self._market.minutes or second % _MINUTE == _MINUTE - 1:
            return None
        bar, bounds = self._market.bar(position.symbol, minute), _Bounds.of(position, best)
        if not bounds.may_leave(bar.low, bar.high):
            return None
        path = self._market.path(position.symbol)
        rest = [(path.price_at(each), each) for each in range(second + 1, (minute + 1) * _MINUTE)]
        return bounds.first(rest)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Prices between which no exit rule fires, and the best price so far."""

    lower: Decimal
    upper: Decimal
    best: Price
    trails: bool

    @classmethod
    def of(cls, position: OpenPosition, best: Price) -> "_Bounds":
        rules, entry = position.exit_rules, position.entry_price
        best = high_water_mark(position, best)
        lower = entry * (1 - rules.stop_loss) if rules.stop_loss else Decimal(0)
        trails = bool(rules.trailing_start and rules.trailing_distance)
        if trails and change_rate(best, entry) >= rules.trailing_start:
            lower = max(lower, best * (1 - rules.trailing_distance))
        upper = entry * (1 + rules.take_profit) if rules.take_profit else Decimal("Infinity")
        return cls(lower, upper, best, trails)

    def may_leave(self, low: int, high: int) -> bool:
        return low <= self.lower or high >= self.upper or (self.trails and high > self.best)

    def first(self, rest: list[tuple[Price, int]]) -> int | None:
        crossing = next((second for price, second in rest if price <= self.lower or price >= self.upper), None)
        if not self.trails:
            return crossing
        before = [(price, -second) for price, second in rest if crossing is None or second < crossing]
        top = max(before, default=(Price(0), 0))
        return -top[1] if top[0] > self.best else crossing
