"""Why both days sold the same position at another time, or for another reason."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from domain.identity import PositionId
from domain.money import Price, Rate
from domain.position import ClosedTrade, ExitReason
from domain.rules import TradingRules
from tools.parity.book import Book, clock
from tools.parity.causes import Cause, Difference, Sides, Why
from tools.parity.oracle import BestSeen, Due, position_of

_SECOND: Final = timedelta(seconds=1)
_AVERAGE: Final = re.compile(r"([\d,]+) under the average ([\d,]+) ")


class _Late(NamedTuple):
    """Since when a position was due, how much later that was seen, and an earlier stretch that no look saw."""

    since: datetime
    delay: timedelta
    missed: Due | None


def other_exit(sides: Sides, real: ClosedTrade, lab: ClosedTrade) -> Difference | None:
    """Return why both days decided to sell at another time or for another reason, None if they did not."""
    decided = (_decided(sides.real, real), _decided(sides.lab, lab))
    if real.exit_reason == lab.exit_reason and abs(decided[0] - decided[1]) < _SECOND:
        return None
    ours, theirs = (f"{clock(at)} {trade.exit_reason}" for at, trade in zip(decided, (real, lab), strict=True))
    why = _why_exit(sides, real, lab, decided)
    return Difference(real.symbol, real.opened_at, "sold at", ours, theirs, *why)


def _decided(book: Book, trade: ClosedTrade) -> datetime:
    watch = book.watch(trade)
    if watch is None:
        return book.sales(trade)[0].record.intent.decided_at
    return datetime.fromisoformat(watch.answer["decided_at"])


def _why_exit(sides: Sides, real: ClosedTrade, lab: ClosedTrade, decided: tuple[datetime, datetime]) -> Why:
    """Compare each exit with the first second at which a rule sells that very position."""
    ours = _lateness(sides, sides.real, real, decided[0])
    theirs = _lateness(sides, sides.lab, lab, decided[1])
    if isinstance(ours, Why):
        return ours
    return theirs if isinstance(theirs, Why) else _compared(sides, (real, ours), (lab, theirs))


def _compared(sides: Sides, ours: tuple[ClosedTrade, _Late], theirs: tuple[ClosedTrade, _Late]) -> Why:
    """Compare when both positions were due, and when their days have seen it."""
    (real, seen_real), (lab, seen_lab) = ours, theirs
    if ExitReason.TREND_BREAK in {real.exit_reason, lab.exit_reason}:
        said = [f"{book.how} {_detail(book, trade)}" for book, trade in ((sides.real, real), (sides.lab, lab))]
        return Why(Cause.SAMPLES, "; ".join(said))
    for book, late in ((sides.real, seen_real), (sides.lab, seen_lab)):
        if late.missed is not None:
            return Why(Cause.MISSED, f"{_said(late.missed)} lies between two looks of {book.how}")
    closes = [book.played.books.plan.liquidation_at for book in (sides.real, sides.lab)]
    if real.exit_reason == lab.exit_reason == ExitReason.DEADLINE and closes[0] != closes[1]:
        return Why(Cause.CLOSE, f"planned for {clock(closes[0])} at this speed, and for {clock(closes[1])}")
    seen = f"seen {_lag(seen_real.delay)} and {_lag(seen_lab.delay)} later"
    if seen_real.since != seen_lab.since:
        paid = [trade.entry_amount / trade.quantity for trade in (real, lab)]
        bought = f"bought {clock(real.opened_at)} at {paid[0]:,.1f} and {clock(lab.opened_at)} at {paid[1]:,.1f}"
        return Why(Cause.ENTRY, f"{bought}: due at {clock(seen_real.since)} and {clock(seen_lab.since)}; {seen}")
    cause = Cause.LOOK if seen_real.delay >= seen_lab.delay else Cause.MINUTE
    return Why(cause, f"due at {clock(seen_real.since)}; {seen}")


def _lateness(sides: Sides, book: Book, trade: ClosedTrade, at: datetime) -> _Late | Why:
    """Return when a position was due and how much later its day has seen it; unexplained if no rule was due."""
    if trade.exit_reason is ExitReason.TREND_BREAK and not book.is_virtual:
        return _trend_of_its_own(sides, book, trade, at)
    deadline = book.played.books.plan.liquidation_at
    position, until = position_of(trade, _measured(sides, book)), at + _SECOND
    dues = sides.oracle.dues_of(
        position, deadline, until, _seen_by(sides, book, trade, at), simulated=book is sides.real
    )
    gap = sides.look_gap(book)
    last = next((due for due in reversed(dues) if due.since <= until and at - due.until <= gap), None)
    if last is None or trade.exit_reason.value not in last.reasons or at - last.since > gap:
        listed = ", ".join(map(_said, dues[-3:])) or "nothing"
        return Why(Cause.UNEXPLAINED, f"{book.how} sold {clock(at)} as {trade.exit_reason}; due: {listed}")
    missed = max((due for due in dues if due.until < last.since), key=lambda due: due.lasts, default=None)
    if missed is not None and missed.lasts > gap:
        return Why(Cause.UNEXPLAINED, f"{book.how} did not see {_said(missed)}")
    return _Late(last.since, max(at - last.since, timedelta(0)), missed)


def _measured(sides: Sides, book: Book) -> TradingRules:
    """Return the rules that the recorded prices decide: the average of a watch on processes is of its own samples."""
    if book.is_virtual:
        return sides.rules
    return replace(sides.rules, exits=replace(sides.rules.exits, trend_break=Rate(0)))


def _trend_of_its_own(sides: Sides, book: Book, trade: ClosedTrade, at: datetime) -> _Late | Why:
    """Check a sale under the average of the watch's own samples: these are recorded prices of the rule's window."""
    found, rules, gap = _AVERAGE.match(_detail(book, trade)), sides.rules.exits, sides.look_gap(book)
    if found is not None:
        price, average = (int(text.replace(",", "")) for text in found.groups())
        shown = sides.oracle.prices(trade.symbol, at - rules.trend_window - gap, at)
        just_now = sides.oracle.prices(trade.symbol, at - gap, at)
        is_under = price <= (average + 1) * (1 - rules.trend_break)
        if is_under and min(shown) <= average <= max(shown) and price in just_now:
            return _Late(at, timedelta(0), None)
    return Why(Cause.UNEXPLAINED, f"{book.how} sold {clock(at)}: {_detail(book, trade) or 'no reason'}")


def _detail(book: Book, trade: ClosedTrade) -> str:
    """Return what a watch's signal says, or the reason of the sale."""
    watch = book.watch(trade)
    return str(watch.answer.get("detail", "")) if watch is not None else trade.exit_reason.value


def _seen_by(sides: Sides, book: Book, trade: ClosedTrade, sold: datetime) -> BestSeen:
    """Return the best price that a watch had seen by an instant: its marks, and the one that its signal names."""
    played, watch = book.played, book.watch(trade)
    if book.is_virtual or watch is None:
        return played.best_seen
    best = Price(watch.answer["high_water_mark"])
    shown = sides.oracle.last_shown(trade.symbol, best, trade.opened_at, sold)

    def seen(position: PositionId, at: datetime) -> Price | None:
        return best if shown <= at else played.best_seen(position, at)

    return seen


def _said(due: Due) -> str:
    return f"{'/'.join(sorted(due.reasons))} {clock(due.since)}–{clock(due.until)}"


def _lag(delay: timedelta) -> str:
    return f"{delay.total_seconds():.0f} s"
