"""One variant over one session: its workers scan, buy, hold and sell by the pure functions that trade.

What a backtest does beside it is left out: workflows, ledger, locks between processes, verification.
"""

from collections import Counter
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from domain.costs import Costs, added_costs, cost_rates
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Market, Side, Symbol
from domain.money import NO_WON, Price, Quantity, Won, notional
from domain.position import OpenPosition, StrategyStamp
from domain.pricing import entry_limit, size_entry
from domain.risk import (
    Denial,
    Denied,
    EntryProposal,
    RiskSnapshot,
    lost_at_stop,
    review,
    standing_denial,
)
from domain.rules import TradingRules
from domain.screening import Candidate
from domain.strategy import Strategy
from lab.sweep.dealing import Dealing, Dealt
from lab.sweep.holding import Decided, Holding, opinions_about
from lab.sweep.scene import Scene
from lab.sweep.trades import KernelTrade, PlayedVariant
from simulator.krx.costs import most_commission

_MINUTE: Final = 60
_NEVER: Final = 10**9
_ACCOUNT: Final = AccountId("sweep")
_ONE_SHARE: Final = Quantity(1)
_LASTING: Final = frozenset(
    {Denial.WORKER_LOSS_LIMIT_REACHED, Denial.FLEET_LOSS_LIMIT_REACHED, Denial.TRADE_COUNT_REACHED}
)
"""Denials that no later minute of the session lifts."""

_AFTER_A_LOSS: Final = frozenset({Denial.COOLING_DOWN, Denial.LOSING_STREAK})


@dataclass(slots=True)
class _Held:
    """A position of a worker. Its end is known in advance, because the recorded market does not react."""

    symbol: Symbol
    cost: int
    quantity: int
    trade: KernelTrade | None


@dataclass(slots=True)
class _Worker:
    number: int
    free_from: int = 0
    held: _Held | None = None
    is_done: bool = False
    gate_from: int = 0
    """The second before which its gate is known to be shut."""
    snapshot: RiskSnapshot | None = None
    snapshot_of: object = None
    net: int = 0
    trades: int = 0
    losses: int = 0
    """Losses in a row."""
    last_loss: int | None = None
    """The second in which its last losing trade was closed."""

    @property
    def looks_from(self) -> int:
        """Return the second from which it may scan."""
        return max(self.free_from, self.gate_from)


def play_variant(scene: Scene, rules: TradingRules, workers: int, capital: int) -> PlayedVariant:
    """Let the workers of a variant trade a session."""
    return _Variant(scene, rules, workers, capital).played()


class _Variant:
    def __init__(self, scene: Scene, rules: TradingRules, workers: int, capital: int) -> None:
        self._scene, self._rules = scene, rules
        self._workers = [_Worker(number) for number in range(1, workers + 1)]
        self._cash = capital
        self._rates = cost_rates(scene.session.date)
        self._signals = scene.signals_of(rules)
        self._strategies: dict[str, Strategy] = {each.name: each for each in self._signals.strategies}
        self._dealing = Dealing(scene, rules)
        self._cooling: dict[Symbol, int] = {}
        self._sides: Counter[tuple[Symbol, Side]] = Counter()
        self._result = PlayedVariant()
        self._net, self._peak = 0, 0

    def played(self) -> PlayedVariant:
        minutes, minute = -(-self._scene.second(self._scene.plan.entries_until) // _MINUTE), 0
        while minute < minutes:
            second = minute * _MINUTE
            self._settle(second)
            for worker in self._workers:
                if worker.held is None and not worker.is_done and second >= worker.looks_from:
                    self._scan(worker, minute)
            left = [each.looks_from for each in self._workers if not each.is_done]
            minute = max(minute + 1, -(-min(left, default=_NEVER) // _MINUTE))
        self._settle(_NEVER)
        self._result.trades.sort(key=lambda trade: (trade.closed_at, trade.worker))
        return self._result

    def _settle(self, second: int) -> None:
        """Book the trades that are closed by now, and free their workers."""
        due = [each for each in self._workers if each.held is not None and each.free_from <= second]
        for worker in sorted(due, key=lambda each: each.free_from):
            held, worker.held = worker.held, None
            assert held is not None  # noqa: S101 - it was selected for it
            if held.trade is None:
                self._result.carried[held.symbol] = held.quantity
                worker.is_done = True
                continue
            trade = self._with_costs(held.trade)
            self._result.trades.append(trade)
            self._count(worker, trade)
            self._cash += trade.exit_amount - trade.exit_costs.total
            self._cool_down(trade.symbol, trade.closed_at)

    def _count(self, worker: _Worker, trade: KernelTrade) -> None:
        net = trade.net
        self._net += net
        self._peak = max(self._peak, self._net)
        worker.net, worker.trades = worker.net + net, worker.trades + 1
        worker.losses = worker.losses + 1 if net < 0 else 0
        worker.last_loss = trade.closed_at if net < 0 else worker.last_loss

    def _with_costs(self, trade: KernelTrade) -> KernelTrade:
        sold = added_costs(
            Side.SELL,
            Won(self._sides[trade.symbol, Side.SELL]),
            Won(trade.exit_amount),
            trade.market,
            self._rates,
        )
        self._sides[trade.symbol, Side.SELL] += trade.exit_amount
        return replace(trade, exit_costs=sold)

    def _cool_down(self, symbol: Symbol, second: int) -> None:
        self._cooling[symbol] = second + ceil(self._rules.risk.symbol_cooldown.total_seconds())

    def _scan(self, worker: _Worker, minute: int) -> None:
        signals = self._scene.signals_at(self._signals, minute)
        if not signals:
            return
        second = minute * _MINUTE
        taken = {each.held.symbol for each in self._workers if each.held is not None}
        taken |= {symbol for symbol, until in self._cooling.items() if until > second}
        free = [each for each in signals if each.candidate.symbol not in taken] if taken else signals
        if not free:
            return
        snapshot, at = self._snapshot(worker), self._scene.instant(second)
        shut = standing_denial(snapshot, self._rules.risk, self._scene.plan, at)
        if shut is not None:
            self._wait_for_the_gate(worker, shut, snapshot)
            return
        for candidate in self._scene.candidates(self._signals, free):
            refused = self._buy(worker, candidate, minute * _MINUTE, snapshot)
            if not refused:
                return
            self._result.not_bought[refused] += 1

    def _wait_for_the_gate(self, worker: _Worker, shut: Denied, snapshot: RiskSnapshot) -> None:
        """Skip the minutes in which the gate stays shut; at the next one it is asked again."""
        if shut.denial in _LASTING and len(self._workers) == 1:
            worker.is_done = True
        elif shut.denial in _AFTER_A_LOSS and snapshot.last_loss_at is not None:
            risk = self._rules.risk
            is_streak = shut.denial is Denial.LOSING_STREAK
            pause = risk.cooldown_after_streak if is_streak else risk.cooldown_after_loss
            worker.gate_from = self._scene.second(snapshot.last_loss_at + pause)

    def _snapshot(self, worker: _Worker) -> RiskSnapshot:
        """Return what the ledger would say. Stocks that cool down are not offered, so they are not listed here."""
        state = (len(self._result.trades), tuple(each.held.symbol for each in self._workers if each.held is not None))
        if worker.snapshot is None or worker.snapshot_of != state:
            worker.snapshot, worker.snapshot_of = self._new_snapshot(worker), state
        return worker.snapshot

    def _new_snapshot(self, worker: _Worker) -> RiskSnapshot:
        stop = self._rules.exits.stop_loss
        at_stake = sum(lost_at_stop(Won(each.held.cost), stop) for each in self._workers if each.held is not None)
        return RiskSnapshot(
            account_id=_ACCOUNT,
            worker_id=WorkerId(f"w-{worker.number}"),
            kill_switch_on=False,
            entries_closed_because="",
            worker_pnl=Won(worker.net),
            fleet_pnl=Won(self._net),
            worker_trades=worker.trades,
            last_loss_at=None if worker.last_loss is None else self._scene.instant(worker.last_loss),
            fleet_peak_pnl=Won(self._peak),
            worker_losses_in_a_row=worker.losses,
            fleet_at_stake=Won(at_stake),
        )

    def _buy(self, worker: _Worker, candidate: Candidate, second: int, snapshot: RiskSnapshot) -> str:
        """Buy a candidate and decide its sale; return why it is not bought, else an empty text."""
        scene, rules, at = self._scene, self._rules, self._scene.instant(second)
        status = scene.status(candidate.symbol, second)
        if status.flags:
            return "flagged"
        quote = scene.view(candidate.symbol, second).quote
        limit = entry_limit(quote, rules.execution)
        quantity = size_entry(limit, self._buyable(limit), Won(self._cash), rules.risk, self._rates)
        if not quantity:
            return "no share affordable"
        sellable = scene.sellable(candidate.symbol, second)
        quantity = min(quantity, max(sellable, _ONE_SHARE))
        amount = notional(limit, quantity)
        proposal = EntryProposal(
            candidate.symbol,
            quantity,
            amount,
            at,
            sellable=sellable,
            at_stake=lost_at_stop(amount, rules.exits.stop_loss),
            power=Won(int(self._cash / (1 + self._rates.commission))),
        )
        verdict = review(proposal, snapshot, rules.risk, scene.plan)
        if isinstance(verdict, Denied):
            return verdict.denial.value
        bought = self._dealing.buy(candidate.symbol, quantity, limit, second)
        if not bought.quantity:
            self._cool_down(candidate.symbol, bought.ended_at)
            worker.free_from = bought.ended_at
            self._result.not_bought["not filled"] += 1
            return ""
        self._hold(worker, candidate, status.market, bought, second)
        return ""

    def _parameters(self, strategy: str) -> dict[str, str]:
        stamps = self._signals.parameters
        found = stamps.get(strategy)
        if found is None:
            found = stamps[strategy] = self._strategies[strategy].parameters(self._rules.strategy)
        return found

    def _buyable(self, price: Price) -> Quantity:
        quantity = max(self._cash, 0) // price
        while quantity and quantity * price + most_commission(quantity * price) > self._cash:
            quantity -= 1
        return Quantity(quantity)

    def _hold(self, worker: _Worker, candidate: Candidate, market: Market, bought: Dealt, second: int) -> None:
        scene, rules = self._scene, self._rules
        symbol, quantity = candidate.symbol, Quantity(bought.quantity)
        before = Won(self._sides[symbol, Side.BUY])
        costs = added_costs(Side.BUY, before, Won(bought.amount), market, self._rates)
        self._sides[symbol, Side.BUY] += bought.amount
        self._cash -= bought.amount + costs.total
        price = Price(max(bought.amount // bought.quantity, 1))
        position = OpenPosition(
            position_id=PositionId(f"{worker.number}/{second}"),
            account_id=_ACCOUNT,
            worker_id=WorkerId(f"w-{worker.number}"),
            session_date=scene.session.date,
            symbol=symbol,
            name=candidate.name,
            market=market,
            quantity=quantity,
            cost=Won(bought.amount),
            opened_at=scene.instant(bought.first_at),
            high_water_mark=price,
            last_price=price,
            decision_price=candidate.price,
            strategy=StrategyStamp(
                candidate.strategy, candidate.strategy_version, self._parameters(candidate.strategy), candidate.reason
            ),
            exit_rules=rules.exits,
            rules_version=rules.version,
        )
        key = (symbol, candidate.strategy, second, bought)
        opinions = self._signals.opinions.get(key)
        if opinions is None:
            opinions = self._signals.opinions[key] = opinions_about(position)
        strategy = self._strategies[candidate.strategy]
        decided = Holding(scene, position, rules, strategy, opinions).until_sold(bought.ended_at)
        quote = scene.view(symbol, decided.second).quote
        sold = self._dealing.sell(symbol, quantity, quote, decided.second, decided.reason)
        trade = None if sold is None else _trade(worker, candidate, market, (bought, decided, sold), (second, costs))
        worker.held = _Held(symbol, bought.amount, bought.quantity, trade)
        worker.free_from = self._scene.minutes * _MINUTE if sold is None else sold.ended_at


def _trade(
    worker: _Worker, candidate: Candidate, market: Market, steps: tuple[Dealt, Decided, Dealt], entry: tuple[int, Costs]
) -> KernelTrade:
    bought, decided, sold = steps
    return KernelTrade(
        worker=worker.number,
        symbol=candidate.symbol,
        market=market,
        quantity=bought.quantity,
        entry_amount=bought.amount,
        exit_amount=sold.amount,
        entry_costs=entry[1],
        exit_costs=Costs(NO_WON, NO_WON),
        decided_at=entry[0],
        opened_at=bought.first_at,
        sold_because=decided.reason,
        sold_at=decided.second,
        closed_at=sold.ended_at,
        strategy=candidate.strategy,
    )
