"""Single entry point to strategies and custom filters: a fault costs one strategy and one stock, and is reported.

No clock or price rule passes through here: those decide without any strategy.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from activities.support.asked_position import AskedPosition
from activities.support.bounded_calls import BoundedCalls, CallThread, Outcome
from activities.support.strategy_standing import StrategyStanding
from domain.events.entries import UserCode, strategy_failed
from domain.identity import AccountId, PositionId
from domain.market import MarketView, Symbol
from domain.position import OpenPosition
from domain.rules import StrategyRules, TradingRules
from domain.screening import CustomFilter, ScreenedStock
from domain.strategy import (
    EntrySignal,
    Strategy,
    objection_to_flag,
    objection_to_parameters,
    objection_to_ranks,
    objection_to_signal,
    strongest,
)
from strategies import known
from strategies.admission import Admitted

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

T = TypeVar("T")
logger = logging.getLogger("haru.strategies")

_REST: Final = 600.0
"""Real seconds for which code is not called for a stock on which it took too long."""
_MOST_RESTS: Final = 3
"""Number of stocks after which slow code is not called at all; it can block no more threads than that."""
_LEAST_TO_RANK: Final = 2
_GRACE: Final = 0.05
"""Seconds that a watch waits for a strategy before it continues without an answer."""


_MOST_IN_A_BATCH: Final = 25
"""Positions that one thread asks a strategy about. One that takes too long delays the answers about these only."""


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    thread: CallThread

    def lasts(self, now: float) -> bool:
        """Return whether the code is still suspended; interrupt a call that has not returned."""
        if self.thread.is_alive():
            self.thread.interrupt()
            return True
        return now < self.until


class StrategyGuard:
    """Calls strategies and custom filters for all workers of a process."""

    def __init__(  # noqa: PLR0913 all of them are optional but the books and the clock
        self,
        database: "Database",
        pace: "Pace",
        strategies: Mapping[str, Strategy] | None = None,
        filters: Mapping[str, CustomFilter] | None = None,
        calls: BoundedCalls | None = None,
        *,
        standing: StrategyStanding | None = None,
    ) -> None:
        self.standing = standing or StrategyStanding(known().sources)
        self._database = database
        self._pace = pace
        self._strategies: Mapping[str, Strategy] = known().strategies if strategies is None else strategies
        self._filters = known().filters if filters is None else filters
        self._calls = calls or BoundedCalls()
        self._rests: dict[tuple[str, Symbol], _Rest] = {}
        self._reported: dict[tuple[str, Symbol | None], str] = {}
        self._opinions: dict[PositionId, asyncio.Task[frozenset[PositionId]]] = {}
        """Unfetched answers: each task has those of some positions."""
        self._asking: set[asyncio.Task[Any]] = set()

    async def judged(
        self, stocks: Sequence[ScreenedStock], rules: TradingRules, account_id: AccountId
    ) -> tuple[ScreenedStock, ...]:
        """Add to each stock the custom filter that refuses it, and the strongest buy signal."""
        found = {stock.view.quote.symbol: stock for stock in stocks}
        for name in rules.screening.custom_filters:
            found |= await self._filtered(name, found, account_id)
        kept = {symbol: stock for symbol, stock in found.items() if not stock.refused_by and not stock.code_failed}
        for name in rules.strategy.names:
            kept |= await self._liked(name, kept, rules.strategy, account_id)
        return tuple((found | kept).values())

    async def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        """Return whether the position's own strategy would sell it now, or would have a moment ago."""
        return bool(await self.who_wants_out([AskedPosition(view, position, rules)]))

    async def who_wants_out(self, held: Sequence[AskedPosition]) -> frozenset[PositionId]:
        """Return the positions that their own strategies would sell now, or would have a moment ago.

        One thread makes the calls of some positions, one after the other. A later look fetches the answers that take
        longer than a twentieth of a second.
        """
        for some in _batches([each for each in held if each.position.position_id not in self._opinions]):
            asking = self._kept(self._opinions_on(some))
            self._opinions |= dict.fromkeys((each.position.position_id for each in some), asking)
        named = [each.position.position_id for each in held]
        if named:
            await asyncio.wait({self._opinions[each] for each in named}, timeout=_GRACE)
        answered = {each: self._opinions.pop(each) for each in named if self._opinions[each].done()}
        return frozenset(each for each, asked in answered.items() if each in _positions_in(asked))

    async def parameters(
        self, name: str, rules: StrategyRules, symbol: Symbol, account_id: AccountId
    ) -> dict[str, str] | None:
        """Return a strategy's effective parameters, or None if it does not return valid ones."""
        code, strategy = UserCode(name, "parameters", account_id), await self._strategy(name, account_id)
        if strategy is None:
            return None
        answers = await self._asked(code, {symbol: lambda: strategy.parameters(rules)}, objection_to_parameters)
        return answers.get(symbol)

    async def _filtered(
        self, name: str, stocks: Mapping[Symbol, ScreenedStock], account_id: AccountId
    ) -> dict[Symbol, ScreenedStock]:
        code, keeps = UserCode(name, "", account_id), self._filters.get(name)
        if keeps is None:
            await self._report(code, None, f"{code.title} is not known to this program")
            return {symbol: replace(stock, code_failed=True) for symbol, stock in stocks.items()}
        asked = {symbol: stock for symbol, stock in stocks.items() if not stock.refused_by and not stock.code_failed}
        answers = await self._asked(
            code, {symbol: _bound(keeps, stock) for symbol, stock in asked.items()}, objection_to_flag
        )
        return {
            symbol: replace(
                stock, code_failed=symbol not in answers, refused_by="" if answers.get(symbol, True) else name
            )
            for symbol, stock in asked.items()
        }

    async def _liked(
        self, name: str, stocks: Mapping[Symbol, ScreenedStock], rules: StrategyRules, account_id: AccountId
    ) -> dict[Symbol, ScreenedStock]:
        code, strategy = UserCode(name, "entry", account_id), await self._buying_strategy(name, account_id)
        if strategy is None:
            return {symbol: replace(stock, code_failed=True) for symbol, stock in stocks.items()}
        calls = {symbol: _bound(strategy.entry, stock.view, rules) for symbol, stock in stocks.items()}
        answers = await self._asked(code, calls, lambda answer: objection_to_signal(answer, name))
        answers |= await self._ranked(strategy, stocks, answers, rules, account_id)
        return {
            symbol: replace(
                stock,
                signal=strongest(stock.signal, answers.get(symbol)),
                code_failed=stock.code_failed or symbol not in answers,
            )
            for symbol, stock in stocks.items()
        }

    async def _ranked(
        self,
        strategy: Strategy,
        stocks: Mapping[Symbol, ScreenedStock],
        answers: Mapping[Symbol, EntrySignal | None],
        rules: StrategyRules,
        account_id: AccountId,
    ) -> dict[Symbol, EntrySignal | None]:
        """Return the signals with the ranks of a strategy that compares stocks; an invalid ranking changes none."""
        liked = {symbol: signal for symbol, signal in answers.items() if signal is not None}
        if not isinstance(strategy, Admitted) or not strategy.ranks or len(liked) < _LEAST_TO_RANK:
            return {}
        code, about = UserCode(strategy.name, "rank", account_id), min(liked)
        asked = {about: _bound(strategy.rank, tuple(stocks[symbol].view for symbol in liked), rules)}
        found = await self._asked(code, asked, lambda answer: objection_to_ranks(answer, liked.keys()))
        if about not in found:
            return {}
        ranks = found[about]
        return {
            symbol: replace(signal, confidence=ranks[symbol]) if symbol in ranks else None
            for symbol, signal in liked.items()
        }

    async def _opinions_on(self, held: Sequence[AskedPosition]) -> frozenset[PositionId]:
        """Ask about positions of one strategy and account, each of another stock."""
        name, account_id = held[0].position.strategy.name, held[0].position.account_id
        code, strategy = UserCode(name, "wants_out", account_id), await self._strategy(name, account_id)
        if strategy is None:
            return frozenset()
        asked, faults = dict[Symbol, Callable[[], bool]](), dict[Symbol, str]()
        for each in held:
            symbol = each.position.symbol
            if self.standing.has_changed(name, each.position.strategy.source):
                faults[symbol] = f"{name} has changed since the purchase; price and time rules apply"
            else:
                asked[symbol] = _bound(strategy.wants_out, each.view, each.position, each.rules)
        answers = await self._sound_answers(code, asked, objection_to_flag, faults)
        self._kept(self._report_all(code, faults))  # no answer about another stock waits for the database
        return frozenset(each.position.position_id for each in held if answers.get(each.position.symbol, False))

    async def _strategy(self, name: str, account_id: AccountId) -> Strategy | None:
        strategy = self._strategies.get(name)
        if strategy is None:
            await self._report(UserCode(name, "", account_id), None, f"{name} is not known to this program")
        return strategy

    async def _buying_strategy(self, name: str, account_id: AccountId) -> Strategy | None:
        """Return a strategy that may buy: the hosts of the fleet agree on its code."""
        objection = self.standing.objections.get(name)
        if objection is None:
            return await self._strategy(name, account_id)
        await self._report(UserCode(name, "", account_id), None, objection)
        return None

    async def _asked(
        self, code: UserCode, calls: Mapping[Symbol, Callable[[], T]], objection_to: Callable[[object], str]
    ) -> dict[Symbol, T]:
        """Return the valid answers by stock; the calls finish and are reported even if the caller is cancelled."""
        return await asyncio.shield(self._kept(self._reported_answers(code, calls, objection_to)))

    async def _reported_answers(
        self, code: UserCode, calls: Mapping[Symbol, Callable[[], T]], objection_to: Callable[[object], str]
    ) -> dict[Symbol, T]:
        faults: dict[Symbol, str] = {}
        answers = await self._sound_answers(code, calls, objection_to, faults)
        await self._report_all(code, faults)
        return answers

    async def _sound_answers(
        self,
        code: UserCode,
        calls: Mapping[Symbol, Callable[[], T]],
        objection_to: Callable[[object], str],
        faults: dict[Symbol, str],
    ) -> dict[Symbol, T]:
        """Return the valid answers by stock; add to ``faults`` what is wrong with the others."""
        answers: dict[Symbol, T] = {}
        left = [symbol for symbol in calls if not self._is_resting(code.name, symbol)]
        while left:
            outcomes = await self._calls.outcomes([calls[symbol] for symbol in left])
            for symbol, outcome in zip(left, outcomes, strict=False):
                fault = self._fault_of(code, symbol, outcome, objection_to)
                if fault:
                    faults[symbol] = fault
                else:
                    answers[symbol] = outcome.value  # type: ignore[assignment]  # checked by the objection
            left = [symbol for symbol in left[len(outcomes) :] if not self._is_resting(code.name, symbol)]
        return answers

    def _fault_of(
        self, code: UserCode, symbol: Symbol, outcome: Outcome[T], objection_to: Callable[[object], str]
    ) -> str:
        """Return a description of what is wrong with an answer; empty for a valid one."""
        if outcome.overdue is not None:
            until = asyncio.get_running_loop().time() + _REST
            self._rests[code.name, symbol] = _Rest(until, outcome.overdue)
            if outcome.is_greedy:
                return f"{code.title} took more than {self._calls.most_memory >> 20:,} MiB of memory"
            return f"{code.title} took longer than {self._calls.longest:g} s"
        if outcome.fault:
            return f"{code.title} raised {outcome.fault}"
        objection = objection_to(outcome.value)
        return f"{code.title} returned {objection}" if objection else ""

    def _is_resting(self, name: str, symbol: Symbol) -> bool:
        if not self._rests:
            return False
        now = asyncio.get_running_loop().time()
        self._rests = {key: rest for key, rest in self._rests.items() if rest.lasts(now)}
        return (name, symbol) in self._rests or Counter(each for each, _ in self._rests)[name] >= _MOST_RESTS

    async def _report_all(self, code: UserCode, faults: Mapping[Symbol, str]) -> None:
        for symbol, fault in faults.items():
            await self._report(code, symbol, fault)

    async def _report(self, code: UserCode, symbol: Symbol | None, cause: str) -> None:
        """Report a strategy's fault once an hour for each stock; a failed report is only logged."""
        now = self._pace.now()
        about, hour = (code.title, symbol), f"{now:%Y-%m-%d %H}"
        if self._reported.get(about) == hour:
            return
        self._reported[about] = hour
        logger.error("strategy_failed", extra={"strategy": code.name, "symbol": symbol, "cause": cause})
        event = strategy_failed(code, symbol, cause, now)
        try:
            await self._database.events.append(event)
        except Exception as fault:  # noqa: BLE001 - a failed report does not stop the watch
            self._reported.pop(about, None)
            logger.warning("event_not_written", extra={"kind": event.kind, "cause": str(fault)})

    def _kept(self, asking: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task that outlives its caller."""
        task = asyncio.create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task


def _bound(function: Callable[..., T], *arguments: Any) -> Callable[[], T]:
    return lambda: function(*arguments)


def _batches(held: Iterable[AskedPosition]) -> list[list[AskedPosition]]:
    """Return positions of one strategy and account together, no stock twice."""
    found: dict[object, list[list[AskedPosition]]] = defaultdict(list)
    taken: set[tuple[object, Symbol]] = set()
    for each in held:
        position = each.position
        of_one: object = (position.strategy.name, position.account_id)
        if (of_one, position.symbol) in taken:
            of_one = position.position_id
        taken.add((of_one, position.symbol))
        batches = found[of_one]
        if not batches or len(batches[-1]) >= _MOST_IN_A_BATCH:
            batches.append([])
        batches[-1].append(each)
    return [batch for batches in found.values() for batch in batches]


def _positions_in(asked: "asyncio.Task[frozenset[PositionId]]") -> frozenset[PositionId]:
    try:
        return asked.result()
    except Exception:
        # For example, no free thread: the rules of price and clock continue without the strategy.
        logger.exception("strategies_not_asked")
        return frozenset()
