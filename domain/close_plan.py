"""When the day's selling starts: the fleet's start, and an earlier start for a thinly traded position."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.clock import in_seoul
from domain.market import PriceSample
from domain.money import Quantity, Rate
from domain.session import Session, SessionPlan

CALLS_OF_A_SALE: Final = 12
"""Calls to the broker for a sale whose first limit order does not fill: price, book, order and check; cancel and check;
list and holdings; then price, book, order and check again.

This applies to paper, one stock at a time. The live service returns thirty prices with their best bids in one call, and
an immediately filled sale needs less than half of it.
"""
_SAFETY: Final = Decimal("1.3")
"""A slot of the rate budget rests one second after its response: with calls of 0.1 to 0.3 s n slots serve n ÷ 1.3."""
_START_UP: Final = timedelta(seconds=3)
"""Real time from the timer to the first order: a message, a workflow step, a price."""
_WORDS_PER_CALL: Final = 2
"""Watches whose final result reaches their workflow in the time of one call, when all report at once."""
_LAST_WORD: Final = timedelta(seconds=1)
"""Real time for one such result alone."""

PARTICIPATION: Final = Rate("0.1")
"""Maximum share of the traded volume for a sale that should not move the price much against itself."""
LONGEST_THIN_LEAD: Final = timedelta(minutes=60)
"""Market time before the closing auction at which even the least traded position starts to sell.

It limits the cost of an unknown volume: an earlier start loses most of the afternoon for little additional volume.
"""
_SHARE_OF_WHAT_IS_LEFT: Final = Decimal("0.5")
"""Share of the time to the closing auction that a new position may need for its sale; the rest is for holding."""
_RECENT_AT_LEAST: Final = timedelta(minutes=10)
_DAY_AT_LEAST: Final = timedelta(minutes=5)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CloseLeads:
    """How early a fleet stops buying and starts selling. Leads are market time before the session's end."""

    entry_cutoff: timedelta = timedelta(minutes=30)
    liquidation: timedelta = timedelta(minutes=15)
    least_real_time: timedelta = timedelta(seconds=10)
    """Real time that liquidation needs even for one position; relevant in a compressed day."""
    calls_per_second: int | None = None
    """The account's rate budget. None: unknown, so only the leads count, whatever the number of positions."""


def plan_session(session: Session, leads: CloseLeads, speed: int, positions: int = 1) -> SessionPlan:
    """Compute the deadlines of a session with at most ``positions`` positions at once.

    A compressed day (``speed`` market seconds per second) liquidates earlier so that there is real time to sell.
    """
    lead = max(leads.liquidation, leads.least_real_time * speed)
    by_lead, why = session.ends_at - lead, f"{in_words(lead)} before the end at {in_seoul(session.ends_at):%H:%M}"
    liquidation_at = by_lead
    if leads.calls_per_second is not None:
        takes = time_to_sell_all(positions, leads.calls_per_second)
        by_sale = _whole_minute(session.auction_at - takes * speed)
        liquidation_at = min(by_lead, by_sale)
        whose = "1 position needs" if positions == 1 else f"{positions:,} positions need"
        fast = f" = {in_words(takes * speed)} at {speed}-fold speed" if speed > 1 else ""
        needs = f"{whose} {in_words(takes)} at {leads.calls_per_second} calls/s{fast}"
        auction = f"before the auction at {in_seoul(session.auction_at):%H:%M}"
        why = f"{why}; {needs}" if liquidation_at == by_lead else f"{needs} {auction}"
    liquidation_at = max(liquidation_at, session.opens_at)
    entries_until = min(session.ends_at - leads.entry_cutoff, liquidation_at)
    begun_by = min(liquidation_at + time_to_begin_all(positions, leads.calls_per_second) * speed, session.auction_at)
    return SessionPlan(session, entries_until, liquidation_at, why, max(begun_by, liquidation_at))


def time_to_begin_all(positions: int, calls_per_second: int | None) -> timedelta:
    """Return the real time in which ``positions`` due positions start to sell, each on its watch's result."""
    all_words = positions / (_WORDS_PER_CALL * calls_per_second) if calls_per_second else 0.0
    return _LAST_WORD + timedelta(seconds=all_words)


def time_to_sell_all(positions: int, calls_per_second: int) -> timedelta:
    """Return the real time in which the account's rate budget sells so many positions, one order after the other."""
    seconds = positions * CALLS_OF_A_SALE * _SAFETY / calls_per_second
    return _START_UP + timedelta(seconds=float(seconds))


@dataclass(frozen=True, slots=True)
class OwnStart:
    """When (market time, UTC) the sale of a thinly traded position starts, and why earlier than the fleet's."""

    at: datetime
    why: str


def own_start(
    session: Session, fleet_start: datetime, quantity: Quantity, traded_per_minute: Decimal
) -> OwnStart | None:
    """Return the start of a position's own sale if it is before the fleet's (market time, UTC), else None.

    If no trading volume is known, the start is the earliest possible; never before the open.
    """
    ours = traded_per_minute * PARTICIPATION
    minutes = quantity / ours if ours else None
    most = LONGEST_THIN_LEAD / _MINUTE
    given = most if minutes is None else min(float(minutes), most)
    at = max(session.auction_at - given * _MINUTE, session.opens_at)
    if at >= fleet_start:
        return None
    return OwnStart(at, f"thin: {_need(quantity, ours, minutes)}")


def sellable_quantity(session: Session, now: datetime, traded_per_minute: Decimal) -> Quantity:
    """Return how many shares bought now can be sold by the close after a holding time."""
    left = max(session.auction_at - now, timedelta(0))
    minutes = min(Decimal(left / _MINUTE) * _SHARE_OF_WHAT_IS_LEFT, Decimal(LONGEST_THIN_LEAD / _MINUTE))
    return Quantity(int(traded_per_minute * PARTICIPATION * minutes))


def traded_per_minute(
    recent: Sequence[PriceSample], volume: Quantity, session: Session, now: datetime
) -> Decimal | None:
    """Return the shares traded per minute: the smaller of the day's average and the recent path's average.

    Args:
        recent: the path of the last half hour, oldest first; a path shorter than ten minutes is ignored.
        volume: the shares traded in the session so far.
        session: the day's average starts at its opening.
        now: market time (UTC).
    """
    if now <= session.opens_at:
        return None
    averages = [volume / _minutes(max(now - session.opens_at, _DAY_AT_LEAST))]
    if recent and now - recent[0].at >= _RECENT_AT_LEAST:
        averages.append(max(volume - recent[0].volume, 0) / _minutes(now - recent[0].at))
    return min(averages)


def in_words(duration: timedelta) -> str:
    """Return a duration for display: ``8 s``, ``15 min``, ``12 min 5 s``."""
    minutes, seconds = divmod(-(-duration // timedelta(seconds=1)), 60)
    parts = (f"{minutes} min" if minutes else "", f"{seconds} s" if seconds or not minutes else "")
    return " ".join(part for part in parts if part)


def _need(quantity: Quantity, ours: Decimal, minutes: Decimal | None) -> str:
    most = LONGEST_THIN_LEAD // _MINUTE
    if minutes is None:
        return f"nothing seems to trade, {quantity:,} shares get {most} min"
    need = f"{quantity:,} shares at {ours:,.1f} a minute need {minutes:,.0f} min"
    return need if minutes <= most else f"{need} and get {most}"


def _minutes(duration: timedelta) -> Decimal:
    return Decimal(duration // timedelta(seconds=1)) / 60


def _whole_minute(instant: datetime) -> datetime:
    """Round down to the minute, for display and for cron lines."""
    return instant.replace(second=0, microsecond=0)
