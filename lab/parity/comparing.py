"""Pair the trades of a live day with those of its replay, and find the cause of each difference."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from domain.market import Side, Symbol
from domain.order import OrderPurpose, OrderRecord
from domain.position import ClosedTrade, ExitReason
from domain.tick_size import tick_at
from lab.parity.busy import kept_out, occupied
from lab.parity.causes import (
    ONE_MINUTE,
    Cause,
    Day,
    Difference,
    Evidence,
    Why,
    clock,
    denied,
    gap_before,
    minute_of,
    not_played,
    of_another_code,
    other_rules,
    refusal,
    rested,
    saw,
    saw_any,
    shut,
    slowest,
    unseen,
    unwritten,
)
from lab.parity.matching import Pair, pairs_of
from lab.parity.scans import scanned

_LEVELS: Final = 10
"""Prices of a side of the order book that the broker shows."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pairs of trades, with the differences of each."""

    pairs: Sequence[tuple[Pair, Sequence[Difference]]]

    @property
    def differences(self) -> list[Difference]:
        """Return all differences, in the sequence of the trades."""
        return [each for _, found in self.pairs for each in found]

    @property
    def causes(self) -> Counter[Cause]:
        """Return how many differences each cause has."""
        return Counter(each.cause for each in self.differences)

    @property
    def unexplained(self) -> int:
        """Return how many differences have no cause."""
        return self.causes[Cause.UNEXPLAINED]


def compare(of: Evidence) -> Comparison:
    """Compare both days trade by trade."""
    near = max(of.rules.risk.symbol_cooldown, of.near)
    pairs = pairs_of(of.live.trades, of.replay.trades, near, lambda each: _day_of(of, each).decided(each))
    return Comparison([(pair, [_unless_unwritten(of, each) for each in _differences(of, pair)]) for pair in pairs])


def _day_of(of: Evidence, trade: ClosedTrade) -> Day:
    """Return the day that a trade is of."""
    return of.live if any(each is trade for each in of.live.trades) else of.replay


def _unless_unwritten(of: Evidence, found: Difference) -> Difference:
    """Return a difference without a cause as a gap of the recording, if a host's notes of that time are missing."""
    if found.cause is not Cause.UNEXPLAINED or (gap := unwritten(of, found.at)) is None:
        return found
    return found._replace(cause=gap.cause, evidence=f"{gap.evidence}; {found.evidence}")


def _differences(of: Evidence, pair: Pair) -> Iterator[Difference]:
    if pair.lab is None:
        live = pair.any
        yield _difference(live, of.live.decided(live), "trade", (_text(live), "–"), _why_only_live(of, live))
    elif pair.real is None:
        replay = pair.any
        at = of.replay.decided(replay)
        yield _difference(replay, at, "trade", ("–", _text(replay)), _why_only_replay(of, replay))
    else:
        yield from _of_both(of, pair.real, pair.lab)


def _difference(trade: ClosedTrade, at: datetime, what: str, values: tuple[str, str], why: Why) -> Difference:
    return Difference(trade.symbol, at, what, *values, *why)


def _why_only_live(of: Evidence, trade: ClosedTrade) -> Why:
    at, price = of.live.decided(trade), trade.entry_decision_price
    found = (
        of_another_code(of, trade)
        or other_rules(of, trade.worker_id, at)
        or not_played(of, trade.symbol)
        or kept_out(of, of.replay, trade.symbol, at)
        or occupied(of, of.replay, at)
        or denied(of, of.replay, trade.symbol, at)
        or slowest(of, of.live.of(trade, OrderPurpose.ENTRY), timedelta(0))
        or unseen(of, trade.symbol, at, at)
        or _between_looks(of, trade, at)
        or gap_before(of, trade.symbol, at)
    )
    return found or _none(f"no signal at {price:,} at {clock(at)} in the recorded minutes")


def _signalled(of: Evidence, trade: ClosedTrade, at: datetime) -> bool:
    """Return whether there was a signal at the price of a decision, at it or since the last look before it."""
    looks = (at - ONE_MINUTE * minute for minute in range(of.near // ONE_MINUTE + 1))
    return any(of.would_buy(trade.symbol, look, trade.entry_decision_price) for look in looks)


def _why_only_replay(of: Evidence, trade: ClosedTrade) -> Why:
    at, price = of.replay.decided(trade), trade.entry_decision_price
    unbought = [each for each in _entries_near(of, trade, at) if not each.filled_quantity]
    refused = (why for each in unbought if (why := refusal(of, each)) is not None)
    found = (
        _other_rules_anywhere(of, at)
        or next(refused, None)
        or denied(of, of.live, trade.symbol, at)
        or shut(of, of.live, at)
        or _unfilled(unbought)
        or unseen(of, trade.symbol, at, at)
        or kept_out(of, of.live, trade.symbol, at)
        or occupied(of, of.live, at)
        or scanned(of, trade.symbol, at)
    )
    if found is not None:
        return found
    bar = None if of.seen.scans else of.seen.bars.get(trade.symbol, {}).get(minute_of(at))
    if bar is not None and any(
        not of.would_buy(trade.symbol, at + timedelta(seconds=59), each)  # type: ignore[arg-type] # of a bar
        for each in (bar.low, bar.close)
    ):
        return Why(Cause.MINUTE, f"the signal at {price:,} did not last through the minute of {clock(at)}")
    return gap_before(of, trade.symbol, at) or Why(
        Cause.UNEXPLAINED, f"the signal at {price:,} of {clock(at)} lasted, and the live day did not buy"
    )


def _entries_near(of: Evidence, trade: ClosedTrade, at: datetime) -> list[OrderRecord]:
    return [
        each
        for each in of.live.orders
        if each.intent.symbol == trade.symbol
        and each.intent.purpose is OrderPurpose.ENTRY
        and abs(each.intent.decided_at - at) <= of.near
    ]


def _other_rules_anywhere(of: Evidence, at: datetime) -> Why | None:
    """Return rules that some worker had at an instant and the replay has not."""
    workers = dict.fromkeys(each.worker for each in of.seen.rules if each.at <= at)
    return next((why for each in workers if (why := other_rules(of, each, at)) is not None), None)


def _unfilled(orders: Sequence[OrderRecord]) -> Why | None:
    if not orders:
        return None
    intent = orders[0].intent
    return Why(Cause.QUEUE, f"the order of {clock(intent.decided_at)} at ≤ {intent.limit_price or 0:,} did not trade")


def _of_both(of: Evidence, live: ClosedTrade, replay: ClosedTrade) -> Iterator[Difference]:
    first = list(_of_the_entry(of, live, replay))
    yield from first
    yield from _of_the_exit(of, live, replay, has_other_entry=bool(first))


def _of_the_entry(of: Evidence, live: ClosedTrade, replay: ClosedTrade) -> Iterator[Difference]:
    at, there = live.opened_at, replay.opened_at
    general = of_another_code(of, live) or other_rules(of, live.worker_id, of.live.decided(live))
    orders = of.live.of(live, OrderPurpose.ENTRY)
    late = at - there
    if late:
        why = (
            general
            or slowest(of, orders, late)
            or rested(of, orders, at, late)
            or unseen(of, live.symbol, there, of.live.decided(live))
            or _other_worker_day(of, live, replay)
            or _inside(of, live, replay)
            or gap_before(of, live.symbol, min(of.live.decided(live), of.replay.decided(replay)))
            or _earlier_alone(of, live, replay)
        )
        values = clock(at), clock(there)
        yield _difference(live, at, "entry time", values, why or _none(f"{late.total_seconds():+.0f} s"))
    paid = live.entry_amount / live.quantity, replay.entry_amount / replay.quantity
    if paid[0] != paid[1]:
        why = (
            (general if late else None)
            or slowest(of, orders, late)
            or _price_why(of, orders, at, paid[0], is_late=bool(late))
        )
        yield _difference(live, at, "entry price", _won(paid), why)
    if live.quantity != replay.quantity:
        why = general or _size_why(of, live, replay, orders)
        yield _difference(live, at, "shares", (f"{live.quantity:,}", f"{replay.quantity:,}"), why)


def _of_the_exit(
    of: Evidence, live: ClosedTrade, replay: ClosedTrade, *, has_other_entry: bool
) -> Iterator[Difference]:
    at, there = live.closed_at, replay.closed_at
    orders, late = of.live.of(live, OrderPurpose.EXIT), at - there
    decided = orders[0].intent.decided_at if orders else at
    general = of_another_code(of, live) or other_rules(of, live.worker_id, decided)
    entry = Why(Cause.ENTRY, "another entry has another stop and target") if has_other_entry else None
    delayed = slowest(of, orders, late)
    if late or live.exit_reason is not replay.exit_reason:
        why = (
            general
            or delayed
            or rested(of, orders, at, late)
            or _closed_early(live, replay)
            or entry
            or unseen(of, live.symbol, there, at)
            or _near_exit(of, live, late)
        )
        values = (f"{clock(at)} {live.exit_reason}", f"{clock(there)} {replay.exit_reason}")
        yield _difference(live, at, "exit", values, why or _none(f"{late.total_seconds():+.0f} s"))
    received = live.exit_amount / live.quantity, replay.exit_amount / replay.quantity
    if received[0] != received[1]:
        why = (
            (general if late else None)
            or delayed
            or _price_why(of, orders, at, received[0], is_late=bool(late) or has_other_entry)
        )
        yield _difference(live, at, "exit price", _won(received), why)


def _earlier_alone(of: Evidence, live: ClosedTrade, replay: ClosedTrade) -> Why | None:
    """Return why only one day bought at the time of the earlier purchase."""
    at, there = of.live.decided(live), of.replay.decided(replay)
    if abs(at - there) <= of.near:
        return None
    why = _why_only_live(of, live) if at < there else _why_only_replay(of, replay)
    return None if why.cause is Cause.UNEXPLAINED else why


def _other_worker_day(of: Evidence, live: ClosedTrade, replay: ClosedTrade) -> Why | None:
    """Return why the later of both days could not buy at the time of the earlier one."""
    at, there = of.live.decided(live), of.replay.decided(replay)
    if abs(at - there) <= of.near:
        return None
    later, earlier = (of.live, there) if at > there else (of.replay, at)
    return kept_out(of, later, live.symbol, earlier) or occupied(of, later, earlier)


def _inside(of: Evidence, live: ClosedTrade, replay: ClosedTrade) -> Why | None:
    """Return whether both entries fall into one look of the replay."""
    at, there = of.live.decided(live), of.replay.decided(replay)
    seen = saw(of, live.symbol, at, at, live.entry_decision_price)
    if abs(at - there) <= of.near and seen:
        return Why(Cause.MINUTE, f"decided at {live.entry_decision_price:,} ({seen}); the replay looks once a minute")
    if seen and at > there and not of.would_buy(live.symbol, there + timedelta(seconds=59), live.entry_decision_price):
        return Why(Cause.MINUTE, f"the signal of {clock(there)} did not last through its minute")
    return _between_looks(of, live, at) if at < there else None


def _between_looks(of: Evidence, live: ClosedTrade, at: datetime) -> Why | None:
    """Return whether the live decision had a signal at its price, at it or since the last look before it."""
    price = live.entry_decision_price
    seen = saw(of, live.symbol, at, at, price)
    if seen and _signalled(of, live, at):
        return Why(Cause.MINUTE, f"a signal at {price:,} ({seen}), which the replay's look did not meet")
    return None


def _near_exit(of: Evidence, live: ClosedTrade, late: timedelta) -> Why | None:
    seen = saw(of, live.symbol, live.closed_at, live.closed_at, live.exit_decision_price)
    if abs(late) <= of.near and seen:
        return Why(Cause.MINUTE, f"decided at {live.exit_decision_price:,} ({seen})")
    return None


def _closed_early(live: ClosedTrade, replay: ClosedTrade) -> Why | None:
    """Return whether the market close sold before the replay did: it begins as early as the fleet's rate needs."""
    if live.exit_reason is ExitReason.DEADLINE and live.closed_at < replay.closed_at:
        return Why(Cause.CLOSE, f"the market close had sold it by {clock(live.closed_at)}")
    return None


def _price_why(of: Evidence, orders: Sequence[OrderRecord], at: datetime, price: float, *, is_late: bool) -> Why:
    """Return whether a fill is among the prices that were seen from its decision on, or in the book beside them."""
    if not orders:
        return _none(f"no order of the trade at {clock(at)} is in the books")
    intent = orders[0].intent
    since = min(intent.decided_at, at)
    if seen := saw(of, intent.symbol, since, at, price):
        return Why(Cause.MINUTE, f"{'at another time, ' if is_late else ''}{seen}")
    beside = _LEVELS * tick_at(int(price)) * (-1 if intent.side is Side.BUY else 1)
    low, high = sorted((price, price + beside))
    if seen := saw_any(of, intent.symbol, since, at, low, high):
        return Why(Cause.BOOK, f"filled beyond the last prices, {seen}")
    return _between_ticks(of, intent.symbol, (since, at), price) or _none(
        f"{price:,.0f} at {clock(at)} is outside every price that was seen"
    )


def _between_ticks(of: Evidence, symbol: Symbol, stretch: tuple[datetime, datetime], price: float) -> Why | None:
    """Return whether a fill is no further beyond the prices that were seen than two of them are apart."""
    since, until = stretch
    seen = [each for _, each in of.seen.prices_between(symbol, since - ONE_MINUTE, until + ONE_MINUTE)]
    step = max((abs(one - other) for one, other in pairwise(seen)), default=0)
    if not step or not min(seen) - step <= price <= max(seen) + step:
        return None
    return Why(Cause.TICK, f"{price:,.0f} lies between two prices that were seen, which are up to {step:,} won apart")


def _size_why(of: Evidence, live: ClosedTrade, replay: ClosedTrade, orders: Sequence[OrderRecord]) -> Why:
    if any(each.filled_quantity < each.intent.quantity for each in orders):
        filled = ", ".join(f"{each.filled_quantity:,} of {each.intent.quantity:,}" for each in orders)
        return Why(Cause.QUEUE, filled)
    theirs = of.replay.of(replay, OrderPurpose.ENTRY)
    if any(each.filled_quantity < each.intent.quantity for each in theirs):
        return Why(Cause.QUEUE, "the replay's order got fewer shares than it asked for")
    limits = [each.intent.limit_price for each in (*orders[:1], *theirs[:1])]
    if len(set(limits)) > 1 or live.entry_decision_price != replay.entry_decision_price:
        return Why(Cause.ENTRY, f"limits {' and '.join(f'{limit or 0:,}' for limit in limits)} set the size")
    return _none("the same limit price")


def _none(evidence: str) -> Why:
    return Why(Cause.UNEXPLAINED, evidence)


def _won(prices: tuple[float, float]) -> tuple[str, str]:
    return f"{prices[0]:,.2f}", f"{prices[1]:,.2f}"


def _text(trade: ClosedTrade) -> str:
    times = f"{clock(trade.opened_at)}–{clock(trade.closed_at)}"
    return f"{times} ×{trade.quantity:,} {trade.exit_reason} {trade.net_pnl:+,}"
