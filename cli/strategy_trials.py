"""Trial positions of ``strategy check``: bought at a signal's price, and held until the strategy or a rule sells."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from activities.support.bounded_calls import BoundedCalls, Outcome
from domain.exits import ExitContext, decide_exit, high_water_mark
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Market, MarketView, Symbol
from domain.money import Price, Quantity, Won
from domain.position import ExitReason, OpenPosition, StrategyStamp
from domain.rules import TradingRules
from domain.session import session_date_of
from domain.strategy import EntrySignal, objection_to_flag
from strategies.admission import Admitted

T = TypeVar("T")

_ONE_SHARE: Final = Quantity(1)


class OverdueError(Exception):
    """A call took too long or too much memory, so that the check ends."""


class Asking:
    """Bounded calls of one strategy; what is wrong with an answer is counted."""

    def __init__(self, name: str, faults: Counter[str]) -> None:
        self._name = name
        self._faults = faults
        self._calls = BoundedCalls()

    async def answers(
        self, asked: Mapping[Symbol, Callable[[], T]], objection_to: Callable[[object], str]
    ) -> dict[Symbol, T]:
        """Return the valid answers by stock.

        Raises:
            OverdueError: one took too much.
        """
        found: dict[Symbol, T] = {}
        outcomes: list[Outcome[T]] = await self._calls.outcomes(list(asked.values()))
        for symbol, outcome in zip(asked, outcomes, strict=False):
            if outcome.overdue is not None:
                why = "more than 512 MiB of memory" if outcome.is_greedy else f"longer than {self._calls.longest:g} s"
                self._faults[f"took {why}; the check ends here"] += 1
                raise OverdueError
            objection = "" if outcome.fault else objection_to(outcome.value)
            if outcome.fault or objection:
                self._faults[f"raised {outcome.fault}" if outcome.fault else f"returned {objection}"] += 1
            else:
                found[symbol] = outcome.value  # type: ignore[assignment]  # checked by the objection
        return found


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a trial position; ``reason`` is ``strategy`` if the strategy gave up, else the rule that sold."""

    symbol: Symbol
    name: str
    bought_at: datetime
    bought: Price
    at: datetime
    price: Price
    reason: str
    detail: str


class Trials:
    """One position a stock, without fills, slippage or costs. It ends at the price of the look that decides."""

    def __init__(self, strategy: Admitted, rules: TradingRules, calls: Asking, exits: list[Exit]) -> None:
        self._strategy, self._rules, self._calls, self._exits = strategy, rules, calls, exits
        self._held: dict[Symbol, OpenPosition] = {}

    def buy(self, view: MarketView, signal: EntrySignal, market: Market) -> None:
        """Hold a share from now, unless one is held already."""
        quote = view.quote
        if quote.symbol in self._held:
            return
        self._held[quote.symbol] = OpenPosition(
            position_id=PositionId(f"trial/{quote.symbol}"),
            account_id=AccountId("trial"),
            worker_id=WorkerId("trial"),
            session_date=session_date_of(quote.observed_at),
            symbol=quote.symbol,
            name=quote.name,
            market=market,
            quantity=_ONE_SHARE,
            cost=Won(quote.price),
            opened_at=quote.observed_at,
            high_water_mark=quote.price,
            last_price=quote.price,
            decision_price=quote.price,
            strategy=StrategyStamp(signal.strategy, signal.strategy_version, reason=signal.reason),
            exit_rules=self._rules.exits,
        )

    async def look(self, views: Mapping[Symbol, MarketView], now: datetime) -> None:
        """Ask the rules and the strategy about each position, as a watch does: the first reason wins.

        Raises:
            OverdueError: a call took too much.
        """
        watched = {symbol: position for symbol, position in self._held.items() if symbol in views}
        asked = {
            symbol: partial(self._strategy.wants_out, views[symbol], position, self._rules.strategy)
            for symbol, position in watched.items()
        }
        wants_out = await self._calls.answers(asked, objection_to_flag)
        for symbol, position in watched.items():
            view = views[symbol]
            context = ExitContext(position, view, now, datetime.max.replace(tzinfo=now.tzinfo))
            signal = decide_exit(replace(context, strategy_wants_out=wants_out.get(symbol, False)))
            if signal is not None:
                self._end(position, now, signal.price, signal.reason, signal.detail)
            else:
                best = high_water_mark(position, view.quote.price)
                self._held[symbol] = replace(position, high_water_mark=best, last_price=view.quote.price)

    def end(self, now: datetime) -> None:
        """End what is still held when continuous trading ends."""
        for position in list(self._held.values()):
            self._end(position, now, position.last_price, ExitReason.DEADLINE, "held until the end of the check")

    def _end(self, position: OpenPosition, at: datetime, price: Price, reason: str, detail: str) -> None:
        del self._held[position.symbol]
        bought = Price(int(position.cost))
        self._exits.append(
            Exit(position.symbol, position.name, position.opened_at, bought, at, price, str(reason), detail)
        )
