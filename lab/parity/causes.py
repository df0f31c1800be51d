"""Why a live trade and its replay differ: pure functions over both days and what the hosts recorded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from domain.clock import in_seoul
from domain.event import Event
from domain.event_kind import EventKind
from domain.events.entries import MARKET_CLOSE
from domain.market import Symbol
from domain.money import Price
from domain.order import NOT_SENT, OrderPurpose, OrderRecord, OrderStatus
from domain.position import ClosedTrade
from domain.rule_changes import value_text
from domain.rules import TradingRules
from lab.parity.seen import SeenDay, SeenOrder
from strategies import all_rule_values

ONE_MINUTE: Final = timedelta(minutes=1)
_SLOW: Final = 1.0
"""Real seconds from which a slot, a reply or an old price counts as a delay."""
_PATH_LASTS: Final = timedelta(minutes=30)
_LONG_GAP: Final = 3
"""Minutes in a row without a price from which a strategy sees another path; a quiet minute is no gap."""
HANDLED_WITHIN: Final = 10.0
"""Real seconds from a decision to a booked fill that the processes themselves may take."""
_REFUSED: Final = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.NEVER_PLACED})


_GATES: Final = {
    EventKind.ENTRIES_SHUT: EventKind.ENTRIES_REOPENED,
    EventKind.KILL_SWITCH_PRESSED: EventKind.KILL_SWITCH_LIFTED,
}
"""What shuts all entries, and what opens them again."""
_KILL_SWITCH: Final = "the kill switch is on"


class Cause(StrEnum):
    """Why a difference exists. The last one needs a look at the code."""

    STRATEGY = "strategy version"
    RULE = "changed rule"
    REFUSAL = "refusal"
    SLOT = "rate slot"
    LATENCY = "latency"
    STALE = "stale price"
    TICK = "lost tick"
    QUEUE = "queue"
    BOOK = "depth at the order"
    DATA = "not in the recording"
    BUSY = "no free worker"
    NO_SCAN = "no scan"
    CLOSE = "start of the market close"
    HELD = "stock held or resting"
    MINUTE = "path inside the minute"
    ENTRY = "follows from the entry"
    UNEXPLAINED = "UNEXPLAINED"


class Why(NamedTuple):
    """A cause with its evidence."""

    cause: Cause
    evidence: str


class Difference(NamedTuple):
    """One difference of a pair: what differs, both values, the cause, and the evidence for it."""

    symbol: Symbol
    at: datetime
    what: str
    live: str
    replay: str
    cause: Cause
    evidence: str


@dataclass(frozen=True, slots=True)
class Day:
    """One of the two days: its trades and orders, and the entries that a guard refused."""

    trades: Sequence[ClosedTrade]
    orders: Sequence[OrderRecord] = ()
    events: Sequence[Event] = ()

    def of(self, trade: ClosedTrade, purpose: OrderPurpose) -> list[OrderRecord]:
        """Return a trade's orders of one purpose, in the sequence of their decisions."""
        found = [each for each in self.orders if each.intent.position_id == trade.position_id]
        of_it = [each for each in found if each.intent.purpose is purpose]
        return sorted(of_it, key=lambda each: each.intent.decided_at)

    def decided(self, trade: ClosedTrade) -> datetime:
        """Return when a trade's purchase was decided."""
        orders = self.of(trade, OrderPurpose.ENTRY)
        return orders[0].intent.decided_at if orders else trade.opened_at


def _never(_symbol: Symbol, _at: datetime, _price: Price) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both days, what the hosts saw, and what the replay was played with."""

    live: Day
    replay: Day
    seen: SeenDay
    rules: TradingRules
    sources: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[Symbol, str] = field(default_factory=dict)
    """Stocks that the replay cannot play, with the reason."""
    workers: int = 1
    speed: int = 1
    """Market seconds a real second."""
    opens_at: datetime | None = None
    would_buy: Callable[[Symbol, datetime, Price], bool] = _never
    """Whether filters and strategies buy a stock of the recorded market at an instant, at another price."""

    @property
    def near(self) -> timedelta:
        """Return by how much two looks differ without a cause: the replay looks at the start of each minute."""
        interval = max(self.rules.execution.scan_interval, self.rules.execution.price_interval)
        return ONE_MINUTE + interval * self.speed

    def market(self, seconds: float) -> timedelta:
        """Return real seconds in market time."""
        return timedelta(seconds=seconds) * self.speed


def of_another_code(of: Evidence, trade: ClosedTrade) -> Why | None:
    """Return the strategy's version if the replay has another one."""
    then, now = trade.strategy.source, of.sources.get(trade.strategy.name, "")
    if then and now and then != now:
        return Why(Cause.STRATEGY, f"{trade.strategy.name}: source {then[:12]} then, {now[:12]} in the replay")
    return None


def not_played(of: Evidence, symbol: Symbol) -> Why | None:
    """Return why the replay does not have a stock."""
    if symbol in of.left_out:
        return Why(Cause.DATA, of.left_out[symbol])
    return None if symbol in of.seen.bars else Why(Cause.DATA, "no minute of the stock was recorded")


def other_rules(of: Evidence, worker: str, at: datetime) -> Why | None:
    """Return the rules that a worker had at an instant and the replay has not."""
    noted = [each for each in of.seen.rules if each.worker == worker and each.at <= at]
    if not noted:
        return None
    ours = {name: value_text(name, value) for name, value in all_rule_values(of.rules).items()}
    then = noted[-1].rules
    differ = [
        f"{name} {then[name]} then, {value} in the replay"
        for name, value in ours.items()
        if name in then and then[name] != value and not name.startswith("universe.")
    ]
    return Why(Cause.RULE, f"{worker} at {clock(at)}: {'; '.join(differ)}") if differ else None


def delays(of: Evidence, order: OrderRecord) -> list[tuple[timedelta, Why]]:
    """Return what delayed an order, with the market time that it took."""
    seen: SeenOrder | None = of.seen.orders.get(order.intent.intent_id)
    if seen is None:
        return []
    at, found = clock(order.intent.decided_at), list[tuple[timedelta, Why]]()
    if seen.waited is not None and seen.waited >= _SLOW:
        waited = Why(Cause.SLOT, f"the order of {at} waited {seen.waited:.1f} s for a rate slot")
        found.append((of.market(seen.waited), waited))
    if seen.reply is not None and seen.reply >= _SLOW:
        found.append((of.market(seen.reply), Why(Cause.LATENCY, f"the reply of {at} took {seen.reply:.1f} s")))
    fresh = of.market(_SLOW) + of.rules.execution.price_interval * of.speed
    if seen.age is not None and timedelta(seconds=seen.age) > fresh:
        age = timedelta(seconds=seen.age)
        found.append((age, Why(Cause.STALE, f"the price that decided at {at} was {seen.age:.1f} s old")))
    return found


def slowest(of: Evidence, orders: Sequence[OrderRecord], late_by: timedelta) -> Why | None:
    """Return the longest delay of some orders, if all delays and a look together explain a difference in time."""
    found = [each for order in orders for each in delays(of, order)]
    total = sum((delay for delay, _ in found), timedelta(0))
    if not found or abs(late_by) > total + of.near:
        return None
    return max(found, key=lambda each: each[0])[1]


def refusal(of: Evidence, order: OrderRecord) -> Why | None:
    """Return why an order was not placed."""
    if order.status not in _REFUSED:
        return None
    seen, at = of.seen.orders.get(order.intent.intent_id), clock(order.intent.decided_at)
    why = seen.why if seen is not None else ""
    if seen is not None and seen.waited is None and NOT_SENT in why:
        return Why(Cause.SLOT, f"the order of {at} was not sent: {why}")
    return Why(Cause.REFUSAL, f"the order of {at} was {order.status}{f': {why}' if why else ''}")


def denied(of: Evidence, day: Day, symbol: Symbol, at: datetime) -> Why | None:
    """Return the guard that refused to buy a stock near an instant."""
    for each in day.events:
        is_it = each.kind is EventKind.ENTRY_DENIED and each.symbol == symbol
        if is_it and abs(each.at - at) <= of.near:
            why = each.detail.get("detail") or each.detail.get("denial", "")
            return Why(Cause.REFUSAL, f"refused at {clock(each.at)}: {why}")
    return None


def shut(of: Evidence, day: Day, at: datetime) -> Why | None:
    """Return the event that had shut a day's entries at an instant or near it. A later purchase proves it lifted."""
    bought = [
        each.intent.decided_at for each in day.orders if each.intent.purpose is OrderPurpose.ENTRY and _left(each)
    ]
    for closing, opening in _GATES.items():
        latest: dict[object, datetime] = {closing: at + of.near, opening: at - of.near}
        turns = [each for each in day.events if each.kind in latest and each.at <= latest[each.kind]]
        last = max(turns, key=lambda each: each.at, default=None)
        if last is None or last.kind is opening or any(last.at + of.near < each <= at for each in bought):
            continue
        reason = str(last.detail.get("reason") or _KILL_SWITCH)
        cause = Cause.CLOSE if reason == MARKET_CLOSE else Cause.REFUSAL
        return Why(cause, f"entries were shut at {clock(last.at)}: {reason}")
    return None


def _left(order: OrderRecord) -> bool:
    """Return whether an order was sent."""
    return order.status not in {OrderStatus.DENIED, OrderStatus.NEVER_PLACED}


def unwritten(of: Evidence, at: datetime) -> Why | None:
    """Return the stretch around an instant that a host may have seen and has not written."""
    for since, until in of.seen.unwritten:
        if since - of.near <= at <= until + of.near:
            return Why(
                Cause.DATA, f"a host wrote nothing of {clock(since)}–{clock(until)}: it was killed, or still runs"
            )
    return None


def unseen(of: Evidence, symbol: Symbol, since: datetime, until: datetime) -> Why | None:
    """Return the minutes of a stretch in which no host saw a price although shares traded by the next one."""
    bars = of.seen.bars.get(symbol, {})
    first, last = minute_of(min(since, until)), minute_of(max(since, until))
    gaps = [minute for minute in range(first, last + 1) if minute not in bars]
    after = next((bars[minute] for minute in sorted(bars) if gaps and minute > gaps[-1]), None)
    if not gaps or after is None or not after.volume:
        return None
    return Why(Cause.TICK, f"no price of {symbol} was seen {hour(gaps[0])}–{hour(gaps[-1])}, and shares traded")


def gap_before(of: Evidence, symbol: Symbol, at: datetime) -> Why | None:
    """Return minutes without a price in the path that strategies see; the replay repeats the last price there."""
    since = at - _PATH_LASTS if of.opens_at is None else max(at - _PATH_LASTS, of.opens_at)
    bars, missing = of.seen.bars.get(symbol, {}), 0
    for minute in range(minute_of(since), minute_of(at) + 1):
        missing = 0 if minute in bars else missing + 1
        if missing >= _LONG_GAP:
            return unseen(of, symbol, since, at)
    return None


def rested(of: Evidence, orders: Sequence[OrderRecord], done: datetime, late_by: timedelta) -> Why | None:
    """Return how long orders took from the first decision to the booked fill, if that explains a difference in time."""
    if not orders:
        return None
    first = orders[0].intent.decided_at
    took = done - first
    if took < ONE_MINUTE or abs(late_by) > took + of.near:
        return None
    if len(orders) > 1:
        return Why(Cause.QUEUE, f"{len(orders)} orders from {clock(first)} to {clock(done)}")
    real = took.total_seconds() / of.speed
    if real < HANDLED_WITHIN:
        return Why(Cause.LATENCY, f"from the decision of {clock(first)} to the booked fill {real:.1f} s")
    return Why(Cause.QUEUE, f"the order of {clock(first)} rested {real:.0f} s")


def saw(of: Evidence, symbol: Symbol, since: datetime, until: datetime, price: float) -> str:
    """Return the recorded minute from one instant to another whose prices include one; empty if none does."""
    return saw_any(of, symbol, since, until, price, price)


def saw_any(  # noqa: PLR0913, PLR0917 a stretch of time and one of prices
    of: Evidence, symbol: Symbol, since: datetime, until: datetime, low: float, high: float
) -> str:
    """Return the recorded minute whose prices include one of a stretch; empty if none does."""
    for minute in range(minute_of(since) - 1, minute_of(until) + 2):
        bar = of.seen.bars.get(symbol, {}).get(minute)
        if bar is not None and bar.low <= high and low <= bar.high:
            return f"{bar.low:,}–{bar.high:,} in {hour(minute)}"
    return ""


def minute_of(at: datetime) -> int:
    """Return the minute of the day in KST."""
    local = in_seoul(at)
    return local.hour * 60 + local.minute


def hour(minute: int) -> str:
    """Return a minute of the day as text."""
    return f"{minute // 60:02}:{minute % 60:02}"


def clock(at: datetime) -> str:
    """Return the time of day in KST."""
    return f"{in_seoul(at):%H:%M:%S}"
