"""Questions to a played day: who scanned, what was held, which orders a trade had, and why a stock was not bought."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from database.audit import AuditedOrder
from domain.clock import in_seoul
from domain.event_kind import EventKind
from domain.identity import PositionId, WorkerId
from domain.market import Symbol
from domain.order import OrderPurpose
from domain.position import ClosedTrade
from domain.risk import Denial
from domain.rules import RiskRules
from lab.steps import Step
from tools.parity.played import Played, Scans
from verifier.books import BrokerRow
from workflows.identity import worker_workflow_id

_FOR_THE_DAY: Final = frozenset(
    {
        *(Denial.WORKER_LOSS_LIMIT_REACHED, Denial.FLEET_LOSS_LIMIT_REACHED, Denial.TRADE_COUNT_REACHED),
        *(Denial.PROFIT_GIVEN_BACK, Denial.OUTSIDE_ENTRY_HOURS),
    }
)
"""Denials that last until the session ends; cool-downs follow from the trades."""


class Try(NamedTuple):
    """What became of a stock that a scan found: nothing if ``refusal`` says why."""

    worker: WorkerId
    at: datetime
    refusal: str


class Book:
    """One played day, indexed."""

    def __init__(self, played: Played, rules: RiskRules) -> None:
        self.played = played
        self.how = played.how
        self._rules = rules
        self._trades = sorted(played.trades, key=lambda trade: trade.opened_at)
        self._orders = played.books.ledger.orders
        self._rows = {row.number: row for row in played.books.broker.orders if row.is_new}
        accounts = {each.record.intent.account_id for each in self._orders}
        names = {worker_workflow_id(account, name): name for account in accounts for name in played.workers}
        self._steps: dict[WorkerId, list[Step]] = {name: [] for name in played.workers}
        for step in played.steps:
            if step.workflow_id in names:
                self._steps[names[step.workflow_id]].append(step)

    @property
    def is_virtual(self) -> bool:
        """Return whether the day was played in virtual time."""
        return self.played.scans is None

    @property
    def trades(self) -> Sequence[ClosedTrade]:
        """Return the trades in the sequence of their purchases."""
        return self._trades

    def entry(self, trade: ClosedTrade) -> AuditedOrder:
        """Return a trade's purchase."""
        return self._orders_of(trade.position_id, OrderPurpose.ENTRY)[0]

    def sales(self, trade: ClosedTrade) -> Sequence[AuditedOrder]:
        """Return a trade's sales that were filled."""
        return [each for each in self._orders_of(trade.position_id, OrderPurpose.EXIT) if each.record.filled_quantity]

    def _orders_of(self, position: PositionId, purpose: OrderPurpose) -> list[AuditedOrder]:
        return [
            each
            for each in self._orders
            if each.record.intent.position_id == position and each.record.intent.purpose is purpose
        ]

    def row(self, order: AuditedOrder) -> BrokerRow | None:
        """Return an order in the broker's list."""
        return self._rows.get(order.record.ref.number) if order.record.ref else None

    def found_at(self, trade: ClosedTrade) -> datetime:
        """Return when the scan ended that found a trade's stock."""
        prepared = self._prepared(trade.worker_id, trade.position_id)
        scans = [
            step.ended
            for step in self._steps[trade.worker_id]
            if step.name == "find_candidates" and prepared is not None and step.ended <= prepared.began
        ]
        return max(scans) if scans else self.entry(trade).record.intent.decided_at

    def _prepared(self, worker: WorkerId, position: PositionId) -> Step | None:
        return next(
            (
                step
                for step in self._steps[worker]
                if step.name == "prepare_entry" and (step.answer or {}).get("position_id") == position
            ),
            None,
        )

    def watch(self, trade: ClosedTrade) -> Step | None:
        """Return the last watch of a trade's position that returned a signal."""
        found = [
            step
            for steps in self._steps.values()
            for step in steps
            if step.name == "watch_position" and step.answer and step.asked["position_id"] == trade.position_id
        ]
        return found[-1] if found else None

    def holding(self, symbol: Symbol, at: datetime) -> ClosedTrade | None:
        """Return the trade that held a stock at an instant, or was buying or selling it."""
        return next(
            (
                trade
                for trade in self._trades
                if trade.symbol == symbol and self.found_at(trade) <= at < trade.closed_at
            ),
            None,
        )

    def rests_until(self, symbol: Symbol, at: datetime) -> datetime | None:
        """Return the end of a stock's cool-down, if it has one at an instant."""
        ends = [
            trade.closed_at + self._rules.symbol_cooldown
            for trade in self._trades
            if trade.symbol == symbol and trade.closed_at <= at
        ]
        ends += [step.ended + self._rules.symbol_cooldown for step in self._abandoned(symbol) if step.ended <= at]
        return max((end for end in ends if at < end), default=None)

    def _abandoned(self, symbol: Symbol) -> Iterator[Step]:
        for steps in self._steps.values():
            for step in steps:
                lease = (step.asked or {}).get("lease") if step.name == "abandon_entry" else None
                if lease and lease["symbol"] == symbol:
                    yield step

    def scan_of(self, worker: WorkerId, at: datetime) -> Step | None:
        """Return the scan that a worker was making at an instant."""
        return next(
            (step for step in self._steps[worker] if step.name == "find_candidates" and step.began <= at <= step.ended),
            None,
        )

    def shut(self, worker: WorkerId, at: datetime) -> str:
        """Return why a scanning worker might not buy at an instant, empty if it might."""
        own = [trade for trade in self._trades if trade.worker_id == worker and trade.closed_at <= at]
        own.sort(key=lambda trade: trade.closed_at)
        if own and own[-1].net_pnl < 0:
            row = next((count for count, trade in enumerate(reversed(own)) if trade.net_pnl >= 0), len(own))
            rests = self._rules.cooldown_after_loss
            if self._rules.losses_in_a_row and row >= self._rules.losses_in_a_row:
                rests = max(rests, self._rules.cooldown_after_streak)
            if at < own[-1].closed_at + rests:
                return f"{worker} rests until {clock(own[-1].closed_at + rests)} after a loss"
        for each in self.played.books.ledger.events:
            event = each.event
            is_own = event.kind is EventKind.ENTRY_DENIED and event.worker_id == worker and event.symbol is None
            if is_own and event.at <= at and event.detail.get("denial") in _FOR_THE_DAY:
                return f"{worker} might not buy: {event.detail.get('detail', '')}"
        return ""

    def doing(self, worker: WorkerId, at: datetime) -> str:
        """Return what a worker did at an instant instead of scanning."""
        for trade in self._trades:
            if trade.worker_id == worker and self.found_at(trade) <= at < trade.closed_at + timedelta(seconds=1):
                return f"{worker} had {trade.symbol} until {clock(trade.closed_at)}"
        step = next((one for one in self._steps[worker] if one.began <= at < one.ended), None)
        if step is not None:
            return f"{worker}: {step.name} {clock(step.began)}–{clock(step.ended)}"
        before = [one for one in self._steps[worker] if one.ended <= at]
        after = min((one.began for one in self._steps[worker] if one.began > at), default=None)
        if after is None or not before:
            return f"{worker} had {'ended' if before else 'not begun'}"
        last = max(before, key=lambda one: one.ended)
        return f"{worker} paused {clock(last.ended)}–{clock(after)} after {last.name}"

    def tries(self, symbol: Symbol, since: datetime, until: datetime) -> Iterator[Try]:
        """Yield what became of a stock that scans found between two instants, in the sequence of the answers."""
        yield from sorted(self._tries(symbol, since, until), key=lambda each: (each.at, bool(each.refusal)))

    def _tries(self, symbol: Symbol, since: datetime, until: datetime) -> Iterator[Try]:
        for worker, steps in self._steps.items():
            for step in steps:
                if step.name != "prepare_entry" or not since <= step.ended or step.began > until:
                    continue
                if all(each["symbol"] != symbol for each in step.asked["candidates"]):
                    continue
                answer = step.answer or {}
                if answer.get("kind") == "prepared":
                    bought = answer["symbol"] == symbol
                    yield Try(worker, step.ended, "" if bought else f"took {answer['symbol']}, which scored higher")
                else:
                    reasons = [text for text in answer.get("reasons", ()) if text.startswith(symbol)]
                    yield Try(worker, step.ended, "; ".join(reasons) or "the entry was cancelled")

    def unfilled(self, symbol: Symbol, since: datetime, until: datetime) -> AuditedOrder | None:
        """Return a purchase that was sent between two instants and bought nothing."""
        return next(
            (
                order
                for order in self._orders
                if order.record.intent.symbol == symbol
                and order.record.intent.purpose is OrderPurpose.ENTRY
                and not order.record.filled_quantity
                and since <= order.record.intent.decided_at <= until
            ),
            None,
        )

    def looks(self, worker: WorkerId, since: datetime, until: datetime) -> list[datetime]:
        """Return when a worker's scans ended between two instants; in a backtest they are at each minute's start."""
        if self.is_virtual:
            opens_at = self.played.books.plan.session.opens_at
            minute = -(-(since - opens_at) // timedelta(minutes=1))
            first = opens_at + minute * timedelta(minutes=1)
            count = max(0, (until - first) // timedelta(minutes=1) + 1) if until >= first else 0
            return [first + number * timedelta(minutes=1) for number in range(count)]
        scans = self.played.scans or Scans()
        return [at for at in scans.by_worker.get(worker, ()) if since <= at <= until]


def clock(instant: datetime) -> str:
    """Return the time of day in Seoul."""
    return f"{in_seoul(instant):%H:%M:%S}"
