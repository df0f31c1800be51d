"""What kept a day's workers, or a stock, from a purchase: trades, orders under way, cool-downs."""

from datetime import datetime, timedelta

from domain.market import Symbol
from domain.order import OrderPurpose, OrderRecord
from domain.position import ClosedTrade
from lab.parity.causes import Cause, Day, Evidence, Why, clock


def occupied(of: Evidence, day: Day, at: datetime) -> Why | None:
    """Return which trades kept all workers of a day from buying at an instant: held, just bought, or lost before.

    A scan of the live day proves that a worker was free.
    """
    if day is of.live and _scanned_at(of, at):
        return None
    busy: dict[str, str] = {
        each.worker_id: each.symbol for each in day.trades if day.decided(each) - of.near <= at < _free_at(of, each)
    }
    if day is of.live:
        busy |= _waited_for_orders(of, at)
    if len(busy) < of.workers:
        return None
    had = ", ".join(f"{worker} {symbol}" for worker, symbol in sorted(busy.items()))
    return Why(Cause.BUSY, f"busy or resting at {clock(at)}: {had}")


def _scanned_at(of: Evidence, at: datetime) -> bool:
    until = at + of.rules.execution.scan_interval * of.speed
    return any(at <= each.at <= until for each in of.seen.scans)


def _waited_for_orders(of: Evidence, at: datetime) -> dict[str, str]:
    """Return the workers that had ordered by an instant and did not wait for candidates since, with the order."""
    ordered: dict[str, OrderRecord] = {}
    for each in sorted(of.live.orders, key=lambda order: order.intent.decided_at):
        if each.intent.purpose is OrderPurpose.ENTRY and each.intent.decided_at <= at:
            ordered[each.intent.worker_id] = each
    found = {}
    for worker, order in ordered.items():
        since, waits = order.intent.decided_at, of.seen.waits.get(worker)
        if waits and not any(since < each <= at for each in waits):
            found[worker] = f"{order.intent.symbol} (order of {clock(since)})"
    return found


def _free_at(of: Evidence, trade: ClosedTrade) -> datetime:
    """Return when a worker scans again after a trade."""
    rest = of.rules.risk.cooldown_after_loss if trade.net_pnl < 0 else timedelta(0)
    return trade.closed_at + max(rest, of.near)


def kept_out(of: Evidence, day: Day, symbol: Symbol, at: datetime) -> Why | None:
    """Return the trade that held a stock at an instant, or after which it rested."""
    rest = of.rules.risk.symbol_cooldown
    for each in day.trades:
        if each.symbol == symbol and day.decided(each) <= at < each.closed_at + rest:
            return Why(Cause.HELD, f"held until {clock(each.closed_at)}, resting {rest.total_seconds() / 60:.0f} min")
    return None
