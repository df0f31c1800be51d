"""I7, second half: every buy was within the recorded limits of the host that sent it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate, takewhile
from typing import Final

from database.audit import AuditedOrder
from database.host_limits import BookedResult, RecordedLimits
from domain.host_limits import Ceiling, allowed_symbols
from domain.identity import Environment, PositionId, WorkerId, is_recovery
from domain.money import NO_WON, Won, total
from domain.order import OrderPurpose
from domain.risk import DECISION_HOLDS, LOSS_WITHOUT_A_STOP
from verifier.books import Books, Violation

_COMMITS_WITHIN: Final = timedelta(seconds=5)
"""Real time. A booking this shortly before a buy was sent may not have been visible to the buy's review. It counts
only where it supports the buy.
"""


def within_host_limits(books: Books) -> tuple[Violation, ...]:
    """I7: no buy exceeds its host's limits, and none was sent without recorded limits."""
    day = _Day(books)
    return tuple(
        Violation("I7", what, f"{order.record.intent.intent_id}, limits {order.host_limits or 'unknown'}: {why}")
        for order, sent_at in day.sent
        for what, why in _objections(day, order, sent_at)
    )


@dataclass(frozen=True, slots=True)
class _Sent:
    """A buy with its sending time (real time), its worker, and the rules of its host."""

    order: AuditedOrder
    at: datetime
    worker_id: WorkerId
    ceiling: Ceiling


class _Day:
    """The session's buys and results, arranged so that each buy is judged by what was known before it."""

    def __init__(self, books: Books) -> None:
        self.books = books
        buys = [order for order in books.ledger.orders if order.record.intent.purpose is OrderPurpose.ENTRY]
        sent = [(order, order.sent_at) for order in buys if order.sent_at is not None]
        self.sent = sorted(sent, key=lambda each: each[1])
        self.results = sorted(books.ledger.results, key=lambda each: each.recorded_at)

    @cached_property
    def results_of(self) -> dict[WorkerId, list[BookedResult]]:
        """Return the results of each worker, in booking order."""
        found: defaultdict[WorkerId, list[BookedResult]] = defaultdict(list)
        for each in self.results:
            found[each.worker_id].append(each)
        return found

    @cached_property
    def _deciders(self) -> dict[tuple[str, int], WorkerId]:
        """Return the holder of each fencing token. An order that was adopted later now names another worker."""
        taken = self.books.ledger.acquisitions
        return {(each.symbol, each.fencing_token): each.worker_id for each in taken if each.worker_id is not None}

    def decider_of(self, order: AuditedOrder) -> WorkerId:
        """Return the worker that decided a buy."""
        intent = order.record.intent
        return self._deciders.get((intent.symbol, intent.fencing_token), intent.worker_id)

    def stake_of(self, order: AuditedOrder, amount: int) -> int:
        """Return the loss of an amount (won) of a buy at its stop."""
        stop = self.books.ledger.stops.get(order.record.intent.position_id)
        return int(amount * (stop or LOSS_WITHOUT_A_STOP)) if stop is not None else 0

    @cached_property
    def _stakes(self) -> tuple[list[tuple[datetime, int]], list[tuple[datetime, int]]]:
        """Return the stake of each filled buy, from its sending until its first sale, as a lower bound."""
        first_sale = self._first_sales()
        taken = {each.position_id for each in self.books.ledger.positions if each.taken or is_recovery(each.worker_id)}
        added, removed = [], []
        for order, sent_at in self.sent:
            position_id = order.record.intent.position_id
            if position_id in taken:
                continue
            stake = self.stake_of(order, order.record.filled_amount)
            added.append((sent_at, stake))
            if position_id in first_sale:
                removed.append((max(first_sale[position_id] - _COMMITS_WITHIN, sent_at), stake))
        return _running(added), _running(removed)

    def at_stake(self, at: datetime) -> int:
        """Return the minimum loss at their stops of earlier buys not yet sold, at a real instant."""
        added, removed = self._stakes
        return _until(added, at) - _until(removed, at)

    def _first_sales(self) -> dict[PositionId, datetime]:
        """Return when each position's first sale was booked. For a sale by the owner, use the trade's booking."""
        positions = {each.record.intent.intent_id: each.record.intent for each in self.books.ledger.orders}
        found: dict[PositionId, datetime] = {}
        for fill in sorted(self.books.ledger.fills, key=lambda each: each.recorded_at):
            intent = positions.get(fill.intent_id)
            if intent is not None and intent.purpose is OrderPurpose.EXIT:
                found.setdefault(intent.position_id, fill.recorded_at)
        for result in self.results:
            found[result.position_id] = min(result.recorded_at, found.get(result.position_id, result.recorded_at))
        return found


def _running(steps: list[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    steps = sorted(steps)
    return list(zip((at for at, _ in steps), accumulate(amount for _, amount in steps), strict=True))


def _until(running: list[tuple[datetime, int]], at: datetime) -> int:
    place = bisect_left(running, at, key=lambda each: each[0])
    return running[place - 1][1] if place else 0


def _objections(day: _Day, order: AuditedOrder, sent_at: datetime) -> Iterator[tuple[str, str]]:
    since = day.books.ledger.limits_since
    limits = day.books.ledger.host_limits.get(order.host_limits or 0)
    if limits is None:
        if since is not None and order.created_at >= since:
            yield "a buy sent without a host's limits", f"hosts record theirs since {since:%Y-%m-%d %H:%M:%S}"
        return
    sent = _Sent(order, sent_at, day.decider_of(order), limits.ceiling)
    yield from _permissions(limits, order)
    yield from _losses(day, sent)
    yield from _habits(day, sent)


def _permissions(limits: RecordedLimits, order: AuditedOrder) -> Iterator[tuple[str, str]]:
    intent, most, allowed = order.record.intent, limits.ceiling.risk.capital_per_trade, None
    if limits.environment is Environment.LIVE and not limits.live_consent:
        yield "a buy with real money that its host does not confirm", limits.host_id
    if (amount := _amount_of(order)) > most:
        yield "a buy above its host's capital limit", f"{amount:,} of {most:,} won"
    allowed = allowed_symbols(limits.ceiling.universe)
    if allowed is not None and intent.symbol not in allowed:
        yield "a buy of a stock that its host does not allow", intent.symbol


def _amount_of(order: AuditedOrder) -> int:
    intent = order.record.intent
    return (intent.limit_price or intent.decision_price) * intent.quantity


def _losses(day: _Day, sent: _Sent) -> Iterator[tuple[str, str]]:
    limits = sent.ceiling.risk
    fleet, own = _best(day.results, sent.at), _best(day.results_of.get(sent.worker_id, []), sent.at)
    if own <= -limits.worker_daily_loss:
        yield "a buy past its host's loss limit of a worker", f"{own:,} of -{limits.worker_daily_loss:,} won"
    if fleet <= -limits.fleet_daily_loss:
        yield "a buy past its host's loss limit of the fleet", f"{fleet:,} of -{limits.fleet_daily_loss:,} won"
    at_stake = day.stake_of(sent.order, _amount_of(sent.order)) + day.at_stake(sent.at)
    if fleet - at_stake < -limits.fleet_daily_loss:
        why = f"result {fleet:,} won, {at_stake:,} at stake, limit -{limits.fleet_daily_loss:,}"
        yield "a buy past its host's limit of open risk", why
    if (floor := _floor(day, sent)) is not None and fleet <= floor:
        yield "a buy after more profit was given back than its host allows", f"{fleet:,} won, floor {floor:,}"


def _best(results: Sequence[BookedResult], at: datetime) -> Won:
    """Return the best result that a review at a real instant may have seen."""
    seen, shown = _split(results, at)
    return total([*(each.net_pnl for each in seen), *(each.net_pnl for each in shown if each.net_pnl > 0)])


def _split(results: Sequence[BookedResult], at: datetime) -> tuple[Sequence[BookedResult], Sequence[BookedResult]]:
    """Return the results that a review at a real instant has certainly seen, and those it may have seen."""
    sure = bisect_left(results, at - _COMMITS_WITHIN, key=lambda each: each.recorded_at)
    return results[:sure], results[sure : bisect_left(results, at, key=lambda each: each.recorded_at)]


def _floor(day: _Day, sent: _Sent) -> Won | None:
    """Return the fleet's result at which its profit counts as given back; None if not guarded, or if in doubt."""
    limits, (seen, doubtful) = sent.ceiling.risk, _split(day.results, sent.at)
    if limits.give_back_from <= 0 or doubtful:
        return None
    peak = max(accumulate(net_pnl for _, net_pnl in sorted(_trades(seen))), default=0)
    return Won(int(peak * (1 - limits.give_back_share))) if peak >= limits.give_back_from else None


def _habits(day: _Day, sent: _Sent) -> Iterator[tuple[str, str]]:
    """Yield evidence of too many trades and of pauses that were not kept."""
    limits, (seen, doubtful) = sent.ceiling.risk, _split(day.results_of.get(sent.worker_id, []), sent.at)
    if doubtful:
        return
    trades = _trades(seen)
    if len(trades) >= limits.trades_per_worker:
        yield "a buy past its host's number of trades", f"{len(trades)} of {limits.trades_per_worker} done"
    lost_at = max((closed_at for closed_at, net_pnl in trades if net_pnl < 0), default=None)
    if lost_at is None:
        return
    # Another host may have decided the buy. It is sent at most DECISION_HOLDS later.
    passed = sent.order.record.intent.decided_at - lost_at + day.books.clock.market_duration(DECISION_HOLDS)
    if passed < limits.cooldown_after_loss:
        yield "a buy within its host's pause after a loss", f"{passed} after the loss"
    in_a_row = sum(1 for _ in takewhile(lambda trade: trade[1] < 0, sorted(trades, reverse=True)))
    if 0 < limits.losses_in_a_row <= in_a_row and passed < limits.cooldown_after_streak:
        yield "a buy within its host's pause after a losing streak", f"{passed} after {in_a_row} losses"


def _trades(results: Sequence[BookedResult]) -> list[tuple[datetime, Won]]:
    """Return each trade, including corrections: its closing time (market time) and net result."""
    found: dict[PositionId, tuple[datetime, Won]] = {}
    for each in results:
        closed_at, net_pnl = found.get(each.position_id, (each.closed_at, NO_WON))
        found[each.position_id] = max(closed_at, each.closed_at), total([net_pnl, each.net_pnl])
    return list(found.values())
