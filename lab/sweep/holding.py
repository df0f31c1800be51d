"""How long a variant holds a stock: the exit rules at the instants at which one of them can fire.

The bounds of price and time are whole numbers, so that most minutes cost a few comparisons. Where one is reached, the
rules of ``domain.exits`` decide.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from math import ceil, floor
from typing import Any, Final

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
_MATTERS: Final = ("exit_rules", "high_water_mark", "last_price", "rules_version")
"""What differs between variants that bought the same shares at the same second."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Why and in which second since the open a position is to be sold."""

    reason: ExitReason
    second: int


@dataclass(slots=True)
class Opinions:
    """What a strategy has said about one purchase, by second, for all variants that made it."""

    said: dict[int, bool]
    shared: OpenPosition | None
    """The position without what differs between variants; None once the strategy has asked for that."""


class _OwnRulesError(Exception):
    """A strategy asks for something that differs between variants."""


class _Refusals:
    """How often it was asked. A strategy may catch the error, so it alone proves nothing."""

    count = 0


def _refuse(_: object) -> Any:
    _Refusals.count += 1
    raise _OwnRulesError


class _SharedPosition(OpenPosition):
    """A position that refuses to show what differs between variants with the same purchase."""

    __slots__ = ()
    exit_rules = property(_refuse)
    high_water_mark = property(_refuse)
    last_price = property(_refuse)
    rules_version = property(_refuse)


def opinions_about(position: OpenPosition) -> Opinions:
    """Return the empty opinions about a purchase."""
    shared = object.__new__(_SharedPosition)
    for each in fields(OpenPosition):
        if each.name not in _MATTERS:
            object.__setattr__(shared, each.name, getattr(position, each.name))
    return Opinions({}, shared)


class Holding:
    """One held position: it looks where a backtest's watch looks."""

    def __init__(
        self,
        scene: Scene,
        position: OpenPosition,
        rules: TradingRules,
        strategy: Strategy,
        opinions: Opinions,
    ) -> None:
        self._scene, self._position, self._strategy = scene, position, strategy
        self._texts, self._age = rules.strategy, rules.execution.greatest_quote_age
        self._opinions = opinions
        self._symbol, self._exits = position.symbol, position.exit_rules
        self._deadline = scene.second(scene.plan.liquidation_at)
        self._thin_from = scene.second(scene.session.auction_at - LONGEST_THIN_LEAD)
        longest = self._exits.longest_holding
        held_until = scene.second(position.opened_at) + longest.total_seconds() if longest else _NEVER
        self._held_until = held_until
        self._sure_from = min(held_until, self._thin_from)
        """The second from which a rule of time may fire."""
        self._best = int(position.high_water_mark)
        self._trails = bool(self._exits.trailing_start and self._exits.trailing_distance)
        self._set_bounds()

    def until_sold(self, second: int) -> Decided:
        """Return the first decision at ``second`` or later; at the fleet's deadline the latest."""
        decided = self._look(second)
        minute, inside = divmod(second, _MINUTE)
        while decided is None:
            crossing = self._crossing(minute, inside)
            if crossing is None:
                decided, minute = self._next_minutes(minute + 1)
                inside = 0
            else:
                decided, inside = self._look(crossing), crossing % _MINUTE
        return decided

    def _next_minutes(self, minute: int) -> tuple[Decided | None, int]:
        """Look at the starts of minutes until one decides, or the path within one leaves the bounds; return it."""
        scene, symbol = self._scene, self._symbol
        opens, ranges, last = scene.opens(symbol), scene.ranges(symbol), self._deadline // _MINUTE
        floors = scene.trend_floors(symbol, self._exits)
        said = self._opinions.said
        while minute < last:
            second, price = minute * _MINUTE, opens[minute]
            if price > self._best:
                self._raise_best(price)
            if price <= self._lower or price >= self._upper or price <= floors[second] or self._time_is_up(second):
                decided = self._look(second)
                if decided is not None:
                    return decided, minute
            elif said[second] if second in said else self._asked(second):
                return Decided(ExitReason.STRATEGY, second), minute
            low, high = ranges[minute]
            if low <= self._lower or high >= self._upper or (self._trails and high > self._best):
                return None, minute
            minute += 1
        return Decided(ExitReason.DEADLINE, self._deadline), minute

    def _look(self, second: int) -> Decided | None:
        if second >= self._deadline:
            return Decided(ExitReason.DEADLINE, self._deadline)
        view = self._scene.view(self._symbol, second)
        price = view.quote.price
        if price > self._best:
            self._raise_best(price)
        if self._may_fire(price, second):
            own = self._own_start(second)
            at = self._scene.instant(second)
            position = replace(self._position, high_water_mark=Price(self._best), last_price=price)
            deadline = self._scene.plan.liquidation_at if own is None else own
            signal = decide_exit(ExitContext(position, view, at, deadline, greatest_age=self._age))
            if signal is not None:
                return Decided(signal.reason, second)
        said = self._opinions.said
        wants_out = said[second] if second in said else self._asked(second)
        return Decided(ExitReason.STRATEGY, second) if wants_out else None

    def _may_fire(self, price: int, second: int) -> bool:
        """Return whether a rule may fire; a false alarm costs only the call of the rules."""
        if price <= self._lower or price >= self._upper or self._time_is_up(second):
            return True
        return price <= self._scene.trend_floors(self._symbol, self._exits)[second]

    def _time_is_up(self, second: int) -> bool:
        """Return whether a rule of time may fire, or a thin position's own sale may begin."""
        if second < self._sure_from:
            return False
        is_thin = second >= self._thin_from and self._position.quantity >= self._scene.thin_from(self._symbol, second)
        return is_thin or second >= self._held_until

    def _own_start(self, second: int) -> datetime | None:
        if second < self._thin_from:
            return None
        traded = self._scene.traded(self._symbol, second)
        if traded is None:
            return None
        plan = self._scene.plan
        own = own_start(plan.session, plan.liquidation_at, self._position.quantity, traded)
        return None if own is None else own.at

    def _asked(self, second: int) -> bool:
        view, opinions = self._scene.view(self._symbol, second), self._opinions
        if opinions.shared is not None:
            before = _Refusals.count
            outcome = self._scene.calls.outcome(partial(self._strategy.wants_out, view, opinions.shared, self._texts))
            if _Refusals.count == before:
                found = opinions.said[second] = self._scene.sound(outcome, objection_to_flag) is True
                return found
            opinions.shared = None
            opinions.said.clear()
        own = replace(self._position, high_water_mark=Price(self._best), last_price=view.quote.price)
        outcome = self._scene.calls.outcome(partial(self._strategy.wants_out, view, own, self._texts))
        return self._scene.sound(outcome, objection_to_flag) is True

    def _crossing(self, minute: int, inside: int) -> int | None:
        """Return the first later second beyond a bound, or the best price before it if that is a new one."""
        if inside >= _MINUTE - 1:
            return None
        low, high = self._scene.ranges(self._symbol)[minute]
        if low > self._lower and high < self._upper and not (self._trails and high > self._best):
            return None
        rest = self._scene.prices(self._symbol, minute)[inside + 1 :]
        crossing = next((at for at, price in enumerate(rest) if price <= self._lower or price >= self._upper), None)
        if self._trails:
            before = rest if crossing is None else rest[:crossing]
            top = max(before, default=0)
            if top > self._best:
                crossing = before.index(top)
        return None if crossing is None else minute * _MINUTE + inside + 1 + crossing

    def _raise_best(self, price: int) -> None:
        self._best = price
        if self._trails:
            self._set_bounds()

    def _set_bounds(self) -> None:
        bounds = Bounds.of(self._position, Price(self._best))
        self._lower = floor(bounds.lower)
        self._upper = _NEVER if bounds.upper.is_infinite() else ceil(bounds.upper)
