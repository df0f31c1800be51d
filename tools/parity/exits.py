"""Why both days sold the same position at another time, or for another reason."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from domain.identity import PositionId
from domain.money import Price
from domain.position import ClosedTrade, ExitReason
from tools.parity.book import Book, clock
from tools.parity.causes import Cause, Difference, Sides, Why
from tools.parity.oracle import BestSeen, Due, position_of

_SECOND: Final = timedelta(seconds=1)


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
    if isinstance(theirs, Why):
        return theirs
    for book, late in ((sides.real, ours), (sides.lab, theirs)):
        if late.missed is not None:
            return Why(Cause.MISSED, f"{_said(late.missed)} lies between two looks of {book.how}")
    closes = [book.played.books.plan.liquidation_at for book in (sides.real, sides.lab)]
    if real.exit_reason == lab.exit_reason == ExitReason.DEADLINE and closes[0] != closes[1]:
        return Why(Cause.CLOSE, f"planned for {clock(closes[0])} at this speed, and for {clock(closes[1])}")
    seen = f"seen {_lag(ours.delay)} and {_lag(theirs.delay)} later"
    if ours.since != theirs.since:
        paid = [trade.entry_amount / trade.quantity for trade in (real, lab)]
        bought = f"bought {clock(real.opened_at)} at {paid[0]:,.1f} and {clock(lab.opened_at)} at {paid[1]:,.1f}"
        return Why(Cause.ENTRY, f"{bought}: due at {clock(ours.since)} and {clock(theirs.since)}; {seen}")
    return Why(Cause.LOOK if ours.delay >= theirs.delay else Cause.MINUTE, f"due at {clock(ours.since)}; {seen}")


def _lateness(sides: Sides, book: Book, trade: ClosedTrade, at: datetime) -> _Late | Why:
    """Return when a position was due and how much later its day has seen it; unexplained if no rule was due."""
    deadline = book.played.books.plan.liquidation_at
    position, until = position_of(trade, sides.rules), at + _SECOND
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
