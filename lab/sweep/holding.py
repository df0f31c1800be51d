"""How long a variant holds a stock: the exit rules at the instants at which one of them can fire.

The bounds of price and time are whole numbers, so that most minutes cost two comparisons. Where one is reached, the
rules of ``domain.exits`` decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import ceil, floor
from typing import Final

from domain.close_plan import LONGEST_THIN_LEAD, own_start
from domain.exits import ExitContext, decide_exit
from domain.money import Price
from domain.position import ExitReason, OpenPosition
from domain.rules import TradingRules
from domain.strategy import Strategy, objection_to_flag
from lab.bounds import Bounds
from lab.sweep.scene import Scene

_MINUTE: Final = 60
_NEVER: Final = 10**12


@dataclass(frozen=True, slots=True)
class Decided:
    """Why and in which second since the open a position is to be sold."""

    reason: ExitReason
    second: int


class Holding:
    """One held position: it looks where a backtest's watch looks."""

    def __init__(self, scene: Scene, position: OpenPosition, rules: TradingRules, strategy: Strategy | None) -> None:
        self._scene, self._position, self._rules, self._strategy = scene, position, rules, strategy
        self._symbol, self._exits = position.symbol, position.exit_rules
        self._deadline = scene.second(scene.plan.liquidation_at)
        thin_from = scene.session.auction_at - LONGEST_THIN_LEAD
        self._thin_from = scene.second(thin_from)
        self._age = rules.execution.greatest_quote_age
        longest = self._exits.longest_holding
        opened = scene.second(position.opened_at)
        self._held_until = opened + longest.total_seconds() if longest else _NEVER
        self._best = position.high_water_mark
        self._set_bounds()

    def until_sold(self, second: int) -> Decided:
        """Return the first decision at ``second`` or later; at the fleet's deadline the latest."""
        decided = self._look(second)
        looks = self._looks(second)
        while decided is None:
            decided = self._look(next(looks))
        return decided

    def _look(self, second: int) -> Decided | None:
        if second >= self._deadline:
            return Decided(ExitReason.DEADLINE, self._deadline)
        view = self._scene.view(self._symbol, second)
        price = view.quote.price
        if price > self._best:
            self._best = price
            self._set_bounds()
        if self._may_fire(price, second):
            own = self._own_start(second)
            at = self._scene.instant(second)
            position = replace(self._position, high_water_mark=self._best, last_price=price)
            deadline = self._scene.plan.liquidation_at if own is None else own
            signal = decide_exit(ExitContext(position, view, at, deadline, greatest_age=self._age))
            if signal is not None:
                return Decided(signal.reason, second)
        return Decided(ExitReason.STRATEGY, second) if self._wants_out(second) else None

    def _may_fire(self, price: int, second: int) -> bool:
        """Return whether a rule may fire; a false alarm costs only the call of the rules."""
        if price <= self._lower or price >= self._upper or second >= self._held_until or second >= self._thin_from:
            return True
        limit = self._exits.trend_break
        if not limit:
            return False
        average = self._scene.average(self._symbol, second, self._exits.trend_window)
        return average is not None and price <= average * (1 - limit)

    def _own_start(self, second: int) -> datetime | None:
        if second < self._thin_from:
            return None
        traded = self._scene.traded(self._symbol, second)
        if traded is None:
            return None
        plan = self._scene.plan
        own = own_start(plan.session, plan.liquidation_at, self._position.quantity, traded)
        return None if own is None else own.at

    def _wants_out(self, second: int) -> bool:
        if self._strategy is None:
            return False
        view = self._scene.view(self._symbol, second)
        position = replace(self._position, high_water_mark=self._best, last_price=view.quote.price)
        ask = partial(self._strategy.wants_out, view, position, self._rules.strategy)
        return bool(self._scene.asked(ask, objection_to_flag))

    def _looks(self, second: int) -> Iterator[int]:
        """Yield the seconds to look at: each minute's start, and where the path leaves the bounds."""
        ranges, last = self._scene.ranges(self._symbol), self._scene.minutes * _MINUTE
        while second < last:
            minute, inside = divmod(second, _MINUTE)
            low, high = ranges[minute]
            leaves = low <= self._lower or high >= self._upper or (self._trails and high > self._best)
            crossing = self._crossing(minute, inside) if leaves and inside < _MINUTE - 1 else None
            second = (minute + 1) * _MINUTE if crossing is None else crossing
            yield second
        yield self._deadline

    def _crossing(self, minute: int, inside: int) -> int | None:
        """Return the first later second beyond a bound, or the best price before it if that is a new one."""
        rest = self._scene.prices(self._symbol, minute)[inside + 1 :]
        crossing = next((at for at, price in enumerate(rest) if price <= self._lower or price >= self._upper), None)
        if self._trails:
            before = rest if crossing is None else rest[:crossing]
            top = max(before, default=0)
            if top > self._best:
                crossing = before.index(top)
        return None if crossing is None else minute * _MINUTE + inside + 1 + crossing

    def _set_bounds(self) -> None:
        bounds = Bounds.of(self._position, Price(self._best))
        self._trails = bounds.trails
        self._lower = floor(bounds.lower)
        self._upper = _NEVER if bounds.upper.is_infinite() else ceil(bounds.upper)
