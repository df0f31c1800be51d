"""What the rules and strategies say of the recorded market at every second: the measure of both played days."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from domain.exits import ExitContext, decide_exit
from domain.identity import PositionId
from domain.market import Symbol
from domain.money import Price
from domain.position import ClosedTrade, OpenPosition
from domain.rules import TradingRules
from domain.screening import ScreenedStock, first_failed_filter
from domain.session import TradingCalendar
from lab.exchange import calendar_there, open_exchange
from lab.market import LabMarket
from lab.recording import RecordedSession, session_there
from simulator.bar_folder import read_bars
from simulator.clock import ManualClock
from simulator.exchange import second_of
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation
from strategies import strategies_named

BestSeen = Callable[[PositionId, datetime], Price | None]

SECOND: Final = timedelta(seconds=1)
_ANY: Final = timedelta(days=1)


class Due(NamedTuple):
    """A stretch of seconds in each of which a rule sells a position: its first and last second, and the rules."""

    since: datetime
    until: datetime
    reasons: frozenset[str]

    @property
    def lasts(self) -> timedelta:
        """Return the time within which a look must have fallen."""
        return self.until - self.since


class Oracle:
    """The recorded session, second by second, as the backtest and as the simulator plays it."""

    def __init__(
        self, recorded: RecordedSession, bars: Path, rules: TradingRules, capital: int, calendar: TradingCalendar
    ) -> None:
        self.rules = rules
        self.session = recorded.session
        self.session_there = session_there(recorded.session)
        """The same session, as the simulator takes it."""
        opens_at = self.session.opens_at
        self.lab = open_exchange(recorded, capital, calendar, opens_at)
        clock = ManualClock(opens_at)
        there = calendar_there(calendar)
        recording = read_bars(bars, there, only=True)
        self.simulator = Simulation(
            SimulationSettings(clock=clock, calendar=there, recording=recording, listings=1, rate_limit=0)
        )
        self.market = LabMarket(recorded, self.lab)
        self._strategies = strategies_named(rules.strategy.names)
        self.signal = lru_cache(maxsize=None)(self._signal)

    def price(self, symbol: Symbol, at: datetime, *, simulated: bool) -> Price:
        """Return the last price at an instant, as the simulator's process or as the backtest shows it."""
        exchange = (self.simulator if simulated else self.lab).exchange
        return Price(exchange.path(symbol, self.session_there).price_at(second_of(self.session_there, at)))

    def differs(self, symbol: Symbol, at: datetime) -> bool:
        """Return whether both play another price of the same recorded second."""
        return self.price(symbol, at, simulated=True) != self.price(symbol, at, simulated=False)

    def _signal(self, symbol: Symbol, at: datetime) -> str:
        """Return why a strategy would buy at a second, empty if none would."""
        quote = self.market.quote(symbol, at)
        stock = ScreenedStock(self.market.view(quote), None, locked=False, cooling_down=False)
        if first_failed_filter(stock, self.rules.screening, at, _ANY) is not None:
            return ""
        found = (each.entry(stock.view, self.rules.strategy) for each in self._strategies)
        return next((signal.reason for signal in found if signal is not None), "")

    def signal_lasts(self, symbol: Symbol, since: datetime, until: datetime) -> datetime:
        """Return the first second, at most ``until``, at which no strategy signals any more."""
        at = since
        while at < until and self.signal(symbol, at):
            at += SECOND
        return at

    def prices(self, symbol: Symbol, since: datetime, until: datetime) -> list[Price]:
        """Return the simulator's price of each second of a stretch."""
        seconds = int((until - since).total_seconds()) + 1
        return [self.price(symbol, since + each * SECOND, simulated=True) for each in range(seconds)]

    def last_shown(self, symbol: Symbol, price: Price, since: datetime, until: datetime) -> datetime:
        """Return the last second of a stretch at which the simulator showed at least a price; its end if it did not."""
        at = until.replace(microsecond=0)
        while at > since and self.price(symbol, at, simulated=True) < price:
            at -= SECOND
        return at if at > since else until

    def dues_of(
        self, position: OpenPosition, deadline: datetime, until: datetime, best: BestSeen, *, simulated: bool
    ) -> list[Due]:
        """Return when a position is due up to an instant, looked at in every second.

        ``best`` returns the best price that its watch had seen by an instant: a watch may miss a short peak.
        """
        strategy = next((each for each in self._strategies if each.name == position.strategy.name), None)
        found: list[Due] = []
        at = _up(position.opened_at)
        while at <= until:
            view = self.market.view(self.market.quote(position.symbol, at))
            price = self.price(position.symbol, at, simulated=simulated)
            view = replace(view, quote=replace(view.quote, price=price))
            out = strategy is not None and strategy.wants_out(view, position, self.rules.strategy)
            signal = decide_exit(ExitContext(position, view, at, deadline, strategy_wants_out=out))
            if signal is not None:
                _extend(found, at, signal.reason.value)
            limit = best(position.position_id, at)
            seen = price if limit is None else min(price, limit)
            position = replace(position, high_water_mark=max(position.high_water_mark, seen))
            at += SECOND
        return found


def _extend(found: list[Due], at: datetime, reason: str) -> None:
    if found and found[-1].until == at - SECOND:
        found[-1] = Due(found[-1].since, at, found[-1].reasons | {reason})
    else:
        found.append(Due(at, at, frozenset({reason})))


def position_of(trade: ClosedTrade, rules: TradingRules) -> OpenPosition:
    """Return the position of a trade as it was after its purchase."""
    return OpenPosition(
        position_id=trade.position_id,
        account_id=trade.account_id,
        worker_id=trade.worker_id,
        session_date=trade.session_date,
        symbol=trade.symbol,
        name=trade.name,
        market=trade.market,
        quantity=trade.quantity,
        cost=trade.entry_amount,
        opened_at=trade.opened_at,
        high_water_mark=Price(0),
        last_price=trade.entry_decision_price,
        decision_price=trade.entry_decision_price,
        strategy=trade.strategy,
        exit_rules=rules.exits,
    )


def _up(instant: datetime) -> datetime:
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + SECOND
