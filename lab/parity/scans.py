"""What the live fleet's scans said of a stock that only its replay bought."""

from datetime import datetime, timedelta
from typing import Final

from domain.event_kind import EventKind
from domain.market import Symbol
from domain.money import Price
from domain.order import OrderPurpose
from domain.tick_size import tick_at
from lab.parity.causes import HANDLED_WITHIN, Cause, Evidence, Why, clock
from lab.parity.seen import NotBought, SeenScan

_CAUSES: Final = {
    "lock lost": Cause.HELD,
    "offered too late": Cause.LATENCY,
    "quote stale": Cause.STALE,
    "the price has moved": Cause.MINUTE,
    "no longer signals": Cause.MINUTE,
}
"""Which cause a reason at the last look stands for; any other is a refusal."""

_AWAY: Final = frozenset({EventKind.HOST_DIED, EventKind.DATABASE_WAS_AWAY, EventKind.TEMPORAL_WAS_AWAY})
"""Reported when they are over, or half a minute (real time) after they began."""


def scanned(of: Evidence, symbol: Symbol, at: datetime) -> Why | None:
    """Return what the scans from an instant to the replay's next look say; None if they found no reason.

    A recording of an earlier version has no scans.
    """
    if not of.seen.scans:
        return None
    scans = [each for each in of.seen.scans if at <= each.at <= at + of.near]
    if not scans or all(each.found is None for each in scans):
        return _none_of(of, at, failed=len(scans))
    refused = [each for each in of.seen.not_bought if each.symbol == symbol and at <= each.at <= at + 2 * of.near]
    if refused:
        return _refusal(refused[0])
    found = next((each for each in scans if symbol in (each.found or ())), None)
    if found is not None:
        return _behind_others(of, symbol, found) or _ordered_late(of, symbol, found)
    return _without_signal(of, symbol, scans)


def _none_of(of: Evidence, at: datetime, failed: int) -> Why | None:
    """Return why no scan succeeded: the broker, no worker that waited, or hosts that were away; None if none of them.

    A fleet that does not scan although its workers wait, its hosts live and the broker answers has a fault.
    """
    good = [each for each in of.seen.scans if each.found is not None]
    before = max((each.at for each in good if each.at < at), default=of.opens_at or at)
    after = min((each.at for each in good if each.at > at), default=None)
    since, until = clock(before), "–" if after is None else clock(after)
    if failed:
        return Why(Cause.NO_SCAN, f"the broker did not answer {failed} scans between {since} and {until}")
    if not any(_waits(of, worker, SeenScan(at, at, None)) for worker in of.seen.waits):
        return Why(Cause.BUSY, f"no worker waited for candidates at {clock(at)}")
    if away := _away(of, before, at + of.near if after is None else after):
        return Why(Cause.NO_SCAN, f"no host scanned between {since} and {until}: {away}")
    return None


def _away(of: Evidence, since: datetime, until: datetime) -> str:
    """Return the event of a stretch that shows that a host or its database was away, or just began; empty if none."""
    if any(begun < until and end > since for begun, end in of.seen.unwritten):
        return "a host was killed"
    if begun := [each for each in of.seen.begun if since < each <= until + of.near]:
        return f"a host began at {clock(begun[0])}"
    found = (each for each in of.live.events if each.kind in _AWAY and since <= each.at <= until + of.market(60))
    return next((f"{each.kind} at {clock(each.at)}" for each in found), "")


def _refusal(refused: NotBought) -> Why:
    cause = next((cause for words, cause in _CAUSES.items() if words in refused.why), Cause.REFUSAL)
    return Why(cause, f"found, and not bought at {clock(refused.at)}: {refused.why}")


def _behind_others(of: Evidence, symbol: Symbol, scan: SeenScan) -> Why | None:
    """Return that a scan found at least as many better stocks as workers waited for one; None if not."""
    free = [worker for worker in of.seen.waits if _waits(of, worker, scan)]
    place = list(scan.found or ()).index(symbol)
    if place < len(free):
        return None
    text = f"the scan of {clock(scan.at)} found it at place {place + 1}, and {len(free)} workers waited"
    return Why(Cause.BUSY, text)


def _ordered_late(of: Evidence, symbol: Symbol, scan: SeenScan) -> Why | None:
    """Return how long the workers took from a scan to the order of a stock that it found."""
    orders = (each.intent for each in of.live.orders if each.intent.purpose is OrderPurpose.ENTRY)
    decided = min(
        (each.decided_at for each in orders if each.symbol == symbol and each.decided_at >= scan.at), default=None
    )
    if decided is None or decided - scan.at > of.market(HANDLED_WITHIN):
        return None
    took = (decided - scan.at).total_seconds() / of.speed
    return Why(Cause.LATENCY, f"found at {clock(scan.at)}, ordered at {clock(decided)}: {took:.1f} s later")


def _waits(of: Evidence, worker: str, scan: SeenScan) -> bool:
    """Return whether a worker waited when a scan began, and had not ordered when it ended."""
    began = max((each for each in of.seen.waits[worker] if each <= scan.since), default=None)
    orders = (each.intent for each in of.live.orders if each.intent.purpose is OrderPurpose.ENTRY)
    return began is not None and not any(
        each.worker_id == worker and began < each.decided_at <= scan.at for each in orders
    )


def _without_signal(of: Evidence, symbol: Symbol, scans: list[SeenScan]) -> Why | None:
    """Return that each scan saw a price at which there was no signal, or one that hung on a tick; None if one did not.

    The replay knows the shares of a minute, not those of each price, so that such signals differ without a cause.
    """
    missed = []
    for each in scans:
        seen = of.seen.prices_between(symbol, each.since, each.at)
        without = (
            (max(at, each.since), price) for at, price in seen if not _buys(of, symbol, max(at, each.since), price)
        )
        missed.append(next(without, None))
    if not missed or None in missed:
        return None
    at, price = next(each for each in missed if each is not None)
    text = f"{len(missed)} scans had no signal, or one that hung on one tick, the first at {price:,} of {clock(at)}"
    return Why(Cause.MINUTE, text)


def _buys(of: Evidence, symbol: Symbol, at: datetime, price: Price) -> bool:
    """Return whether there was a signal, one tick lower and a real second earlier and later as well."""
    second, step = at - timedelta(microseconds=at.microsecond), of.market(1)
    instants = [each for each in (second - step, second, second + step) if of.opens_at is None or each >= of.opens_at]
    prices = (price, Price(price - tick_at(price)))
    return all(of.would_buy(symbol, instant, each) for instant in instants for each in prices)
