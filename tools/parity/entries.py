"""Why one day bought a stock, and the other one did not, or at another time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.identity import WorkerId
from domain.market import Symbol
from domain.position import ClosedTrade
from tools.parity.book import Book, clock
from tools.parity.causes import Cause, Difference, Sides, Why

_LONGEST_SIGNAL: Final = timedelta(minutes=15)
_SECOND: Final = timedelta(seconds=1)


def missing_trade(sides: Sides, trade: ClosedTrade, here: Book, there: Book) -> Difference:
    """Return why a trade of one day is missing in the other."""
    why = why_not_bought(sides, there, trade.symbol, here.found_at(trade))
    made = f"{clock(trade.opened_at)}–{clock(trade.closed_at)} {trade.exit_reason}"
    real, lab = (made, "–") if here is sides.real else ("–", made)
    return Difference(trade.symbol, trade.opened_at, "trade", real, lab, *why)


def other_time(sides: Sides, real: ClosedTrade, lab: ClosedTrade) -> Difference | None:
    """Return why both days found a stock at different times, None if they did not."""
    at_real, at_lab = sides.real.found_at(real), sides.lab.found_at(lab)
    if abs(at_real - at_lab) < _SECOND:
        return None
    later, first, found = (sides.lab, at_real, at_lab) if at_real < at_lab else (sides.real, at_lab, at_real)
    why = why_not_bought(sides, later, real.symbol, first, found)
    return Difference(real.symbol, real.opened_at, "bought at", clock(at_real), clock(at_lab), *why)


def why_not_bought(sides: Sides, book: Book, symbol: Symbol, at: datetime, found: datetime | None = None) -> Why:
    """Return why a day did not buy a stock at the instant at which the other one did; it bought it at ``found``."""
    held = book.holding(symbol, at)
    if held is not None and (found is None or book.found_at(held) < at):
        return Why(Cause.HELD, f"{book.how} held it {clock(held.opened_at)}–{clock(held.closed_at)}")
    until = book.rests_until(symbol, at)
    if until is not None:
        return Why(Cause.COOLING, f"{book.how} may buy it again from {clock(until)}")
    scanning = [name for name in book.played.workers if book.scan_of(name, at) is not None]
    others = [book.doing(name, at) for name in book.played.workers if name not in scanning]
    if not scanning:
        return Why(Cause.BUSY, "; ".join(others))
    shut = {name: book.shut(name, at) for name in scanning}
    free = [name for name in scanning if not shut[name]]
    if not free:
        return Why(Cause.SHUT, "; ".join([*shut.values(), *others]))
    return _why_no_scan_bought(sides, book, (symbol, at), free, found)


def _why_no_scan_bought(
    sides: Sides, book: Book, about: tuple[Symbol, datetime], free: Sequence[WorkerId], found: datetime | None
) -> Why:
    """Return why the scans of the free workers did not lead to a purchase."""
    symbol, at = about
    since = at.replace(microsecond=0)
    lasts = sides.oracle.signal_lasts(symbol, since, since + _LONGEST_SIGNAL)
    until = max(lasts, since + sides.scan_age) if found is None else found
    if (tried := _tried(sides, book, about, until)) is not None:
        return tried
    if not sides.oracle.signal(symbol, since) and sides.oracle.differs(symbol, since):
        prices = [sides.oracle.price(symbol, since, simulated=each) for each in (True, False)]
        return Why(Cause.PRICES, f"{clock(since)}: {prices[0]:,} on processes, {prices[1]:,} in the backtest")
    looks = sorted({each for name in free for each in book.looks(name, at, until)})
    before = [
        each for each in looks if found is None or each < found - (sides.scan_age if not book.is_virtual else _SECOND)
    ]
    blind = next((each for each in before if _must_signal(sides, book, symbol, each)), None)
    if blind is not None:
        return Why(Cause.UNEXPLAINED, f"{book.how} scanned at {clock(blind)} while it signalled; {free[0]} was free")
    if found is not None and lasts >= found.replace(microsecond=0):
        return Why(Cause.SCAN, f"the signal lasts from {clock(since)}; {book.how} scanned at {clock(found)}")
    listed = ", ".join(clock(each) for each in looks[:3]) or "none"
    return Why(Cause.SHORT, f"signal {clock(since)}–{clock(lasts)}; scans of {book.how} meanwhile: {listed}")


def _tried(sides: Sides, book: Book, about: tuple[Symbol, datetime], until: datetime) -> Why | None:
    """Return what became of the stock if a scan did find it."""
    symbol, at = about
    for tried in book.tries(symbol, at - sides.scan_age, until):
        if not tried.refusal:
            break
        cause = Cause.OTHER if tried.refusal.startswith("took") else Cause.LAST_LOOK
        return Why(cause, f"{book.how} {clock(tried.at)} {tried.worker}: {tried.refusal}")
    order = book.unfilled(symbol, at - sides.scan_age, until)
    if order is None:
        return None
    intent = order.record.intent
    return Why(Cause.NOT_FILLED, f"{book.how} {clock(intent.decided_at)}: ≤ {intent.limit_price or 0:,} not filled")


def _must_signal(sides: Sides, book: Book, symbol: Symbol, look: datetime) -> bool:
    """Return whether a scan must have found a stock: every price that it may have used signals."""
    if book.is_virtual:
        return bool(sides.oracle.signal(symbol, look))
    oldest = (look - sides.scan_age).replace(microsecond=0)
    seconds = int((look - oldest).total_seconds()) + 1
    return all(sides.oracle.signal(symbol, oldest + each * _SECOND) for each in range(seconds))
