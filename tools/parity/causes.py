"""The cause of each difference between the trades of both days, computed from their books and the recorded prices."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from domain.costs import cost_rates
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import OrderIntent
from domain.position import ClosedTrade
from domain.pricing import size_entry
from domain.rules import TradingRules
from simulator.exchange import second_of
from tools.parity.book import Book, clock
from tools.parity.matching import Pair
from tools.parity.oracle import Oracle, position_of

_LONGEST_SIGNAL: Final = timedelta(minutes=15)
_ONE_MINUTE: Final = timedelta(minutes=1)
_STEPS: Final = timedelta(seconds=1)
"""Real time that a step takes at most between a scan and its order, or between two looks, on a busy machine."""


class Cause(StrEnum):
    """Why both days differ. The last one needs a look at the code."""

    SCAN = "scan times"
    SHORT = "signal between two looks"
    BUSY = "no free worker"
    HELD = "stock held"
    COOLING = "cool-down"
    SHUT = "worker may not buy"
    OTHER = "another candidate first"
    LAST_LOOK = "refused at the last look"
    NOT_FILLED = "order not filled"
    PRICES = "other price of the same second"
    MOVED = "price moved between the orders"
    BOOK = "depth at the order"
    SIZE = "limit price sets the size"
    VOLUME = "volume so far caps the size"
    ENTRY = "follows from the entry"
    LOOK = "price seen later"
    MISSED = "crossing between two looks"
    PEAK = "best price between two looks"
    MINUTE = "looks at minute starts"
    UNEXPLAINED = "UNEXPLAINED"


class Difference(NamedTuple):
    """One difference of a pair: what differs, both values, the cause, and the evidence for it."""

    symbol: Symbol
    at: datetime
    what: str
    real: str
    lab: str
    cause: Cause
    evidence: str


class Why(NamedTuple):
    """A cause with its evidence."""

    cause: Cause
    evidence: str


@dataclass(frozen=True)
class Judge:
    """Explains differences."""

    real: Book
    lab: Book
    oracle: Oracle
    rules: TradingRules
    speed: int

    def differences(self, pair: Pair) -> list[Difference]:
        """Return every difference of a pair; none if both trades are equal in time, price, size and reason."""
        if pair.real is None or pair.lab is None:
            return [self._only_in_one(pair)]
        return [*self._entry(pair.real, pair.lab), *self._exit(pair.real, pair.lab)]

    def _only_in_one(self, pair: Pair) -> Difference:
        trade = pair.any
        here, there = (self.real, self.lab) if pair.real else (self.lab, self.real)
        why = self._why_not(there, trade.symbol, here.found_at(trade), here)
        made = f"{clock(trade.opened_at)}–{clock(trade.closed_at)} {trade.exit_reason}"
        real, lab = (made, "–") if pair.real else ("–", made)
        return Difference(trade.symbol, trade.opened_at, "trade", real, lab, *why)

    # Entries

    def _entry(self, real: ClosedTrade, lab: ClosedTrade) -> list[Difference]:
        found = []
        at_real, at_lab = self.real.found_at(real), self.lab.found_at(lab)
        if abs(at_real - at_lab) >= timedelta(seconds=1):
            why = (
                self._why_not(self.lab, real.symbol, at_real, self.real, at_lab)
                if at_real < at_lab
                else self._why_not(self.real, lab.symbol, at_lab, self.lab, at_real)
            )
            found.append(Difference(real.symbol, real.opened_at, "bought at", clock(at_real), clock(at_lab), *why))
        found += self._price(real, lab, Side.BUY)
        if real.quantity != lab.quantity:
            why = self._size(real, lab)
            found.append(
                Difference(real.symbol, real.opened_at, "shares", f"{real.quantity:,}", f"{lab.quantity:,}", *why)
            )
        return found

    def _why_not(
        self, book: Book, symbol: Symbol, at: datetime, other: Book, found: datetime | None = None
    ) -> Why:
        """Return why a day did not buy a stock at the instant at which the other one did."""
        if (held := book.holding(symbol, at)) is not None and (found is None or book.found_at(held) < at):
            return Why(Cause.HELD, f"{book.how} held it {clock(held.opened_at)}–{clock(held.closed_at)}")
        if (until := book.rests_until(symbol, at)) is not None:
            return Why(Cause.COOLING, f"{book.how} may buy it again from {clock(until)}")
        scanning = [name for name in book.played.workers if book.scan_of(name, at) is not None]
        if not scanning:
            return Why(Cause.BUSY, "; ".join(book.doing(name, at) for name in book.played.workers))
        shut = {name: book.shut(name, at) for name in scanning}
        if all(shut.values()):
            busy = [book.doing(name, at) for name in book.played.workers if name not in scanning]
            return Why(Cause.SHUT, "; ".join([*shut.values(), *busy]))
        return self._why_no_scan_bought(book, symbol, at, [name for name in scanning if not shut[name]], found)

    def _why_no_scan_bought(
        self, book: Book, symbol: Symbol, at: datetime, free: list[str], found: datetime | None
    ) -> Why:
        """Return why the scans of the free workers did not lead to a purchase."""
        since = at.replace(microsecond=0)
        lasts = self.oracle.signal_lasts(symbol, since, since + _LONGEST_SIGNAL)
        until = max(lasts, since + self._age()) if found is None else found
        for tried in book.tries(symbol, at - self._age(), until):
            if tried.refusal:
                cause = Cause.OTHER if tried.refusal.startswith("took") else Cause.LAST_LOOK
                return Why(cause, f"{book.how} {clock(tried.at)} {tried.worker}: {tried.refusal}")
        if (order := book.unfilled(symbol, at - self._age(), until)) is not None:
            limit = order.record.intent.limit_price or 0
            return Why(Cause.NOT_FILLED, f"{book.how} {clock(order.record.intent.decided_at)}: ≤ {limit:,} not filled")
        looks = sorted({each for name in free for each in book.looks(name, at, until)})
        if not self.oracle.signal(symbol, since) and self.oracle.differs(symbol, since):
            seen = [self.oracle.price(symbol, since, simulated=each) for each in (True, False)]
            return Why(Cause.PRICES, f"{clock(since)}: {seen[0]:,} on processes, {seen[1]:,} in the backtest")
        signalled = [each for each in looks if self._signals_within(symbol, each, book)]
        if not looks and found is not None:
            return Why(Cause.SCAN, f"{book.how} scans next at {clock(found)}")
        if not signalled:
            seen = ", ".join(clock(each) for each in looks[:3]) or "none"
            return Why(
                Cause.SHORT,
                f"signal {clock(since)}–{clock(lasts)}; scans of {book.how} meanwhile: {seen}",
            )
        if found is not None and signalled[0] >= found - self._pause():
            return Why(Cause.SCAN, f"{book.how} scans with this signal at {clock(signalled[0])}")
        return Why(Cause.UNEXPLAINED, f"{book.how} scanned at {clock(signalled[0])} while it signals, with {free[0]} free")

    def _signals_within(self, symbol: Symbol, look: datetime, book: Book) -> bool:
        """Return whether a scan must have found a stock: every price that it may have used signals."""
        if book.played.scans is None:
            return bool(self.oracle.signal(symbol, look))
        oldest = (look - self._age()).replace(microsecond=0)
        count = int((look - oldest).total_seconds()) + 1
        return all(self.oracle.signal(symbol, oldest + timedelta(seconds=each)) for each in range(count))

    def _age(self) -> timedelta:
        """Return the market time by which a price of a scan on processes may be old."""
        return self._pause() + _STEPS * self.speed

    def _pause(self) -> timedelta:
        return max(self.rules.execution.scan_interval * self.speed, _ONE_MINUTE)

    def _price(self, real: ClosedTrade, lab: ClosedTrade, side: Side) -> list[Difference]:
        amounts = [
            (trade.entry_amount if side is Side.BUY else trade.exit_amount) / trade.quantity for trade in (real, lab)
        ]
        if amounts[0] == amounts[1]:
            return []
        what = "paid" if side is Side.BUY else "received"
        values = [f"{amount:,.1f}" for amount in amounts]
        at = real.opened_at if side is Side.BUY else real.closed_at
        return [Difference(real.symbol, at, what, *values, *self._why_price(real, lab, side))]

    def _why_price(self, real: ClosedTrade, lab: ClosedTrade, side: Side) -> Why:
        """Split the difference of two average prices into the market's move and the depth at each order."""
        marks = []
        for book, trade, simulated in ((self.real, real, True), (self.lab, lab, False)):
            orders = [book.entry(trade)] if side is Side.BUY else list(book.sales(trade))
            for order in orders:
                if (problem := self._strange_fill(book, order.record.intent, order, simulated=simulated)) is not None:
                    return Why(Cause.UNEXPLAINED, problem)
            row = book.row(orders[0])
            placed = row.placed_at if row is not None else orders[0].record.intent.decided_at
            marks.append((placed, self.oracle.price(trade.symbol, placed, simulated=simulated)))
        (at_real, mark_real), (at_lab, mark_lab) = marks
        if mark_real != mark_lab:
            return Why(
                Cause.MOVED if at_real.replace(microsecond=0) != at_lab.replace(microsecond=0) else Cause.PRICES,
                f"{mark_real:,} at {clock(at_real)}, {mark_lab:,} at {clock(at_lab)}",
            )
        return Why(Cause.BOOK, f"{mark_real:,} at both orders, {clock(at_real)} and {clock(at_lab)}; the depth differs")

    def _strange_fill(self, book: Book, intent: OrderIntent, order: object, *, simulated: bool) -> str | None:
        """Return the first fill that the recorded prices cannot give."""
        row = book.row(order)  # type: ignore[arg-type]
        if row is None:
            return f"{book.how}: the broker does not list the order of {clock(intent.decided_at)}"
        exchange = (self.oracle.simulator if simulated else self.oracle.lab).exchange
        path = exchange.path(intent.symbol, self.oracle.session)
        for fill in row.fills:
            at = min(second_of(self.oracle.session, fill.at), second_of(self.oracle.session, self.oracle.session.auction_at))
            price = path.price_at(at)
            grid = path.limits.grid
            reach: tuple[int, int] = (price, price)
            for _ in range(10):
                reach = grid.next_below(Price(reach[0])), grid.next_above(Price(reach[1]))
            is_own = intent.limit_price == fill.price
            is_closing = fill.at >= self.oracle.session.auction_at
            if not (is_own or is_closing or reach[0] <= fill.price <= reach[1]):
                return f"{book.how}: filled at {fill.price:,} at {clock(fill.at)}, while the price was {price:,}"
            if intent.limit_price and (fill.price - intent.limit_price) * (1 if intent.side is Side.BUY else -1) > 0:
                return f"{book.how}: filled at {fill.price:,}, beyond the limit {intent.limit_price:,}"
        return None

    def _size(self, real: ClosedTrade, lab: ClosedTrade) -> Why:
        intents = [book.entry(trade).record for book, trade in ((self.real, real), (self.lab, lab))]
        asked = [each.intent.quantity for each in intents]
        if asked[0] == asked[1]:
            return Why(Cause.BOOK, f"both asked for {asked[0]:,}; the depth within the limit differs")
        limits = [each.intent.limit_price or Price(0) for each in intents]
        most = [self._most(limit) for limit in limits]
        if asked == most:
            return Why(Cause.SIZE, f"≤ {limits[0]:,} and ≤ {limits[1]:,}")
        if all(quantity <= greatest for quantity, greatest in zip(asked, most, strict=True)):
            return Why(Cause.VOLUME, f"{most[0]:,} and {most[1]:,} affordable; {asked[0]:,} and {asked[1]:,} sellable")
        return Why(Cause.UNEXPLAINED, f"asked for {asked}, affordable {most}")

    def _most(self, limit: Price) -> Quantity:
        plenty = Quantity(10**9)
        rates = cost_rates(self.oracle.session.date)
        return size_entry(limit, plenty, Won(10**12), self.rules.risk, rates)

    # Exits

    def _exit(self, real: ClosedTrade, lab: ClosedTrade) -> list[Difference]:
        found = []
        decided = [self._decided(book, trade) for book, trade in ((self.real, real), (self.lab, lab))]
        same = real.exit_reason == lab.exit_reason
        if not same or abs(decided[0] - decided[1]) >= timedelta(seconds=1):
            why = self._why_exit(real, lab, decided)
            values = [f"{clock(at)} {trade.exit_reason}" for at, trade in zip(decided, (real, lab), strict=True)]
            found.append(Difference(real.symbol, real.opened_at, "sold at", *values, *why))
        return [*found, *self._price(real, lab, Side.SELL)]

    def _decided(self, book: Book, trade: ClosedTrade) -> datetime:
        watch = book.watch(trade)
        if watch is None:
            return book.sales(trade)[0].record.intent.decided_at
        return datetime.fromisoformat(watch.answer["decided_at"])

    def _why_exit(self, real: ClosedTrade, lab: ClosedTrade, decided: list[datetime]) -> Why:
        """Compare each exit with the first second at which a rule sells that very position."""
        due = []
        for book, trade, at in zip((self.real, self.lab), (real, lab), decided, strict=True):
            late = self._lateness(book, trade, at)
            if isinstance(late, Why):
                return late
            due.append(late)
        (at_real, delay_real), (at_lab, delay_lab) = due
        if at_real != at_lab:
            return Why(
                Cause.ENTRY,
                f"bought at {real.entry_amount / real.quantity:,.1f} and {lab.entry_amount / lab.quantity:,.1f}: "
                f"due at {clock(at_real)} and {clock(at_lab)}; seen {_lag(delay_real)} and {_lag(delay_lab)} later",
            )
        cause = Cause.LOOK if delay_real >= delay_lab else Cause.MINUTE
        return Why(cause, f"due at {clock(at_real)}; seen {_lag(delay_real)} and {_lag(delay_lab)} later")

    def _lateness(self, book: Book, trade: ClosedTrade, at: datetime) -> tuple[datetime, timedelta] | Why:
        """Return when a position was due and how much later its day has seen it, or what else explains its exit."""
        simulated = book is self.real
        watch, deadline = book.watch(trade), book.played.books.plan.liquidation_at
        best = None if watch is None else Price(watch.answer["high_water_mark"])
        position = position_of(trade, self.rules)
        most = self._look_gap(book)
        for cap in (None, best):
            due = self.oracle.exit_of(position, deadline, cap, simulated=simulated)
            if timedelta(seconds=-1) <= at - due.at <= most and (due.reason == trade.exit_reason or cap is not None):
                return due.at, max(at - due.at, timedelta(0))
        if due.at < at - most:
            back = self._back_inside(trade, due.at, at, simulated=simulated)
            if back is not None:
                return Why(
                    Cause.MISSED,
                    f"{book.how}: {due.reason} {clock(due.at)}–{clock(back)} lies between two looks; "
                    f"sold {clock(at)} as {trade.exit_reason}",
                )
        return Why(
            Cause.UNEXPLAINED,
            f"{book.how}: {due.reason} is due at {clock(due.at)} at {due.price:,}, sold {clock(at)} as {trade.exit_reason}",
        )

    def _back_inside(
        self, trade: ClosedTrade, since: datetime, until: datetime, *, simulated: bool
    ) -> datetime | None:
        """Return when a position was no longer due, if that was before a look had to see it."""
        position = position_of(trade, self.rules)
        for step in range(int(min(until - since, self._look_gap(self.real)).total_seconds()) + 1):
            at = since + timedelta(seconds=step)
            later = replace(position, opened_at=at)
            if self.oracle.exit_of(later, at + timedelta(seconds=1), None, simulated=simulated).at > at:
                return at
        return None

    def _look_gap(self, book: Book) -> timedelta:
        """Return the most market time between two looks of a watch."""
        if book.played.scans is None:
            return _ONE_MINUTE
        return (self.rules.execution.price_interval + _STEPS) * self.speed


def _lag(delay: timedelta) -> str:
    return f"{delay.total_seconds():.0f} s"
