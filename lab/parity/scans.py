"""What the live fleet's scans said of a stock that only its replay bought."""

from datetime import datetime, timedelta
from typing import Final

from domain.market import Symbol
from lab.parity.causes import Cause, Evidence, Why, clock
from lab.parity.seen import NotBought, SeenScan

_CAUSES: Final = {
    "lock lost": Cause.HELD,
    "offered too late": Cause.LATENCY,
    "quote stale": Cause.STALE,
    "quote too old": Cause.STALE,
    "the price has moved": Cause.MINUTE,
    "no longer signals": Cause.MINUTE,
}
"""Which cause a reason at the last look stands for; any other is a refusal."""


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
    if any(symbol in (each.found or ()) for each in scans):
        return None
    return _without_signal(of, symbol, scans)


def _none_of(of: Evidence, at: datetime, failed: int) -> Why:
    """Return that no scan succeeded, and between which instants."""
    good = [each.at for each in of.seen.scans if each.found is not None]
    before = max((each for each in good if each < at), default=None)
    after = min((each for each in good if each > at), default=None)
    since, until = ("–" if each is None else clock(each) for each in (before, after))
    why = f"the broker did not answer {failed} scans" if failed else "no host scanned"
    return Why(Cause.NO_SCAN, f"{why} between {since} and {until}")


def _refusal(refused: NotBought) -> Why:
    cause = next((cause for words, cause in _CAUSES.items() if words in refused.why), Cause.REFUSAL)
    return Why(cause, f"found, and not bought at {clock(refused.at)}: {refused.why}")


def _without_signal(of: Evidence, symbol: Symbol, scans: list[SeenScan]) -> Why | None:
    """Return that no scan had a signal at the price that it saw; None if one had."""
    seen = [(each.at, price) for each in scans if (price := of.seen.price_at(symbol, each.at)) is not None]
    if not seen or any(of.would_buy(symbol, _whole(at), price) for at, price in seen):
        return None
    first, price = seen[0]
    return Why(Cause.MINUTE, f"{len(seen)} scans from {clock(first)} on saw {price:,} and had no signal at it")


def _whole(at: datetime) -> datetime:
    """Return the whole second of an instant: the replay's prices have one a second."""
    return at - timedelta(microseconds=at.microsecond)
